"""Steps through Dagster's own launcher on a workspace of this machine: what arrives, what is asked for, and what goes wrong on the way.

No Spark: the tiny lake's step does not need it. The whole graph with Spark is `make databricks-rehearsal`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from globalbev_assets.operations.leaks import leaks
from resources import databricks_launcher
from resources.logs.events import EVENT_ATTRIBUTE, LOGGER
from sandbox.databricks.faults import Kind
from tests.faults.launched.ground import DSN, Rehearsal, be_impatient, interrupt, rehearsal, secrets

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]
ALL = [(name, f"2026-01-0{day}") for name in ("orders", "payments") for day in (1, 2, 3)]
SUBMIT, CREATE, GET, CANCEL = "/api/2.2/jobs/runs/submit", "/api/2.0/dbfs/create", "/api/2.2/jobs/runs/get", "/api/2.2/jobs/runs/cancel"


def paths(launched: Rehearsal) -> list[str]:
    return [call.path for call in launched.workspace.calls]


def test_half_a_year_is_one_submission_and_arrives_by_day(launched: Rehearsal) -> None:
    result = launched.run(days=("2026-01-01", "2026-06-30"))
    assert result.success
    days = [str(date(2026, 1, 1) + timedelta(days=number)) for number in range(181)]
    assert launched.materialised(result) == [(name, day) for name in ("orders", "payments") for day in days]
    assert paths(launched).count(SUBMIT) == 1
    told = result.get_asset_materialization_events()[0].step_materialization_data.materialization.metadata
    assert told["pid"].value != os.getpid()
    assert "/clusters/" in told["file"].value, "the code came from the upload"
    assert told["dsn_length"].value == len(DSN), "the secret came from the scope"
    assert all(call.agent.startswith("dagster-databricks/") for call in launched.workspace.calls if "/dbfs/" in call.path)


def test_the_cluster_is_what_the_policy_and_the_settings_say(launched: Rehearsal) -> None:
    launched.run()
    (run,) = launched.workspace.runs.all.values()
    assert run.cluster["autoscale"] == {"min_workers": 1, "max_workers": 4}
    assert run.cluster["instance_pool_id"] == "globalbev-pool"
    assert run.cluster["data_security_mode"] == "SINGLE_USER"
    assert launched.workspace.permissions == [("jobs/77", [{"group_name": "globalbev-engineers", "permission_level": "CAN_VIEW"}])]
    assert run.cluster["custom_tags"].items() >= {"env": "test", "cost_center": "globalbev"}.items()
    assert "node_type_id" not in run.cluster
    assert {library["pypi"]["package"].split("==")[0] for library in run.task["libraries"]} >= {"dagster", "deltalake", "psycopg[binary]"}


def test_no_secret_is_in_what_was_uploaded_nor_in_any_log(launched: Rehearsal) -> None:
    result = launched.run()
    known = secrets()
    assert leaks(launched.workspace.folder, known, launched.workspace.principals.tokens) == []
    assert any(launched.workspace.dbfs.root.rglob("code.zip"))
    logged = "\n".join(entry.user_message for entry in launched.instance.all_logs(result.run_id))
    assert [text for text in (*known.values(), *launched.workspace.principals.tokens) if text in logged] == []
    assert "Exporting GLOBALBEV_SHOP_DSN from Databricks secret" in logged


def test_what_a_cluster_says_is_said_here_once(launched: Rehearsal, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster has no address to ship to and no collector of metrics; the launcher reads its whole event file again and again."""
    launched.workspace.faults.add("empty_events", times=1)
    counted: list[tuple[str, Any]] = []
    monkeypatch.setattr("resources.logs.events.LISTENERS", [lambda name, fields: counted.append((name, fields["published"]))])
    with caplog.at_level("INFO", LOGGER):
        result = launched.run()
    said = [getattr(record, EVENT_ATTRIBUTE) for record in caplog.records if record.name == "globalbev.table"]
    assert [(event["asset"], event["published"], event["duration_s"], event["days"]) for event in said] == [
        (f"tiny.{name}", 6, 0.5, "2026-01-01 to 2026-01-03") for name in ("orders", "payments")
    ]
    assert {(event["run_id"], event["step"]) for event in said} == {(result.run_id, "tiny")}
    assert counted == [("table.published", 6)] * 2


