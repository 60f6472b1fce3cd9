"""Freshness of all tables, and its record ``ops.freshness``: a row whenever a table's or a source's state, or the day expected of it, changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta

import pyarrow as pa
from deltalake.exceptions import TableNotFoundError

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.freshness import Freshness, Promise, expected_of_source, judge_partition, judge_source, why_owed
from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import TableName
from partitions.daily import DEFAULT_START
from resources.delta_creation import append, create
from resources.delta_dataset import rows_of
from resources.ledger import Ledger, LedgerRow
from resources.settings import Settings
from resources.source_deliveries import SourceDeliveries

LOOK_BACK = timedelta(days=400)
"""So far back the ledger is read: the longest pause between two deliveries that a calendar knows."""
_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("table_name", "subject", "state", "previous_state", "reason", "owner")]
    + [("expected_day", pa.date32()), ("due_at", pa.timestamp("us", tz="UTC")), ("late_s", pa.float64())]
    + [("recorded_at", pa.timestamp("us", tz="UTC"))]
)


@dataclass(frozen=True)
class FreshnessRow:
    """A change: what is expected of a table or of its source, whether it is there, since when it should be."""

    table_name: str
    subject: str
    state: str
    previous_state: str
    reason: str
    owner: str
    expected_day: date
    due_at: datetime
    late_s: float
    recorded_at: datetime

    @property
    def said(self) -> tuple[date, str]:
        """What makes it another state."""
        return self.expected_day, self.state


Known = Mapping[tuple[str, str], FreshnessRow]


class FreshnessLog:
    """The table ``ops.freshness`` of one lake."""

    def __init__(self, lake_root: str) -> None:
        """Take the root of the lake; nothing is read yet."""
        self._path = f"{lake_root}/ops/freshness"

    def latest(self, moment: datetime) -> dict[tuple[str, str], FreshnessRow]:
        """The newest row of each table and subject; what a clock that ran ahead has recorded is not of the past yet, and says nothing."""
        try:
            rows = rows_of(self._path).sort_by("recorded_at").to_pylist()
        except TableNotFoundError:
            return {}
        return {(row["table_name"], row["subject"]): FreshnessRow(**row) for row in rows if row["recorded_at"] <= moment}

    def append(self, rows: Sequence[FreshnessRow]) -> None:
        """Record changes, in one commit; none, no commit.

        Raises:
            TransientError: GB-3041, while the contracts' SQL has not made the table in a lake that is no folder.
        """
        if rows:
            table = pa.Table.from_pylist([asdict(row) for row in rows], schema=_SCHEMA)
            create(self._path, _SCHEMA, {"delta.checkpointInterval": "50"})
            append(self._path, table)


def promise_of(contract: Contract, book: ContractBook, settings: Settings) -> Promise:
    """What the table promises in this installation."""
    return Promise.of(contract, book, settings.start_date or DEFAULT_START, settings.end_date)


def assess(settings: Settings, book: ContractBook, moment: datetime, known: Known, tables: Sequence[Contract] | None = None) -> list[Freshness]:
    """The freshness of each table, and of the source of each that has one.

    A source is asked when a day of it becomes due and for as long as it is late, not when ``known`` says that it has delivered: in quiet
    times nobody is asked anything. An ``unknown`` is no news.
    """
    chosen = list(book.values()) if tables is None else list(tables)
    by_table = _loaded(settings, moment, chosen)
    with SourceDeliveries(settings, moment) as sources:
        return [found for contract in chosen for found in _of_table(contract, book, sources, by_table.get(str(contract.name), {}), known)]


def owed_days(settings: Settings, book: ContractBook, moment: datetime, tables: Sequence[Contract]) -> dict[TableName, list[date]]:
    """By table: the days since its first in the ledger that never came, though later ones did; those alone that no later delivery makes up for."""
    loaded = _loaded(settings, moment, tables)
    return {contract.name: _owed(promise_of(contract, book, settings), loaded.get(str(contract.name), {}), moment) for contract in tables}


def _owed(promise: Promise, rows: Mapping[date, LedgerRow], moment: datetime) -> list[date]:
    first, last = min(rows, default=moment.date()), max(rows, default=moment.date())
    days = (first + timedelta(days=number) for number in range((last - first).days))
    return [day for day in days if why_owed(promise, day, rows, moment)]


def _loaded(settings: Settings, moment: datetime, tables: Sequence[Contract]) -> dict[str, dict[date, LedgerRow]]:
    """By table and day: the newest word of the ledger."""
    rows = Ledger(settings.lake_root).latest([str(contract.name) for contract in tables], since=(moment - LOOK_BACK).date())
    by_table: dict[str, dict[date, LedgerRow]] = {}
    for (table, day), row in rows.items():
        by_table.setdefault(table, {})[day] = row
    return by_table


def _of_table(contract: Contract, book: ContractBook, sources: SourceDeliveries, rows: Mapping[date, LedgerRow], known: Known) -> Iterator[Freshness]:
    promise = promise_of(contract, book, sources.settings)
    partition = judge_partition(contract.name, promise, rows, sources.moment)
    yield partition
    if partition.expected_day is None:
        return
    expected = expected_of_source(promise, partition.expected_day, sources.moment) or partition.expected_day
    before = known.get((str(contract.name), "source"))
    if before is not None and before.said == (expected, "fresh"):
        yield Freshness(contract.name, "source", "fresh", expected, before.due_at, before.reason)
        return
    look = sources.look(contract, promise.calendar, expected)
    if look is not None:
        yield judge_source(contract.name, promise, expected, look)


def with_late_source(partition: Freshness, known: Known) -> Freshness:
    """The table's judgement, late where its source was seen to be: a day that was loaded says nothing of the one that the source owes.

    What was seen of a source before the expected day became due says nothing of that day.
    """
    source = known.get((str(partition.table), "source"))
    if source is None or source.state != "late" or partition.expected_day is None or source.expected_day < partition.expected_day:
        return partition
    return replace(partition, state="late", reason=f"{partition.reason} {source.reason}".strip())


def changes(found: Sequence[Freshness], known: Known, owners: Mapping[TableName, str], moment: datetime) -> list[FreshnessRow]:
    """What is to be recorded: nothing while nothing changed."""
    rows = []
    for one in found:
        before = known.get((str(one.table), one.subject))
        if one.state == "unknown" or one.expected_day is None or one.due_at is None:
            continue
        if before is None or before.said != (one.expected_day, one.state):
            late_s = one.late_by(moment).total_seconds()
            previous = before.state if before else ""
            rows.append(
                FreshnessRow(
                    str(one.table), one.subject, one.state, previous, one.reason, owners[one.table], one.expected_day, one.due_at, late_s, moment
                )
            )
    return rows
