"""Whether the process that executes a run is still there, and a launcher that lets Dagster's run monitoring ask that.

Dagster's own launcher cannot tell: when the daemon, the code server and the run are killed together, the run stays STARTED for ever, keeps
its slots, and nobody tries it again. Every run says in its events which process executes it, so on one machine that can be looked up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psutil
from dagster import DagsterEventType, DagsterInstance, DagsterRun
from dagster._core.launcher import DefaultRunLauncher
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus

if TYPE_CHECKING:
    from dagster._serdes import ConfigurableClassData

# A process is older than the event that it wrote; clocks read through the boot time may differ by as much.
CLOCK_S = 5.0
NEWEST_EVENTS = 50


@dataclass(frozen=True)
class Worker:
    """The process that last said that it executes a run."""

    pid: int
    said_at: datetime

    @property
    def is_alive(self) -> bool:
        """Whether that very process runs: not a zombie, and not another one that was given its number later."""
        try:
            process = psutil.Process(self.pid)
            return process.status() != psutil.STATUS_ZOMBIE and process.create_time() <= self.said_at.timestamp() + CLOCK_S
        except psutil.Error:
            return False


def worker_of(instance: DagsterInstance, run_id: str) -> Worker | None:
    """The newest process that names itself in the run's events; None where none has."""
    records = instance.get_records_for_run(run_id, of_type=DagsterEventType.ENGINE_EVENT, limit=NEWEST_EVENTS, ascending=False).records
    for record in records:
        event = record.event_log_entry.dagster_event
        pid = getattr(event.event_specific_data, "metadata", {}).get("pid") if event is not None else None
        if pid is not None and str(pid.value).isdecimal():
            return Worker(int(str(pid.value)), datetime.fromtimestamp(record.event_log_entry.timestamp, UTC))
    return None


class WatchedRunLauncher(DefaultRunLauncher):
    """Dagster's own launcher of one machine, whose runs are found dead when their process is."""

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> WatchedRunLauncher:  # noqa: ARG003  it has no configuration
        """Make this class: the original's method would do, were it not typed for the original."""
        return cls(inst_data=inst_data)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Yes: asked every ``run_monitoring.poll_interval_seconds``, for each run that is STARTED."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the run's process is there. A run that has not named its process yet is only starting."""
        worker = worker_of(self._instance, run.run_id)
        if worker is None or worker.is_alive:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, f"its process {worker.pid} is gone")
