"""Runs that take too long: looked for at every tick, because nothing in the event log says so."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from resources.alerts.failed_runs import tables_of
from resources.alerts.incident import Incident
from resources.alerts.lineage import Lineage
from resources.alerts.observations import NO_DAY, TOO_LONG, Breach, Observation

_PREFIX = "run takes long: "


def long_runs(instance: dg.DagsterInstance, known: Collection[Incident], lineage: Lineage, at: datetime, limit: timedelta) -> Iterator[Observation]:
    """An observation of each run that is under way for longer than ``limit``, and of each known one that has ended."""
    running = {record.dagster_run.run_id: record for record in instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))}
    for run_id, record in running.items():
        started_at = _started(record)
        if started_at and at - started_at > limit:
            minutes, allowed = int((at - started_at).total_seconds() // 60), int(limit.total_seconds() // 60)
            tables = sorted(tables_of(record.dagster_run), key=lambda table: (lineage.depth(table), table)) or [record.dagster_run.job_name]
            breach = Breach(TOO_LONG, "warn", f"It has been running for {minutes} minutes, {allowed} are allowed.")
            yield Observation(tables[0], f"{_PREFIX}{run_id}", NO_DAY, int(started_at.timestamp()), at, run_id, (breach,))
    for table, source in _claimed(known):
        if source.removeprefix(_PREFIX) not in running:
            yield Observation(table, source, NO_DAY, int(at.timestamp()) + 1, at, source.removeprefix(_PREFIX))


def _started(record: dg.RunRecord) -> datetime | None:
    return datetime.fromtimestamp(record.start_time, UTC) if record.start_time else None


def _claimed(known: Collection[Incident]) -> set[tuple[str, str]]:
    return {
        (table, source)
        for incident in known
        for (table, rule), days in incident.broken.items()
        if rule == TOO_LONG
        for sources in days.values()
        for source in sources
    }