def test_a_failure_of_the_step_is_the_steps_own_and_not_tried_again(launched: Rehearsal) -> None:
    result = launched.run("fail")
    assert not result.success
    assert "two days were not published" in launched.error(result)
    assert paths(launched).count(SUBMIT) == 1
    assert launched.materialised(result) == ALL


def test_a_busy_workspace_is_asked_again(launched: Rehearsal) -> None:
    kinds: tuple[Kind, ...] = ("429", "503")
    for kind in kinds:
        for path in (CREATE, SUBMIT, GET):
            launched.workspace.faults.add(kind, path=path)
    launched.workspace.faults.add("lost_answer", path=SUBMIT)
    assert launched.materialised(launched.run()) == ALL
    assert len(launched.workspace.faults.used) == 7
    assert len(launched.workspace.runs.all) == 1, "who submits again because no answer came gets the run that there is"


@pytest.mark.parametrize("kind", ["half_events", "empty_events"])
def test_events_that_are_read_while_they_are_written_arrive_once(launched: Rehearsal, short_folder: Path, kind: Kind) -> None:
    """The step waits between its tables until the launcher has read so after the first one's events, and what is whole again after that."""
    reported = dg.DagsterEventType.ASSET_MATERIALIZATION
    has_reported = lambda: any(launched.instance.get_records_for_run(run.run_id, of_type=reported).records for run in launched.instance.get_runs())  # noqa: E731
    launched.soon(has_reported, lambda: launched.workspace.faults.add(kind, times=2))
    launched.soon(lambda: len(launched.workspace.faults.used) == 2, (short_folder / "go on").touch)
    result = launched.run(f"until {short_folder / 'go on'}")
    assert result.success
    assert len(launched.workspace.faults.used) == 2
    assert launched.materialised(result) == ALL


def test_a_cluster_that_is_taken_away_is_tried_again_and_each_day_is_reported_once(launched: Rehearsal) -> None:
    launched.workspace.faults.add("eviction", seconds=2.5)
    result = launched.run("wait")
    assert result.success
    first, second = launched.workspace.runs.all.values()
    assert (first.result, second.result) == ("FAILED", "SUCCESS")
    assert launched.materialised(result) == ALL
    retried = [event for event in result.all_events if event.event_type == dg.DagsterEventType.STEP_UP_FOR_RETRY]
    assert len(retried) == 1
    assert "GB-3026" in retried[0].step_retry_data.error.to_string()
    files = {path.name for path in launched.workspace.dbfs.root.rglob("*_events.pkl")}
    assert files == {"0_events.pkl", "1_events.pkl"}


def test_a_cluster_that_is_lost_each_time_fails_with_the_reason(launched: Rehearsal) -> None:
    launched.workspace.faults.add("no_start", times=2)
    result = launched.run()
    assert not result.success
    assert "GB-3025" in launched.error(result)
    assert "STOCKOUT" in launched.error(result)
    assert paths(launched).count(SUBMIT) == 2


def has_begun(launched: Rehearsal) -> bool:
    return any(launched.workspace.dbfs.root.rglob("0_events.pkl"))


def is_sharing(launched: Rehearsal) -> bool:
    return any("/permissions/" in call.path for call in launched.workspace.calls)


# What goes wrong at the same time, when the run is ended, and whether the step had begun then.
INTERRUPTED: dict[str, tuple[Kind | None, str, Callable[[Rehearsal], bool]]] = {
    "while the step runs": (None, "", has_begun),
    "while others are let see it": ("503", "/permissions/", is_sharing),
    "while the workspace takes no cancellation": ("503", CANCEL, has_begun),
}


