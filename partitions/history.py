"""The days that the lakehouse keeps, without Dagster: a command that only asks whether a day is one of them need not wait for its import."""

from __future__ import annotations

from datetime import date, timedelta

from globalbev_assets.errors import TerminalError
from partitions.days import DayRange, today

DEFAULT_START = date(2026, 1, 1)


def history(start: date | None, end: date | None) -> DayRange:
    """All days that the lakehouse keeps so far: no day is a partition of Dagster's before it is over."""
    first, last = start or DEFAULT_START, min(end or today(), today()) - timedelta(days=1)
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
