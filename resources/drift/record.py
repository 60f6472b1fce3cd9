"""``ops.schema_drift``: one row a difference, from when it was first seen until it is over.

Written by the sensor and by the bronze steps, so each change is made under a lock and on the table's newest version.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake.exceptions import CommitFailedError
from filelock import FileLock, Timeout

from globalbev_assets.contracts.drift import Difference, Kind
from globalbev_assets.contracts.operations import schema_drift_contract
from globalbev_assets.errors import TransientError
from partitions.days import DayRange, now
from resources.delta_log import DeltaLog, FolderLog
from resources.ledger import RETAINED_LOG_SETTINGS

ATTEMPTS, LOCK_S = 5, 20.0
MUST_BE_READ_AGAIN = ("missing", "renamed")
"""Kinds by which values did not arrive in their column: bronze has to read those days again, even when it is over."""
SEEN_AGAIN_AFTER = timedelta(hours=1)
_TIME = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class DriftRow:
    """One difference and its life: see the contract of ``ops.schema_drift``."""

    drift_id: str
    table_name: str
    kind: Kind
    column_name: str
    found: str
    expected: str
    is_breaking: bool
    evidence: str
    affects: str
    source: str
    first_day: date | None
    last_day: date | None
    opened_at: datetime
    last_seen_at: datetime
    contract_version: str
    closed_at: datetime | None = None
    closed_by: str | None = None
    days: str | None = None

    @property
    def delivery_days(self) -> frozenset[date]:
        """The days of delivery that have it; of a row from before they were written down, all from the first to the last."""
        if self.days is not None:
            return frozenset(map(date.fromisoformat, self.days.split(", "))) if self.days else frozenset()
        if self.first_day is None or self.last_day is None:
            return frozenset()
        return frozenset(DayRange(self.first_day, self.last_day))

    def on(self, days: Collection[date]) -> DriftRow:
        """The row with these days of delivery."""
        return replace(self, first_day=min(days, default=None), last_day=max(days, default=None), days=", ".join(map(str, sorted(days))))

    @property
    def is_open(self) -> bool:
        """Whether the difference is still there."""
        return self.closed_at is None

    @property
    def difference(self) -> Difference:
        """What was found."""
        affects = tuple(part for part in self.affects.split(", ") if part)
        return Difference(self.table_name, self.kind, self.column_name, self.found, self.expected, self.is_breaking, self.evidence, affects)


@dataclass(frozen=True)
class Seen:
    """A difference as one look found it: where, and of which deliveries."""

    difference: Difference
    source: str
    contract_version: str
    days: frozenset[date] = frozenset()

    def row(self, at: datetime) -> DriftRow:
        """The row of a difference that is new."""
        one = self.difference
        return DriftRow(
            one.drift_id, one.table, one.kind, one.column, one.found, one.expected, one.is_breaking, one.evidence, ", ".join(one.affects),
            self.source, None, None, at, at, self.contract_version,
        ).on(self.days)  # fmt: skip

    def renew(self, row: DriftRow, at: datetime) -> DriftRow:
        """The row of a difference that is there again; itself when there is nothing worth a commit."""
        one = self.difference
        newer = replace(row, is_breaking=one.is_breaking, expected=one.expected, affects=", ".join(one.affects))
        newer = replace(newer, contract_version=self.contract_version).on(row.delivery_days | self.days)
        return replace(newer, last_seen_at=at, source=self.source, evidence=one.evidence) if newer != row or self._is_due(row, at) else row

    @staticmethod
    def _is_due(row: DriftRow, at: datetime) -> bool:
        return at - row.last_seen_at >= SEEN_AGAIN_AFTER


_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("drift_id", "table_name", "kind", "column_name", "found", "expected")]
    + [("is_breaking", pa.bool_())]
    + [(name, pa.string()) for name in ("evidence", "affects", "source")]
    + [("first_day", pa.date32()), ("last_day", pa.date32()), ("opened_at", _TIME), ("last_seen_at", _TIME)]
    + [("contract_version", pa.string()), ("closed_at", _TIME), ("closed_by", pa.string()), ("days", pa.string())]
)


class Drifts:
    """The differences that were recorded in one lake."""

    def __init__(self, lake_root: str, state: Path | None = None, log: DeltaLog | None = None) -> None:
        """Take the root of the lake, ``<home>/state``, where the lock lies, and how tables are read and written; nothing is read yet."""
        self._path, self._state, self._log = f"{lake_root}/ops/schema_drift", state, log or FolderLog()

    def rows(self, tables: Iterable[str] | None = None) -> list[DriftRow]:
        """What was recorded of some tables or of all, oldest first; nothing while there is no such table."""
        # Read whole: it is small, after a MERGE deltalake's filters on texts fail in Arrow (no kernel for string_view), and a table that
        # was made before a column came does not have it.
        found = [DriftRow(**{name: value for name, value in record.items() if name in _SCHEMA.names}) for record in self._log.read(self._path, ())]
        wanted = None if tables is None else set(tables)
        return sorted((row for row in found if wanted is None or row.table_name in wanted), key=lambda row: (row.opened_at, row.drift_id))

    def change(self, tables: Iterable[str], step: Callable[[Sequence[DriftRow], datetime], Sequence[DriftRow]]) -> list[DriftRow]:
        """Let ``step`` say, from the rows of these tables as they are now, which are new or changed; they are written and returned.

        Raises:
            TransientError: GB-2005, when others write all the time.
        """
        named = sorted(set(tables))
        try:
            with self._guard():
                return self._changed(named, step)
        except Timeout:
            raise _overtaken(f"no turn within {LOCK_S:.0f} s") from None

    def _changed(self, tables: Sequence[str], step: Callable[[Sequence[DriftRow], datetime], Sequence[DriftRow]]) -> list[DriftRow]:
        for attempt in range(ATTEMPTS):
            changed = list(step(self.rows(tables), now()))
            try:
                if changed:
                    self._write(changed)
            except CommitFailedError:
                time.sleep(0.05 * 2**attempt)
                continue
            return changed
        raise _overtaken(f"{ATTEMPTS} attempts")

    def _guard(self) -> AbstractContextManager[Any]:
        if self._state is None:
            return nullcontext()
        folder = self._state / "drift"
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(str(folder / "record.lock"), timeout=LOCK_S)

    def _write(self, rows: Sequence[DriftRow]) -> None:
        source = pa.Table.from_pylist([asdict(row) for row in rows], schema=_SCHEMA)
        if self._log.version(self._path) is not None:
            self._log.add_missing_columns(self._path, schema_drift_contract())
        self._log.merge(self._path, source, ("drift_id", "opened_at"), RETAINED_LOG_SETTINGS)


def _overtaken(got: str) -> TransientError:
    return TransientError(
        "GB-2005", "The record of schema drift is written by others all the time.", got=got, valid="one writer at a time", todo="Run again."
    )
