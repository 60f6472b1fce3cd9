"""The syndicated market panel: a CSV file a week, eight days after the week's Monday."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from partitions.days import DayRange

from .landing import Landing, csv_bytes
from .ledger import Defect
from .sales import Sales

FEED = "market_panel"
HEADER = ("week_start", "market_id", "sku", "units", "sales_value", "avg_price", "display", "feature")
DELIVERED_AFTER = timedelta(days=8)
SOURCE_MONDAY = date(2017, 1, 2)
LATE, TWICE, CORRECTED = 6, 9, 12


def deliver(root: Path, sales: Sales, days: DayRange, *, is_history: bool) -> list[Defect]:
    """Deliver the weeks whose file is due on one of ``days``; the history also has what goes wrong with files."""
    landing = Landing(root, FEED)
    weeks = [day - DELIVERED_AFTER for day in days if (day - DELIVERED_AFTER).weekday() == 0]
    sources = {week: sales.state.window.source_day(week) for week in weeks}
    weeks = [week for week in weeks if sources[week] >= SOURCE_MONDAY]
    if not weeks:
        return []
    sales.connection.execute("create or replace table panel_week(week_start date, source_start date, week int)")
    numbered = [(week, sources[week], (sources[week] - SOURCE_MONDAY).days // 7 + 2) for week in weeks]
    sales.connection.executemany("insert into panel_week values (?, ?, ?)", numbered)
    sales.run("panel.sql")
    for number, (week, rows) in enumerate(groupby(sales.rows("panel"), key=lambda row: row[0])):
        _deliver_week(landing, number if is_history else -1, week, list(rows))
    if is_history:
        late = [weeks[number] + DELIVERED_AFTER + timedelta(days=2) for number in (3, 7, 11, 15, 19)]
        landing.spoil_csv(late, "panel_regional", HEADER, ("2026-01-05", "US-OH", "BEV-000001", 1, "2.00", "2.0000", 0, 0))
    return landing.defects


def _deliver_week(landing: Landing, number: int, week: date, rows: list[tuple[Any, ...]]) -> None:
    name, day = f"panel_{week:%G-W%V}.csv", week + DELIVERED_AFTER
    if number == CORRECTED:
        halved = [(*row[:3], str(int(row[3]) // 2), *row[4:8]) for row in rows]
        landing.deliver(day, name, csv_bytes(HEADER, halved))
        landing.note(day, name, "corrected_later", "superseded", rows=len(halved))
        day += timedelta(days=3)
    if number == LATE:
        day += timedelta(days=9)
    content = csv_bytes(HEADER, [_spoilt(row) for row in rows], delimiter=";" if number == 1 else ",")
    landing.deliver(day, name, content, has_marker=day.toordinal() % 2 == 0)
    for row in rows:
        if row[9]:
            key = {"week_start": str(row[0]), "market_id": row[1], "sku": row[2], "file": f"{FEED}/{day}/{name}", "position": row[8]}
            landing.defects.append(Defect(FEED, key, "bad_number", "quarantined", "silver.market_panel", f"type:{row[9]}", row[9], day))
    if number == TWICE:
        landing.spoil(day + timedelta(days=1), name, content, "delivered_twice", "duplicate_file")


def _spoilt(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(row[10] if HEADER[place] == row[9] else value for place, value in enumerate(row[:8]))
