"""Dagster's event log in SQLite, a batch of events a transaction.

Here belongs what makes the local event log fast and nothing else; an installation with PostgreSQL storage does not need it.

Dagster's own SQLite storage opens an engine and a connection for every event and commits, and again for the event's mirror in the index:
10 to 20 ms an event, and six months of all tables are 10,000 events and more. This class keeps the tables and every query of the
original and differs in two things. A file's connection stays open: 1.6 ms an event. A batch (``DAGSTER_EVENT_BATCH_SIZE``) is one
transaction in the run's file and one in the index, in which an asset's own row is written once and an event is serialised
once: 0.2 to 0.4 ms an event. ``tests/unit/test_event_log.py`` holds both storages against each other, table by table.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, cast

import sqlalchemy as db
from dagster import AssetCheckEvaluation
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS, EVENT_TYPE_TO_PIPELINE_RUN_STATUS, DagsterEventType
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import NullPool

MAX_OPEN_FILES = 8
_MIRRORED = ASSET_EVENTS | ASSET_CHECK_EVENTS | EVENT_TYPE_TO_PIPELINE_RUN_STATUS.keys()
_CHECKS = AssetCheckExecutionsTable.c
_UPDATE_CHECK = AssetCheckExecutionsTable.update().where(
    _CHECKS.asset_key == db.bindparam("its_asset_key"),
    _CHECKS.check_name == db.bindparam("its_check_name"),
    _CHECKS.run_id == db.bindparam("its_run_id"),
    _CHECKS.partition.is_not_distinct_from(db.bindparam("its_partition")),
)


class _Stored(NamedTuple):
    """An event, its row of ``event_logs`` and the id that the index gave it."""

    event: EventLogEntry
    row: dict[str, Any]
    index_id: int

    @property
    def kind(self) -> DagsterEventType | None:
        return self.event.dagster_event_type


class BatchedSqliteEventLogStorage(SqliteEventLogStorage):
    """``SqliteEventLogStorage`` with open connections, whose ``store_event_batch`` is one transaction a file."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """Open the event log in ``base_dir``, made when it is missing."""
        self._batch = threading.local()
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._engines_pid = os.getpid()
        self._known_tables: set[str] = set()
        super().__init__(base_dir, inst_data)
        self._db_lock = threading.RLock()  # type: ignore[assignment]  # a batch holds the run's file and the index at once

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> BatchedSqliteEventLogStorage:
        """Make this class: the original's method makes the original."""
        return cls(inst_data=inst_data, **config_value)

    def has_table(self, table_name: str) -> bool:
        """Whether the index has the table; one that was there once is not looked up again."""
        if table_name not in self._known_tables and super().has_table(table_name):
            self._known_tables.add(table_name)
        return table_name in self._known_tables

    def store_event(self, event: EventLogEntry) -> None:
        """Store one event and tell those who watch the run."""
        super().store_event(event)
        self._touch(event.run_id)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store the events, all or none, in one transaction for each file that they touch."""
        rows = [self._event_to_row(event) for event in events]
        with self._one_transaction_a_file():
            self._store_in_runs(rows)
            stored = self._mirror(events, rows)
            self._store_assets([each for each in stored if each.kind in ASSET_EVENTS])
            self._store_checks([each for each in stored if each.kind in ASSET_CHECK_EVENTS])
        for run_id in {event.run_id for event in events}:
            self._touch(run_id)

    def wipe(self) -> None:
        """Delete all events; the open files first let go."""
        self._forget_engines()
        super().wipe()

    def dispose(self) -> None:
        """Close what is open."""
        self._forget_engines()
        super().dispose()

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        held: dict[str, Connection] | None = getattr(self._batch, "connections", None)
        if held is None:
            with self._db_lock, self._engine(shard).begin() as connection:
                yield connection
        else:
            if shard not in held:
                held[shard] = self._batch.stack.enter_context(self._engine(shard).begin())
            yield held[shard]

    @contextmanager
    def _one_transaction_a_file(self) -> Iterator[None]:
        """Within it each file has one connection, in one transaction; the index is entered first and so committed last, as the original does."""
        with self._db_lock, ExitStack() as stack:
            self._batch.stack, self._batch.connections = stack, {}
            try:
                with self.index_connection():
                    yield
            finally:
                self._batch.connections = None

    def _engine(self, shard: str) -> Engine:
        if self._engines_pid != os.getpid():  # SQLite's locks belong to a process: an open file must not cross a fork
            self._engines, self._engines_pid = OrderedDict(), os.getpid()
        if shard not in self._initialized_dbs:
            self._initdb(
                db.create_engine(self.conn_string_for_shard(shard), poolclass=NullPool, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})
            )
            self._initialized_dbs.add(shard)
        if shard not in self._engines:
            self._engines[shard] = _open_engine(self.conn_string_for_shard(shard))
        self._engines.move_to_end(shard)
        while len(self._engines) > MAX_OPEN_FILES:
            self._engines.popitem(last=False)[1].dispose()
        return self._engines[shard]

    def _forget_engines(self) -> None:
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()

    def _touch(self, run_id: str) -> None:
        """Dagster's watcher sees changes of the run's file only, and a commit into a log that stays open changes the file beside it."""
        with suppress(OSError):
            os.utime(Path(self.path_for_shard(run_id)))

    def _store_in_runs(self, rows: Sequence[dict[str, Any]]) -> None:
        by_run: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            by_run[row["run_id"]].append(row)
        for run_id, its_rows in by_run.items():
            with self.run_connection(run_id) as connection:
                connection.execute(SqlEventLogStorageTable.insert(), its_rows)

    def _mirror(self, events: Sequence[EventLogEntry], rows: Sequence[dict[str, Any]]) -> list[_Stored]:
        insert = SqlEventLogStorageTable.insert()
        with self.index_connection() as index:
            return [
                _Stored(event, row, cast("tuple[int]", index.execute(insert, row).inserted_primary_key)[0])
                for event, row in zip(events, rows, strict=True)
                if event.is_dagster_event and event.dagster_event_type in _MIRRORED
            ]

    def _store_assets(self, stored: Sequence[_Stored]) -> None:
        """Tags of each event; an asset's own row from its newest event of each type, because each type sets columns of its own."""
        newest: defaultdict[str, dict[Any, _Stored]] = defaultdict(dict)
        for each in stored:
            newest[each.row["asset_key"]].pop(each.kind, None)
            newest[each.row["asset_key"]][each.kind] = each
        with self.index_connection() as index:
            self._store_asset_event_tags(index, [each.event for each in stored], [each.index_id for each in stored])
            for by_type in newest.values():
                for each in by_type.values():
                    self._store_asset_event(index, each.event, each.index_id)

    def _store_checks(self, stored: Sequence[_Stored]) -> None:
        for each in stored:
            if each.kind == DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED:
                with self.index_connection() as index:
                    _store_planned(index, each)
            elif each.event.run_id:
                with self.index_connection() as index:
                    _store_evaluation(index, each)
            else:
                self.store_asset_check_event(each.event, each.index_id)


