"""Runs that take too long: looked for at every tick, because nothing in the event log says so."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from resources.alerts.failed_runs import tables_of
from resources.alerts.incident import Incident
from resources.alerts.lineage import Lineage
from resources.alerts.observations import NO_DAY, TOO_LONG, Breach, Observation

_STARTED = dg.DagsterRunStatus.STARTED
_WAITING = (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING)
_PREFIX = "run takes long: "


def long_runs(instance: dg.DagsterInstance, known: Collection[Incident], lineage: Lineage, at: datetime, limit: timedelta) -> Iterator[Observation]:
    """An observation of each run that is under way for longer than ``limit``, and of each known one that has ended.

    A run that waits is told of where nothing is under way: behind another one it is right to wait, and that other one is watched.
    """
    records = instance.get_run_records(dg.RunsFilter(statuses=[_STARTED, *_WAITING]))
    running = [record for record in records if record.dagster_run.status == _STARTED] or records
    for record in running:
        since = _since(record)
        if at - since > limit:
            minutes, allowed = int((at - since).total_seconds() // 60), int(limit.total_seconds() // 60)
            tables = sorted(tables_of(record.dagster_run), key=lambda table: (lineage.depth(table), table)) or [record.dagster_run.job_name]
            doing = "running" if record.dagster_run.status == _STARTED else "waiting to start, and nothing else runs,"
            breach = Breach(TOO_LONG, "warn", f"It has been {doing} for {minutes} minutes, {allowed} are allowed.")
            run_id = record.dagster_run.run_id
            yield Observation(tables[0], f"{_PREFIX}{run_id}", NO_DAY, int(since.timestamp()), at, run_id, (breach,))
    watched = {record.dagster_run.run_id for record in running}
    for table, source in _claimed(known):
        if source.removeprefix(_PREFIX) not in watched:
            yield Observation(table, source, NO_DAY, int(at.timestamp()) + 1, at, source.removeprefix(_PREFIX))


def _since(record: dg.RunRecord) -> datetime:
    return datetime.fromtimestamp(record.start_time, UTC) if record.start_time else record.create_timestamp.replace(tzinfo=UTC)


def _claimed(known: Collection[Incident]) -> set[tuple[str, str]]:
    return {
        (table, source)
        for incident in known
        for (table, rule), days in incident.broken.items()
        if rule == TOO_LONG
        for sources in days.values()
        for source in sources
    }
