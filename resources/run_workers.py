"""Whether what executes a run is still there, and launchers that let Dagster's run monitoring ask that.

Dagster's own launcher cannot tell: when the daemon, the code server and the run are killed together, the run stays STARTED for ever, keeps
its slots, and nobody tries it again. Every run says in its events which process executes it, so on one machine that can be looked up; between
containers, the code server is asked.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psutil
from dagster import DagsterEventType, DagsterInstance, DagsterRun
from dagster._core.launcher import DefaultRunLauncher
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus

if TYPE_CHECKING:
    from dagster._grpc.client import DagsterGrpcClient
    from dagster._serdes import ConfigurableClassData

# A process is older than the event that it wrote; clocks read through the boot time may differ by as much.
CLOCK_S = 5.0
NEWEST_EVENTS = 50
# Longer than the code location's container may go on with its runs when it is replaced (deploy/terraform/modules/dagster).
GONE_AFTER_S = 360.0


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


class _Watched(DefaultRunLauncher):
    """Dagster's own launcher, which Dagster's run monitoring asks for each run that is STARTED, every ``run_monitoring.poll_interval_seconds``."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Yes."""
        return True


class WatchedRunLauncher(_Watched):
    """For one machine: a run is found dead when its process is."""

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the run's process is there. A run that has not named its process yet is only starting."""
        worker = worker_of(self._instance, run.run_id)
        if worker is None or worker.is_alive:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, f"its process {worker.pid} is gone")


class ServedRunLauncher(_Watched):
    """For a code server in a container of its own: a run is found dead when the server that answers at its address has not had it for long.

    A container that is replaced goes on with its runs for as long as the platform lets it (``termination_grace_period_seconds``), while its
    successor answers already. The server has to be ``dagster api grpc``: behind ``dagster code-server start``, which puts another server into the
    first one's place when its code is reloaded, nobody can say what the first one still executes.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        """As Dagster makes it; it lives as long as the daemon."""
        super().__init__(inst_data)
        self._missed_since: dict[str, float] = {}

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the code server executes the run. One that does not answer says nothing: it may be back in a minute, with the run or without."""
        if self._is_executed(run) is not False:
            self._missed_since.pop(run.run_id, None)
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        missing_s = time.monotonic() - self._missed_since.setdefault(run.run_id, time.monotonic())
        if missing_s < GONE_AFTER_S:
            return CheckRunHealthResult(WorkerStatus.RUNNING, f"the code server does not have it since {missing_s:.0f} s")
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "its code server was replaced, or its process died: nobody has executed it since")

    def _is_executed(self, run: DagsterRun) -> bool | None:
        from dagster._core.errors import DagsterUserCodeUnreachableError  # noqa: PLC0415
        from dagster._grpc.types import GetCurrentRunsResult  # noqa: PLC0415
        from dagster._serdes import deserialize_value  # noqa: PLC0415

        client: DagsterGrpcClient | None = self._get_grpc_client_for_termination(run.run_id)  # type: ignore[no-untyped-call]
        if client is None:  # another launcher's
            return None
        try:
            found = deserialize_value(client.get_current_runs(), GetCurrentRunsResult)
        except DagsterUserCodeUnreachableError:
            return None
        return None if found.serializable_error_info else run.run_id in found.current_runs
