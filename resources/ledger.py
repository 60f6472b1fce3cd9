"""The ledger: one row a table, business day and run, in which every source row is accounted for; and the results of the rules.

Both tables are small, appended by one commit a step from figures that the step holds anyway, and read by checks, sensors and the command line.
So they are written and read with ``deltalake``: 20 ms a commit instead of 600, no JVM, and its put-if-absent loses no commit on a local disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from resources.delta_log import DeltaLog, Filter, FolderLog
from resources.places import is_local, local_path

__all__ = ["DqResult", "Ledger", "LedgerRow", "is_local", "local_path"]

READABLE = ("published", "unchanged", "no_source_data")
RETAINED_LOG_SETTINGS = {"delta.checkpointInterval": "50"}


@dataclass(frozen=True)
class LedgerRow:
    """What became of the source rows of one table and business day in one run.

    ``rows_in = published + quarantined + deduplicated + superseded + unaccounted``. ``state``: published; unchanged (same content as
    before, not committed again); held (a blocking limit, see ``reason``; what was published before stays); failed; no_source_data.
    """

    table_name: str
    business_day: date
    run_id: str
    state: str
    recorded_at: datetime
    contract_version: str
    rows_in: int = 0
    published: int = 0
    quarantined: int = 0
    deduplicated: int = 0
    superseded: int = 0
    unaccounted: int = 0
    expanded_to: int = 0
    warned: int = 0
    reason: str = ""
    delta_version: int | None = None
    content_hash: str = ""
    duration_s: float = 0.0

    @property
    def is_readable(self) -> bool:
        """Whether the next layer may read this day."""
        return self.state in READABLE


@dataclass(frozen=True)
class DqResult:
    """What one rule saw in one table and business day. ``kind`` is row (``observed`` counts the rows that broke it) or day (``observed`` is the figure)."""

    table_name: str
    rule_id: str
    kind: str
    column: str
    business_day: date
    run_id: str
    severity: str
    observed: Decimal
    limit_minimum: Decimal | None
    limit_maximum: Decimal | None
    previous: Decimal | None
    passed: bool
    blocking: bool
    recorded_at: datetime

    @property
    def is_unbroken_rule(self) -> bool:
        """Whether this is a rule of single rows that none of them broke."""
        return self.kind == "row" and self.passed


_ARROW: dict[str, pa.DataType] = {
    "str": pa.string(), "date": pa.date32(), "datetime": pa.timestamp("us", tz="UTC"), "int": pa.int64(), "int | None": pa.int64(),
    "float": pa.float64(), "bool": pa.bool_(), "Decimal": pa.decimal128(18, 6), "Decimal | None": pa.decimal128(18, 6),
}  # fmt: skip


def _schema(kind: type) -> pa.Schema:
    return pa.schema([(name, _ARROW[str(annotation)]) for name, annotation in kind.__annotations__.items()])


class Ledger:
    """The tables ``ops.ledger`` and ``ops.dq_results`` of one lake."""

    def __init__(self, lake_root: str, log: DeltaLog | None = None) -> None:
        """Take the root of the lake, and how its tables are read and written; nothing is read yet."""
        self._ledger, self._results = f"{lake_root}/ops/ledger", f"{lake_root}/ops/dq_results"
        self._log = log or FolderLog()

    def append(self, rows: Sequence[LedgerRow], results: Sequence[DqResult] = ()) -> None:
        """Record a step: one commit a table."""
        self._append(self._ledger, LedgerRow, rows)
        self._append(self._results, DqResult, results)

    def latest(self, tables: Iterable[str], since: date | None = None) -> dict[tuple[str, date], LedgerRow]:
        """The newest row of each table and day, of all days or of those from ``since`` on."""
        found: dict[tuple[str, date], LedgerRow] = {}
        filters: list[Filter] = [("table_name", "in", sorted(set(tables))), *([("business_day", ">=", since)] if since else [])]
        for row in self._read(self._ledger, LedgerRow, filters):
            known = found.get((row.table_name, row.business_day))
            if known is None or known.recorded_at <= row.recorded_at:
                found[row.table_name, row.business_day] = row
        return found

    def of_run(self, run_id: str) -> list[LedgerRow]:
        """What a run has recorded so far."""
        return self._read(self._ledger, LedgerRow, [("run_id", "=", run_id)])

    def of_runs(self, run_ids: Iterable[str]) -> list[LedgerRow]:
        """What several runs have recorded."""
        return self._read(self._ledger, LedgerRow, [("run_id", "in", sorted(set(run_ids)))])

    def failures_of_runs(self, run_ids: Iterable[str]) -> list[DqResult]:
        """The rules' results of several runs that did not pass."""
        return self._read(self._results, DqResult, [("run_id", "in", sorted(set(run_ids))), ("passed", "=", False)])

    def results(self, tables: Iterable[str], run_id: str) -> list[DqResult]:
        """The rules' results of some tables in a run."""
        return self._read(self._results, DqResult, [("table_name", "in", sorted(set(tables))), ("run_id", "=", run_id)])

    def _append(self, path: str, kind: type, rows: Sequence[Any]) -> None:
        if rows:
            self._log.append(path, pa.Table.from_pylist([vars(row) for row in rows], schema=_schema(kind)), RETAINED_LOG_SETTINGS)

    def _read(self, path: str, kind: type[Any], filters: list[Filter]) -> list[Any]:
        return [kind(**record) for record in self._log.read(path, filters)]
