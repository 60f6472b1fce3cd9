"""A submitted run is ended for certain, or it is said that it may still publish; against the workspace of this machine, whose cluster never comes."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dagster._core.errors import DagsterExecutionInterruptedError
from databricks.sdk import WorkspaceClient

from globalbev_assets.errors import TransientError
from resources import databricks_run
from resources.databricks_run import SubmittedRun, attempt_token, end_earlier_runs, interruption_of
from sandbox.databricks import Workspace
from sandbox.databricks.cluster import Runtime

TASK = {"task_key": "t", "spark_python_task": {"python_file": "dbfs:/main.py"}, "new_cluster": {}}
STEP = SimpleNamespace(key="bronze_sales")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    for name in ("ARM_CLIENT_ID", "ARM_CLIENT_SECRET", "ARM_TENANT_ID", "DATABRICKS_HOST", "DATABRICKS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(databricks_run, "PATIENCE_S", 1)
    with Workspace(tmp_path, Runtime(Path(sys.executable)), start_s=60, minute_s=0.6) as found:
        yield found


@pytest.fixture
def client(workspace: Workspace) -> WorkspaceClient:
    return WorkspaceClient(host=workspace.host, token=workspace.principals.new_token("etl"), auth_type="pat")


def submitted(workspace: Workspace, **more: Any) -> int:
    body = {"run_name": "x", "tasks": [{**TASK, "new_cluster": {"num_workers": 1}}], **more}
    return workspace.submit("etl", body).run_id


def attempt(run_ids: list[int], *, count: int = 1, parent: str | None = None, key: str = STEP.key) -> Any:
    """A step's context, with what an instance has of the runs that were submitted before."""
    lines = [SimpleNamespace(step_key=key, message=f"Submitted the Databricks run {run_id}.") for run_id in run_ids]
    records = [SimpleNamespace(event_log_entry=SimpleNamespace(dagster_event=line)) for line in lines]
    instance = SimpleNamespace(get_records_for_run=lambda run_id, **_: SimpleNamespace(records=records if run_id == (parent or "this") else []))
    return SimpleNamespace(
        run_id="this", step=STEP, previous_attempt_count=count, dagster_run=SimpleNamespace(parent_run_id=parent), instance=instance
    )


def test_a_run_is_cancelled_until_it_has_ended_though_nobody_answers_at_first(workspace: Workspace, client: WorkspaceClient) -> None:
    run_id = submitted(workspace)
    workspace.faults.add("503", path="/jobs/runs/get")
    workspace.faults.add("503", path="/jobs/runs/cancel")
    assert SubmittedRun(client, run_id).make_end()
    assert workspace.runs.get(run_id).result == "CANCELED"


def test_a_run_that_the_workspace_has_forgotten_has_ended(workspace: Workspace, client: WorkspaceClient) -> None:
    assert SubmittedRun(client, 42).make_end()
    assert [call.path for call in workspace.calls if "cancel" in call.path] == []


@pytest.mark.parametrize("parent", [None, "the run that died with its machine"])
def test_nothing_begins_while_an_earlier_attempt_may_still_publish(
    workspace: Workspace, client: WorkspaceClient, monkeypatch: pytest.MonkeyPatch, parent: str | None
) -> None:
    monkeypatch.setattr(databricks_run, "CANCEL_S", 0.5)
    run_id = submitted(workspace)
    context = attempt([run_id], count=0 if parent else 1, parent=parent)
    workspace.faults.add("503", times=1000, path="/jobs/runs/")
    with pytest.raises(TransientError, match=f"GB-3020(?s:.*)the run {run_id} of an earlier attempt"):
        end_earlier_runs(context, client)
    workspace.faults.waiting.clear()
    end_earlier_runs(context, client)
    assert workspace.runs.get(run_id).result == "CANCELED"


def test_a_first_attempt_and_other_steps_end_nothing(workspace: Workspace, client: WorkspaceClient) -> None:
    run_id = submitted(workspace)
    end_earlier_runs(attempt([run_id], count=0), client)
    end_earlier_runs(attempt([run_id], key="silver_sales"), client)
    assert not workspace.runs.get(run_id).has_ended


def test_a_cluster_that_does_not_come_is_not_waited_for(workspace: Workspace, client: WorkspaceClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databricks_run, "LOOK_S", 0.05)
    run = SubmittedRun(client, submitted(workspace))
    run.watch_start(0.1)
    ended(workspace, run.run_id)
    assert run.waited_s is not None
    assert run.waited_s > 0.1


def test_the_time_of_a_run_is_over_also_while_its_cluster_starts(workspace: Workspace) -> None:
    run_id = submitted(workspace, timeout_seconds=60)
    assert ended(workspace, run_id) == "TIMEDOUT"
    assert workspace.runs.get(run_id).started_at == 0.0


def ended(workspace: Workspace, run_id: int) -> str:
    deadline = time.monotonic() + 30
    while not workspace.runs.get(run_id).has_ended and time.monotonic() < deadline:
        time.sleep(0.02)
    return workspace.runs.get(run_id).result


def test_each_attempt_has_a_token_of_its_own() -> None:
    """One for all would make every later step attach to the first run."""
    first, again = attempt_token(attempt([], count=0)), attempt_token(attempt([], count=1))
    assert first == attempt_token(attempt([], count=0)) != again
    assert len(first) <= 64, "Databricks takes no longer one"


@pytest.mark.parametrize("ending", [KeyboardInterrupt, DagsterExecutionInterruptedError, GeneratorExit])
def test_an_interruption_is_found_behind_what_went_wrong_while_cleaning_up(ending: type[BaseException]) -> None:
    with pytest.raises(TimeoutError) as raised:
        cleaned_up_in_vain(ending)
    assert isinstance(interruption_of(raised.value), ending)
    assert interruption_of(ValueError("a bug")) is None


def cleaned_up_in_vain(ending: type[BaseException]) -> None:
    try:
        raise ending
    except BaseException:  # noqa: BLE001
        raise TimeoutError("the workspace took no cancellation")  # noqa: B904  as the launcher does it
