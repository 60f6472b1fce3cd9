"""A second opinion on the shop: the lakehouse's rules over the rows themselves, so that the ledger can be proven complete and exact."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path

from . import shop
from .ledger import read
from .sales import SQL

Verdict = tuple[str, str, str, date | None]
FEEDS = ("orders", "order_lines", "payments", "stores")


def verdicts(dsn: str, read_at: datetime) -> list[Verdict]:
    """Each violated rule of each row: feed, key as JSON, rule, business day in bronze, for a reading at that time."""
    with shop.connect(dsn) as connection:
        connection.execute("create temporary table judged as select %s::timestamptz as read_at", [read_at])
        connection.execute((SQL / "judge.sql").read_bytes())
        rows = connection.execute("select feed, key, rule, day from verdict").fetchall()
        connection.rollback()
    return [(feed, json.dumps(key, sort_keys=True), rule, day) for feed, key, rule, day in rows]


def ledgered(path: Path) -> list[Verdict]:
    """What the ledger says of the same feeds, where it names a rule."""
    return [
        (defect.feed, json.dumps(defect.key, sort_keys=True), defect.rule, defect.day)
        for defect in read(path)
        if defect.feed in FEEDS and defect.rule
    ]
