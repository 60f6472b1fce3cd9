"""Dagster's event log read by cursor: check evaluations, run failures and materialisations after a place in it.

Dagster's own query for this refuses a whole number as cursor where each run has a file of its own (its default SQLite), and makes objects of
every event: 3 s for the 27,000 check results of six months. Every storage in SQL keeps these events in one table as well, its index: that is read
here, page by page, and an event that says "passed" is not made an object of: 1 s.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import sqlalchemy as db
from dagster._core.events import DagsterEventType
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage
from dagster._serdes import deserialize_value

from globalbev_assets.errors import TerminalError

PAGE = 2_000
_EVENTS = SqlEventLogStorageTable.c
_CHECK, _FAILURE, _MADE = (
    DagsterEventType.ASSET_CHECK_EVALUATION.value,
    DagsterEventType.RUN_FAILURE.value,
    DagsterEventType.ASSET_MATERIALIZATION.value,
)


@dataclass(frozen=True, slots=True)
class Event:
    """One event: ``evaluation`` of a check, or, without one, the failure of a run or a materialisation."""

    id: int
    at: datetime
    run_id: str
    kind: str
    asset: str
    day: str
    check: str = ""
    passed: bool = False
    evaluation: dg.AssetCheckEvaluation | None = None

    @property
    def is_failed_run(self) -> bool:
        """Whether a run failed."""
        return self.kind == _FAILURE


class EventTail:
    """The events of one Dagster instance."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        """Take the instance.

        Raises:
            TerminalError: GB-2206, when its event log is not kept in SQL.
        """
        storage = instance.event_log_storage
        if not isinstance(storage, SqlEventLogStorage):
            raise TerminalError(
                "GB-2206",
                "The event log cannot be followed.",
                got=type(storage).__name__,
                valid="an event log in SQLite or PostgreSQL",
                todo="Correct event_log_storage in dagster.yaml.",
            )
        self._storage = storage
        runs = instance.run_storage
        self.name = runs.get_run_storage_id() if isinstance(runs, SqlRunStorage) else "runs"

    def newest(self) -> int:
        """Id of the newest event; 0 when there is none."""
        with self._storage.index_connection() as connection:
            return connection.execute(db.select(db.func.max(_EVENTS.id))).scalar() or 0

    def first_since(self, moment: datetime) -> int:
        """The id after which events are newer than that: found by halving, because the log has no index by time."""
        low, high = 0, self.newest()
        with self._storage.index_connection() as connection:
            while low < high:
                middle = (low + high) // 2
                found = connection.execute(
                    db.select(_EVENTS.id, _EVENTS.timestamp).where(_EVENTS.id > middle, _EVENTS.id <= high).order_by(_EVENTS.id).limit(1)
                ).first()
                if found is None or _aware(found.timestamp) >= moment:
                    high = middle
                else:
                    low = found.id
        return low

    def checks_and_failures(self, after: int, upto: int) -> Iterator[Event]:
        """The check evaluations and failed runs with ids in ``after`` < id <= ``upto``, in order."""
        columns = (_EVENTS.id, _EVENTS.run_id, _EVENTS.timestamp, _EVENTS.dagster_event_type, _EVENTS.event)
        for page in self._pages(columns, (_EVENTS.dagster_event_type.in_((_CHECK, _FAILURE)),), after, upto):
            yield from (_event(row) for row in page)

    def has_failed_check(self, run_id: str) -> bool:
        """Whether a check of the run failed, and not only as a warning."""
        columns = (_EVENTS.id, _EVENTS.run_id, _EVENTS.timestamp, _EVENTS.dagster_event_type, _EVENTS.event)
        chosen = (_EVENTS.dagster_event_type == _CHECK, _EVENTS.run_id == run_id)
        results = (_event(row) for page in self._pages(columns, chosen, 0, self.newest()) for row in page)
        return any(each.evaluation is not None and not each.passed and each.evaluation.severity == dg.AssetCheckSeverity.ERROR for each in results)

    def materialised(self, tables: Collection[str], after: int, upto: int) -> Iterator[Event]:
        """The materialisations of these tables (``layer.table``)."""
        keys = [dg.AssetKey(table.split(".", 1)).to_string() for table in sorted(tables)]
        columns = (_EVENTS.id, _EVENTS.run_id, _EVENTS.timestamp, _EVENTS.dagster_event_type, _EVENTS.asset_key, _EVENTS.partition)
        chosen = (_EVENTS.dagster_event_type == _MADE, _EVENTS.asset_key.in_(keys))
        for page in self._pages(columns, chosen, after, upto) if keys else ():
            for row in page:
                yield Event(row.id, _aware(row.timestamp), row.run_id or "", _MADE, _table(row.asset_key), row.partition or "", passed=True)

    def _pages(self, columns: Sequence[Any], chosen: Sequence[Any], after: int, upto: int) -> Iterator[Sequence[Any]]:
        while after < upto:
            query = db.select(*columns).where(*chosen, _EVENTS.id > after, _EVENTS.id <= upto).order_by(_EVENTS.id).limit(PAGE)
            with self._storage.index_connection() as connection:
                page = connection.execute(query).fetchall()
            yield page
            if len(page) < PAGE:
                return
            after = page[-1].id


def _event(row: Any) -> Event:
    at, run_id = _aware(row.timestamp), row.run_id or ""
    if row.dagster_event_type == _FAILURE:
        return Event(row.id, at, run_id, _FAILURE, "", "")
    passed = _passed(row.event)
    if passed is not None:
        return Event(row.id, at, run_id, _CHECK, *passed, passed=True)
    evaluation = deserialize_value(row.event, EventLogEntry).get_dagster_event().asset_check_evaluation_data
    table = ".".join(evaluation.asset_key.path)
    return Event(row.id, at, run_id, _CHECK, table, evaluation.partition or "", evaluation.check_name, evaluation.passed, evaluation)


def _passed(text: str) -> tuple[str, str, str] | None:
    """Table, day and name of a check that passed, if Dagster writes events as we know it; None for all that is to be looked at closely."""
    try:
        said = json.loads(text)["dagster_event"]["event_specific_data"]
        table, day, name = ".".join(said["asset_key"]["path"]), said["partition"] or "", said["check_name"]
    except (KeyError, TypeError, ValueError):
        return None
    return (table, day, name) if said.get("success") is True and isinstance(name, str) and isinstance(day, str) else None


def _table(asset_key: str) -> str:
    return ".".join(json.loads(asset_key))


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