@pytest.mark.parametrize("case", INTERRUPTED)
def test_ending_the_run_in_dagster_cancels_the_cluster(launched: Rehearsal, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    kind, path, when = INTERRUPTED[case]
    if path == CANCEL:  # the launcher's own gives up, and the error of that would hide why
        be_impatient(monkeypatch, cancel_s=60.0)
    if kind:
        launched.workspace.faults.add(kind, times=2 if path == CANCEL else 1000, path=path)
    launched.soon(lambda: when(launched), interrupt)
    with contextlib.suppress(KeyboardInterrupt, dg.DagsterExecutionInterruptedError):  # who runs it in this very thread may be told so
        assert not launched.run("wait").success
    (run,) = launched.workspace.runs.all.values()
    assert (run.state, run.result) == ("TERMINATED", "CANCELED")
    (of_run,) = launched.instance.get_runs()
    events = [record.event_log_entry.dagster_event for record in launched.instance.get_records_for_run(of_run.run_id).records]
    failures = [event.step_failure_data.error.to_string() for event in events if event and event.is_step_failure]
    assert ["GB-3034" in str(failure) for failure in failures] == [True]
    assert not [event for event in events if event and event.event_type == dg.DagsterEventType.STEP_UP_FOR_RETRY]


def test_steps_at_once_have_a_cluster_each_and_all_are_cancelled_when_the_run_is_ended(
    launched: Rehearsal, monkeypatch: pytest.MonkeyPatch, short_folder: Path
) -> None:
    """By the executor of a deployment: a process a step, each of which has to hear of it."""
    monkeypatch.setenv("GLOBALBEV_DATABRICKS_PARALLEL", "2")
    runs = launched.workspace.runs.all
    launched.soon(lambda: len(runs) == 2 and all(run.state == "RUNNING" for run in runs.values()), (short_folder / "go on").touch)
    result = launched.run(f"until {short_folder / 'go on'}", tables=("orders", "stores"))
    assert result.success
    assert {name for name, _ in launched.materialised(result)} == {"orders", "stores"}
    has_told = lambda: len(runs) == 4 and len([*launched.workspace.dbfs.root.rglob("0_events.pkl")]) == 4  # noqa: E731
    launched.soon(has_told, interrupt)
    with contextlib.suppress(KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        assert not launched.run("wait", tables=("orders", "stores")).success
    assert [run.result for run in runs.values()] == ["SUCCESS", "SUCCESS", "CANCELED", "CANCELED"]


def test_no_attempt_begins_beside_a_run_that_could_not_be_asked_for(launched: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The workspace answers nothing for a while; by the second attempt it does, and the first one's cluster is still at work."""
    be_impatient(monkeypatch)
    whole = databricks_launcher.end_earlier_runs

    def reachable_again(context: Any, client: Any) -> None:
        if context.previous_attempt_count:
            assert not next(iter(launched.workspace.runs.all.values())).has_ended
            launched.workspace.faults.waiting.clear()
        whole(context, client)

    monkeypatch.setattr(databricks_launcher, "end_earlier_runs", reachable_again)
    launched.soon(lambda: has_begun(launched), lambda: launched.workspace.faults.add("503", times=100_000, path="/api/2.2/jobs/runs/"))
    result = launched.run("wait")
    assert result.success
    first, second = launched.workspace.runs.all.values()
    assert (first.result, second.result) == ("CANCELED", "SUCCESS")
    assert first.ended_at <= second.submitted_at
    assert launched.materialised(result) == ALL
    (retried,) = (event for event in result.all_events if event.event_type == dg.DagsterEventType.STEP_UP_FOR_RETRY)
    assert "GB-3020" in retried.step_retry_data.error.to_string()


def test_a_token_that_runs_out_in_the_middle_is_said_and_the_cluster_is_cancelled(launched: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    be_impatient(monkeypatch)
    launched.soon(lambda: has_begun(launched), lambda: launched.workspace.faults.add("expired_token", times=100_000, path=GET))
    result = launched.run("wait")
    assert "GB-3021" in launched.error(result)
    assert [run.result for run in launched.workspace.runs.all.values()] == ["CANCELED"]
    assert paths(launched).count(SUBMIT) == 1


REFUSALS: dict[str, tuple[Callable[[Rehearsal], None], str, str]] = {
    "the token has run out": (lambda at: at.workspace.faults.add("expired_token", path=CREATE), "GB-3021", "renew"),
    "the secret is another": (
        lambda at: at.workspace.principals.clients.update({os.environ["GLOBALBEV_DATABRICKS_CLIENT_ID"]: "another"}),
        "GB-3021",
        "invalid_client",
    ),
    "nothing may be submitted": (
        lambda at: at.workspace.principals.without.add(os.environ["GLOBALBEV_DATABRICKS_CLIENT_ID"]),
        "GB-3022",
        "does not have the permission",
    ),
    "others may not be let see it": (
        lambda at: at.workspace.principals.without_manage.add(os.environ["GLOBALBEV_DATABRICKS_CLIENT_ID"]),
        "GB-3022",
        "to manage jobs/77",
    ),
    "the workspace has no DBFS": (lambda at: at.workspace.faults.add("dbfs_off"), "GB-3023", "GLOBALBEV_COMPUTE=pipes"),
    "the policy refuses": (
        lambda at: at.workspace.policies.update({"globalbev-jobs": {"autoscale.max_workers": {"type": "range", "maxValue": 2}}}),
        "GB-3024",
        "autoscale.max_workers, the value must be at most 2",
    ),
    "somebody cancels": (lambda at: at.workspace.faults.add("cancelled"), "GB-3028", "cancelled"),
    "a library is missing": (lambda at: at.workspace.faults.add("missing_library"), "GB-3029", "Library installation failed"),
    "a secret is missing": (lambda at: at.workspace.secrets["globalbev"].clear(), "GB-3030", "globalbev-shop-dsn"),
    "there is no such pool": (lambda at: at.workspace.pools.clear(), "GB-3032", "globalbev-pool"),
    "the cluster's Python is another": (lambda at: at.workspace.faults.add("other_python"), "GB-3004", "same minor version"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_each_refusal_is_one_error_that_says_what_to_do(launched: Rehearsal, case: str) -> None:
    arrange, code, said = REFUSALS[case]
    arrange(launched)
    result = launched.run("wait" if case == "somebody cancels" else "")
    error = launched.error(result)
    assert not result.success
    assert code in error, "".join(path.read_text()[-3000:] for path in launched.workspace.folder.rglob("driver.log"))
    assert said.lower() in error.lower()
    assert paths(launched).count(SUBMIT) <= 1
    assert [run for run in launched.workspace.runs.all.values() if not run.has_ended] == []


@pytest.mark.parametrize(
    ("more", "kind", "code"),
    [
        ({"GLOBALBEV_DATABRICKS_START_S": "2", "GLOBALBEV_DATABRICKS_ATTEMPTS": "1"}, "slow_start", "GB-3033"),
        ({"GLOBALBEV_DATABRICKS_TIMEOUT_MINUTES": "1"}, "hang", "GB-3027"),
    ],
)
def test_what_takes_too_long_is_cancelled(short_folder: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, str], kind: str, code: str) -> None:
    with rehearsal(short_folder, monkeypatch, **more) as launched:
        launched.workspace.faults.add(kind, seconds=120)  # type: ignore[arg-type]
        launched.workspace.minute_s = 5.0
        result = launched.run()
        assert code in launched.error(result)
        assert [run.result for run in launched.workspace.runs.all.values()] == ["CANCELED" if kind == "slow_start" else "TIMEDOUT"]


def test_two_ways_to_sign_in_are_one_too_many(launched: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ARM_CLIENT_ID", "ARM_CLIENT_SECRET", "ARM_TENANT_ID"):
        monkeypatch.setenv(name, "of-another-tool")
    result = launched.run()
    assert "GB-3005" in launched.error(result)
    assert "of-another-tool" not in launched.error(result)
    assert SUBMIT not in paths(launched)


def test_a_cluster_that_runs_already_is_used_when_it_is_named(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with rehearsal(short_folder, monkeypatch, GLOBALBEV_DATABRICKS_CLUSTER_ID="1125-000000-existing") as launched:
        assert launched.run().success
        (run,) = launched.workspace.runs.all.values()
        assert (run.cluster_id, run.cluster) == ("1125-000000-existing", {})
