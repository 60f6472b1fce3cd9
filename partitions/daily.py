"""The daily partitions: one start date, UTC, the same for every asset."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import dagster as dg

from globalbev_assets.errors import TerminalError
from partitions.days import DayRange, parse_day, today

DEFAULT_START = date(2026, 1, 1)


def daily_partitions(start: date | None, end: date | None) -> dg.DailyPartitionsDefinition:
    """Days from ``start`` (included) to ``end`` (not included; None: up to yesterday, growing)."""
    return dg.DailyPartitionsDefinition(start_date=str(start or DEFAULT_START), end_date=str(end) if end else None, timezone="UTC")


def history(start: date | None, end: date | None) -> DayRange:
    """All days that the lakehouse keeps so far."""
    first, last = start or DEFAULT_START, (end or today()) - timedelta(days=1)
    return DayRange(first, max(first, last))


def within_history(wanted: DayRange, start: date | None, end: date | None) -> DayRange:
    """The range itself; GB-1006 when a part of it lies outside the history."""
    known = history(start, end)
    if wanted.first in known and wanted.last in known:
        return wanted
    raise TerminalError(
        "GB-1006",
        "That range is not in the history.",
        got=str(wanted),
        valid=str(known),
        todo="Choose days within the history, or set GLOBALBEV_START_DATE / GLOBALBEV_END_DATE.",
    )


def days_of(keys: Iterable[str]) -> list[date]:
    """Partition keys as days, in order."""
    return sorted(parse_day(key) for key in keys)
