"""Which days of a bronze table silver may not read because of schema drift, and why. From the record alone: 20 ms, no Spark.

Held are the days that were read while a breaking difference was there. When it is over they may be published again; where values did not
arrive in their column (it was missing, or had another name) bronze has to read those days again first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date

from resources.drift.record import MUST_BE_READ_AGAIN, DriftRow
from resources.ledger import LedgerRow


def held_by_drift(rows: Iterable[DriftRow], bronze: Mapping[date, LedgerRow], days: Collection[date]) -> dict[date, str]:
    """The days that are held, with the difference as the reason.

    Args:
        rows: what was recorded of the bronze table.
        bronze: the newest ledger row of each of its days.
        days: the days that silver asks for.
    """
    breaking = [row for row in rows if row.is_breaking]
    found = {}
    for day in days:
        row = bronze.get(day)
        causes = [one for one in breaking if row is not None and _holds(one, row)]
        if causes:
            found[day] = _reason(causes, day)
    return found


def _holds(drift: DriftRow, bronze: LedgerRow) -> bool:
    if drift.closed_at is not None and (drift.kind not in MUST_BE_READ_AGAIN or bronze.recorded_at >= drift.closed_at):
        return False
    if drift.first_day is not None:
        return bronze.business_day in drift.delivery_days
    return bronze.recorded_at >= drift.opened_at


def _reason(causes: Collection[DriftRow], day: date) -> str:
    current = [one for one in causes if one.is_open]
    said = "; ".join(one.difference.words for one in current or causes)
    table = next(iter(causes)).table_name
    if current:
        return f"schema drift in {current[0].source}: {said}. See `globalbev drift show {table}`"
    return f"{table} of that day was read while {said}. Load it again: `globalbev backfill {day} {day}`"