def _open_engine(address: str) -> Engine:
    """An engine of one connection; the caller's lock lets one thread at a time use it."""
    engine = db.create_engine(address, pool_size=1, max_overflow=0, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False})
    db.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=NORMAL"))
    return engine


def _store_planned(index: Connection, stored: _Stored) -> None:
    """Dagster's ``_store_asset_check_evaluation_planned``, with the event serialised once and not once a day: 27,000 times for six months."""
    planned = cast("AssetCheckEvaluationPlanned", stored.event.get_dagster_event().event_specific_data)
    same = {
        "asset_key": planned.asset_key.to_string(),
        "check_name": planned.check_name,
        "run_id": stored.row["run_id"],
        "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
        "evaluation_event": stored.row["event"],
        "evaluation_event_timestamp": stored.row["timestamp"],
        "evaluation_event_storage_id": stored.index_id,
    }
    days = planned.partitions_subset.get_partition_keys() if planned.partitions_subset else [None]
    index.execute(AssetCheckExecutionsTable.insert(), [{**same, "partition": day} for day in days])


def _store_evaluation(index: Connection, stored: _Stored) -> None:
    """Dagster's ``_update_asset_check_evaluation``, with the event serialised once instead of three times."""
    evaluation = cast("AssetCheckEvaluation", stored.event.get_dagster_event().event_specific_data)
    name = {
        "asset_key": evaluation.asset_key.to_string(),
        "check_name": evaluation.check_name,
        "run_id": stored.row["run_id"],
        "partition": evaluation.partition,
    }
    target = evaluation.target_materialization_data
    status = AssetCheckExecutionRecordStatus.SUCCEEDED if evaluation.passed else AssetCheckExecutionRecordStatus.FAILED
    values = {
        "execution_status": status.value,
        "evaluation_event": stored.row["event"],
        "evaluation_event_timestamp": stored.row["timestamp"],
        "evaluation_event_storage_id": stored.index_id,
        "materialization_event_storage_id": target.storage_id if target else None,
    }
    same = {f"its_{column}": value for column, value in name.items()}
    planned = index.execute(_UPDATE_CHECK, {**same, **values})
    if planned.rowcount == 0:
        index.execute(AssetCheckExecutionsTable.insert(), {**name, **values})
