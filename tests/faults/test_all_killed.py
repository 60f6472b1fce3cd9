"""Dagster's daemon, code server and run killed together: the run is marked failed, its slot freed, and its day run once more. No Spark."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from resources.dagster_home import TEMPLATE, prepare_dagster_home
from resources.run_workers import worker_of
from resources.settings import PROJECT
from tests.integration.dev_server import DevServer, serving, wait_for

pytestmark = [pytest.mark.jvm, pytest.mark.faults, pytest.mark.slow]

ROUNDS_S = 8.0
DAY, POOL = "2026-05-02", "tiny"
DEFINITIONS = """
import os, time
from pathlib import Path
import dagster as dg

HERE = Path(__file__).parent

@dg.asset(partitions_def=dg.DailyPartitionsDefinition("2026-05-01", end_date="2026-05-04"), pool="tiny")
def tiny(context: dg.AssetExecutionContext) -> None:
    with (HERE / "tries").open("a") as tries:
        tries.write(f"{os.getpid()} {context.partition_key}\\n")
    while (HERE / "hang").exists():
        time.sleep(0.1)

defs = dg.Definitions(assets=[tiny], jobs=[dg.define_asset_job("tiny_job", [tiny])], executor=dg.in_process_executor)
"""
LAUNCH = """
    mutation Launch($params: ExecutionParams!) {
      launchRun(executionParams: $params) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
    }
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the tiny asset and a Dagster home whose ``dagster.yaml`` is the project's, only quicker."""
    (tmp_path / "tiny.py").write_text(DEFINITIONS)
    (tmp_path / "workspace.yaml").write_text("load_from: [{python_file: {relative_path: tiny.py, location_name: tiny}}]\n")
    (tmp_path / "hang").touch()
    template = tmp_path / "template.yaml"
    text = TEMPLATE.read_text()
    for slow, quick in (("poll_interval_seconds: 60", "poll_interval_seconds: 2"), ("run_end_seconds: 60", "run_end_seconds: 3")):
        assert slow in text
        text = text.replace(slow, quick)
    template.write_text(text)
    prepare_dagster_home(tmp_path, template)
    return tmp_path


@pytest.fixture
def instance(place: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(place / "dagster")) as found:
        found.event_log_storage.set_concurrency_slots(POOL, 1)
        yield found


def variables(place: Path) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER", "GLOBALBEV"))} | {
        "DAGSTER_HOME": str(place / "dagster"),
        "DAGSTER_EVENT_BATCH_SIZE": "200",
        "PYTHONPATH": str(PROJECT),
    }


def tries(place: Path) -> list[list[str]]:
    path = place / "tries"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def launch(server: DevServer) -> str:
    selector = {"repositoryLocationName": "tiny", "repositoryName": "__repository__", "jobName": "tiny_job"}
    params = {"selector": selector, "executionMetadata": {"tags": [{"key": "dagster/partition", "value": DAY}]}}
    answer = server.ask(LAUNCH, params=params)["launchRun"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return str(answer["run"]["runId"])


def test_the_run_is_marked_failed_its_slot_freed_and_the_day_run_once_more(place: Path, instance: dg.DagsterInstance) -> None:
    with serving(place, variables(place)) as server:
        run_id = launch(server)
        wait_for(lambda: len(tries(place)) == 1, 60, server.log)
        worker = worker_of(instance, run_id)
        assert worker is not None
        assert (worker.pid, worker.is_alive) == (int(tries(place)[0][0]), True)
        assert instance.event_log_storage.get_concurrency_info(POOL).active_slot_count == 1
        os.killpg(server.group, signal.SIGKILL)
        wait_for(lambda: not worker.is_alive, 30, server.log)
    assert _status(instance, run_id) == dg.DagsterRunStatus.STARTED  # nobody was left to say otherwise
    assert instance.event_log_storage.get_concurrency_info(POOL).active_slot_count == 1
    (place / "hang").unlink()
    with serving(place, variables(place)) as server:
        wait_for(lambda: _status(instance, run_id) == dg.DagsterRunStatus.FAILURE, 60, server.log)
        wait_for(lambda: any(run.is_success for run in instance.get_runs()), 60, server.log)
        _, second = sorted(instance.get_runs(), key=lambda run: run.run_id != run_id)
        assert (second.parent_run_id, second.tags["dagster/partition"], second.status) == (run_id, DAY, dg.DagsterRunStatus.SUCCESS)
        wait_for(lambda: instance.event_log_storage.get_concurrency_info(POOL).active_slot_count == 0, 60, server.log)
        time.sleep(ROUNDS_S)  # a few rounds more of the monitor and of the retries: nothing is tried a third time
    assert [day for _, day in tries(place)] == [DAY, DAY]
    assert len(instance.get_runs()) == 2
    events = [record.event_log_entry.dagster_event for record in instance.get_records_for_run(run_id).records]
    said = [event.message or "" for event in events if event is not None]
    assert any(f"its process {worker.pid} is gone" in text for text in said), said
    assert [event.run_id for event in instance.fetch_materializations(dg.AssetKey("tiny"), limit=5).records] == [second.run_id]


def _status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status
