"""Figures of the lake as it is now: read from the ledger without Spark, whenever somebody asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from deltalake.exceptions import TableNotFoundError

from globalbev_assets.contracts.book import ContractBook
from resources.delta_dataset import rows_of
from resources.ledger import Ledger, LedgerRow
from resources.metrics.instruments import FAILED_DAYS, FRESHNESS_LAG, HELD_DAYS, LAYER, OUTBOX, QUARANTINE, RATIO, TABLE, Instrument
from resources.settings import Settings


@dataclass(frozen=True, slots=True)
class Measured:
    """One value of one instrument."""

    instrument: Instrument
    value: float
    attributes: Mapping[str, str]


def lake_state(settings: Settings, book: ContractBook, at: datetime) -> list[Measured]:
    """The gauges of every table that was ever published, and of the alerts that wait."""
    by_table: dict[str, dict[date, LedgerRow]] = {}
    for (table, day), row in Ledger(settings.lake_root).latest(str(name) for name in book).items():
        by_table.setdefault(table, {})[day] = row
    found = [measured for table, rows in sorted(by_table.items()) for measured in _of_table(table, rows, at)]
    waiting = _outbox_size(settings)
    return found if waiting is None else [*found, Measured(OUTBOX, waiting, {})]


def _of_table(table: str, rows: Mapping[date, LedgerRow], at: datetime) -> Iterable[Measured]:
    named = {TABLE: table, LAYER: table.partition(".")[0]}
    states = [row.state for row in rows.values()]
    yield Measured(HELD_DAYS, states.count("held"), named)
    yield Measured(FAILED_DAYS, states.count("failed"), named)
    yield Measured(QUARANTINE, sum(row.quarantined for row in rows.values() if row.is_readable), named)
    readable = [day for day, row in rows.items() if row.is_readable]
    if readable:
        newest = rows[max(readable)]
        yield Measured(FRESHNESS_LAG, lag_s(newest.business_day, at), named)
        yield Measured(RATIO, newest.quarantined / newest.rows_in if newest.rows_in else 0.0, named)


def lag_s(day: date, at: datetime) -> float:
    """Seconds since the end of a business day; 0 for one that has not ended."""
    return max((at - datetime.combine(day + timedelta(days=1), time(), UTC)).total_seconds(), 0.0)


def _outbox_size(settings: Settings) -> int | None:
    """Messages of ``ops.alerts`` that some channel still has to take; None in an installation that never had one."""
    try:
        rows: list[dict[str, str]] = rows_of(f"{settings.lake_root}/ops/alerts", ["kind", "state"]).to_pylist()
    except TableNotFoundError:
        return None
    return sum(row["kind"] == "message" and row["state"] != "sent" for row in rows)
