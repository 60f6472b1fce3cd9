"""A code server in a container of its own is replaced while it executes a run: the run is found dead, some minutes after another answers. No Spark."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.launcher.base import WorkerStatus
from dagster._daemon.monitoring.run_monitoring import monitor_started_run
from dagster._grpc.client import DagsterGrpcClient

from resources import run_workers
from resources.run_workers import ServedRunLauncher
from resources.settings import PROJECT
from tests.integration.dev_server import free_port, wait_for

DAGSTER = str(Path(sys.executable).with_name("dagster"))
DEFINITIONS = """
import time
from pathlib import Path
import dagster as dg

@dg.op
def waits() -> None:
    (Path(__file__).parent / "begun").touch()
    while (Path(__file__).parent / "begun").exists():
        time.sleep(0.1)

@dg.job(executor_def=dg.in_process_executor)
def waiting():
    waits()

defs = dg.Definitions(jobs=[waiting])
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a job that waits, and a Dagster home that launches runs as the container's ``dagster.yaml`` says."""
    deployed = yaml.safe_load((PROJECT / "deploy" / "container" / "dagster.yaml").read_text())
    home = {"run_launcher": deployed["run_launcher"], "telemetry": {"enabled": False}}
    home["run_coordinator"] = {"module": "dagster._core.run_coordinator", "class": "DefaultRunCoordinator"}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(home))
    (tmp_path / "waiting.py").write_text(DEFINITIONS)
    return tmp_path


def variables(place: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER", "GLOBALBEV"))}
    return kept | {"DAGSTER_HOME": str(place), "PYTHONPATH": str(PROJECT)}


@contextmanager
def code_server(place: Path, port: int) -> Iterator[None]:
    """As the container starts it; with the server all that it has started is gone, as with a container."""
    command = [DAGSTER, "api", "grpc", "-h", "127.0.0.1", "-p", str(port), "-f", "waiting.py"]
    log = place / "server.log"
    with log.open("ab") as output:
        process = subprocess.Popen(command, cwd=place, env=variables(place), stdout=output, stderr=output, start_new_session=True)
    try:
        wait_for(lambda: answers(port), 60, log)
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def answers(port: int) -> bool:
    try:
        return DagsterGrpcClient(port=port, host="127.0.0.1").ping("there?")["echo"] == "there?"
    except dg.DagsterError:
        return False


def test_a_run_whose_code_server_was_replaced_is_found_dead_and_marked_failed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    workspace = {"load_from": [{"grpc_server": {"host": "127.0.0.1", "port": port, "location_name": "code"}}]}
    (place / "workspace.yaml").write_text(yaml.safe_dump(workspace))
    with dg.DagsterInstance.from_config(str(place)) as instance:
        launcher = instance.run_launcher
        assert isinstance(launcher, ServedRunLauncher)
        assert instance.run_monitoring_enabled is False, "this test asks itself"
        with code_server(place, port):
            launched = [DAGSTER, "job", "launch", "-w", "workspace.yaml", "-j", "waiting"]
            subprocess.run(launched, cwd=place, env=variables(place), check=True, capture_output=True, timeout=120)
            wait_for((place / "begun").exists, 60, place / "server.log")
            (run,) = instance.get_runs()
            assert run.status == dg.DagsterRunStatus.STARTED
            assert launcher.check_run_worker_health(run).status == WorkerStatus.RUNNING
            assert launcher._missed_since == {}
        gone = launcher.check_run_worker_health(run)
        assert gone.status == WorkerStatus.RUNNING, "a server that does not answer says nothing of its runs"
        with code_server(place, port):
            early = launcher.check_run_worker_health(run)
            assert (early.status, "does not have it" in str(early.msg)) == (WorkerStatus.RUNNING, True), "the one before may still be ending its runs"
            monkeypatch.setattr(run_workers, "GONE_AFTER_S", 0.0)
            assert launcher.check_run_worker_health(run).status == WorkerStatus.NOT_FOUND
            (record,) = instance.get_run_records()
            monitor_started_run(instance, None, record, logging.getLogger("monitor"))  # type: ignore[arg-type]  it is for resuming only
        (ended,) = instance.get_runs()
        assert ended.status == dg.DagsterRunStatus.FAILURE
