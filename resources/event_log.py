"""Dagster's event log in SQLite, a batch of events a transaction.

Dagster's own SQLite storage opens a new database engine and commits for every event: 10 ms each, four times an event with its
mirror in the index. Six months of all tables are 10,000 events and more. This class keeps every query and statement of the original and
changes only when a transaction ends: a batch (``DAGSTER_EVENT_BATCH_SIZE``) is one in the run's file and one in the index.

Configured in ``dagster.yaml``; an installation with PostgreSQL storage does not need it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy.engine import Connection


class BatchedSqliteEventLogStorage(SqliteEventLogStorage):
    """``SqliteEventLogStorage`` whose ``store_event_batch`` is one transaction a file instead of several an event."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take the arguments of the original."""
        self._batch = threading.local()
        super().__init__(*args, **kwargs)
        self._db_lock = threading.RLock()  # a batch holds the run's file and the index at once

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> BatchedSqliteEventLogStorage:
        """Make this class: the original's method makes the original."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        open_connections: dict[str, Connection] | None = getattr(self._batch, "connections", None)
        if open_connections is None:
            with super()._connect(shard) as connection:
                connection.exec_driver_sql("PRAGMA synchronous=NORMAL")
                yield connection
            return
        if shard not in open_connections:
            open_connections[shard] = self._batch.stack.enter_context(super()._connect(shard))
        yield open_connections[shard]

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store the events in one transaction for each file that they touch."""
        with ExitStack() as stack:
            self._batch.stack, self._batch.connections = stack, {}
            try:
                super().store_event_batch(events)
            finally:
                self._batch.connections = None
