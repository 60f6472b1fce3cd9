"""Steps by Pipes on serverless compute of the same workspace: without DBFS, with the code on a volume, and told message by message."""

# No `from __future__ import annotations` here: Dagster reads the annotations of the functions that it is given.

import contextlib
import os
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster_pyspark.utils import build_pyspark_zip

from globalbev_assets.contracts.names import TableName
from globalbev_assets.operations.leaks import leaks
from resources.databricks_pipes import PipedSteps
from resources.databricks_run import SubmittedRun
from resources.databricks_settings import load_databricks_settings
from resources.lakehouse_resource import book_of
from resources.logs.events import EVENT_ATTRIBUTE, LOGGER
from resources.publishing import TableResult
from resources.settings import load_settings
from resources.upload import Upload
from tests.faults.launched.ground import DSN, Rehearsal, be_impatient, interrupt, rehearsal, secrets

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]
DAYS = [date(2026, 6, 1), date(2026, 6, 2)]
ALL = [(name, day) for name in ("bronze.lots", "bronze.inventory") for day in DAYS]
CODE = Path(__file__).parent / "piped"


@pytest.fixture
def piped(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rehearsal]:
    upload = Upload(short_folder / "code", "feedfacefeedface", 0, 0)
    (upload.folder / "globalbev_assets").mkdir(parents=True)
    for path in (CODE / "globalbev_assets").glob("*.py"):
        (upload.folder / "globalbev_assets" / path.name).write_bytes(path.read_bytes())
    build_pyspark_zip(str(short_folder / "looked-at.zip"), str(upload.folder))
    with rehearsal(short_folder, monkeypatch, GLOBALBEV_COMPUTE="pipes") as found:
        monkeypatch.setattr("resources.databricks_pipes.stage_upload", lambda _: upload)
        monkeypatch.setattr("dagster._core.pipes.utils.WAIT_FOR_LOGS_AFTER_EXECUTION_INTERVAL", 1)  # of a run that was cut off; 10 s by itself
        found.workspace.faults.add("dbfs_off", times=1000)
        yield found


def materialise(at: Rehearsal, layer: str = "bronze", found: list[TableResult] | None = None) -> tuple[Any, list[TableResult]]:
    """One asset whose tables go by Pipes; what it reports is in ``found``, also when it fails."""
    settings, found = load_settings(Path(os.devnull)), [] if found is None else found
    book = book_of(settings)
    steps = PipedSteps(settings, load_databricks_settings(settings, Path(os.devnull)), book)
    contracts = [book[TableName("bronze", name)] for name in ("lots", "inventory")]

    @dg.asset
    def supply(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        for result in steps.results(context, layer, contracts, DAYS):
            found.append(result)
        return dg.MaterializeResult()

    return dg.materialize([supply], instance=at.instance, raise_on_error=False), found


def error(result: Any) -> str:
    (failure,) = (event for event in result.all_events if event.is_step_failure)
    return str(failure.step_failure_data.error.to_string())


def test_tables_and_days_come_back_and_the_code_goes_up_once(piped: Rehearsal) -> None:
    for _ in range(2):
        result, found = materialise(piped)
        assert result.success
        assert published(found) == ALL
        assert {row.published for table in found for row in table.rows} == {len(DSN)}, "the secret came from the scope"
        assert all("/clusters/" in row.reason for table in found for row in table.rows), "the code came from the volume"
    put = [call for call in piped.workspace.calls if call.method == "PUT" and call.path.endswith("code.zip")]
    assert len(put) == 1
    assert [run.is_serverless for run in piped.workspace.runs.all.values()] == [True, True]
    assert [call for call in piped.workspace.calls if "/dbfs/" in call.path] == []


def test_no_secret_is_in_what_was_passed_on(piped: Rehearsal) -> None:
    materialise(piped)
    assert leaks(piped.workspace.folder, secrets(), piped.workspace.principals.tokens) == []
    assert any(piped.workspace.volumes.root.rglob("code.zip"))


def test_what_it_says_is_said_here_at_its_own_time(piped: Rehearsal, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", LOGGER):
        result, _ = materialise(piped)
    said = [record for record in caplog.records if record.name == "globalbev.table"]
    assert [record.getMessage() for record in said] == [
        f"table.published asset={name} published=6 duration_s=0.5" for name in ("bronze.lots", "bronze.inventory")
    ]
    assert {(record.created, getattr(record, EVENT_ATTRIBUTE)["run_id"]) for record in said} == {(1780000000.25, result.run_id)}


def published(found: list[TableResult]) -> list[tuple[str, date]]:
    return [(str(table.contract.name), row.business_day) for table in found for row in table.rows]


def has_told(piped: Rehearsal) -> bool:
    """Whether the run's messages are on the volume: of both tables, for it waits after them."""
    return any("bronze.inventory" in path.read_text() for path in piped.workspace.volumes.root.rglob("[0-9]*.json"))


def test_compute_that_is_taken_away_is_tried_again_and_each_day_is_reported_once(piped: Rehearsal) -> None:
    piped.soon(lambda: has_told(piped), lambda: piped.workspace.faults.add("eviction"))
    result, found = materialise(piped, "waits once")
    assert result.success
    assert published(found) == ALL
    assert [run.result for run in piped.workspace.runs.all.values()] == ["FAILED", "SUCCESS"]
    (retried,) = (event for event in result.all_events if event.event_type == dg.DagsterEventType.STEP_UP_FOR_RETRY)
    assert "GB-3026" in retried.step_retry_data.error.to_string()


REFUSALS: dict[str, tuple[Callable[[Rehearsal], object], str, list[str]]] = {
    "the secret is another": (
        lambda at: at.workspace.principals.clients.update({os.environ["GLOBALBEV_DATABRICKS_CLIENT_ID"]: "another"}),
        "GB-3021",
        [],
    ),
    "nothing may be submitted": (
        lambda at: at.workspace.principals.without.add(os.environ["GLOBALBEV_DATABRICKS_CLIENT_ID"]),
        "GB-3022",
        [],
    ),
    "others may not be let see it": (
        lambda at: at.workspace.principals.without_manage.add(os.environ["GLOBALBEV_DATABRICKS_CLIENT_ID"]),
        "GB-3022",
        ["CANCELED"],
    ),
    "somebody cancels": (lambda at: at.workspace.faults.add("cancelled"), "GB-3028", ["CANCELED"]),
    "a library is missing": (lambda at: at.workspace.faults.add("missing_library"), "GB-3029", ["FAILED"]),
    "a secret is missing": (lambda at: at.workspace.secrets["globalbev"].clear(), "GB-3030", ["FAILED"]),
    "it takes too long": (lambda at: at.workspace.faults.add("hang", seconds=120), "GB-3027", ["TIMEDOUT"]),
    "it does not start": (lambda at: at.workspace.faults.add("slow_start", seconds=120), "GB-3033", ["CANCELED"]),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_each_refusal_is_one_error_and_leaves_no_run_behind(piped: Rehearsal, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    arrange, code, ends = REFUSALS[case]
    arrange(piped)
    monkeypatch.setenv("GLOBALBEV_DATABRICKS_ATTEMPTS", "1")
    if case == "it does not start":
        monkeypatch.setenv("GLOBALBEV_DATABRICKS_START_S", "1")
    if case == "it takes too long":
        monkeypatch.setenv("GLOBALBEV_DATABRICKS_TIMEOUT_MINUTES", "1")
        piped.workspace.minute_s = 3.0
    result, found = materialise(piped, "waits")
    assert code in error(result)
    assert [run.result for run in piped.workspace.runs.all.values()] == ends
    assert found == []


ENDED: dict[str, tuple[Callable[[Rehearsal], object], str]] = {
    "somebody ends the run in Dagster": (lambda _: interrupt(), "GB-3034"),
    "the token runs out": (lambda at: at.workspace.faults.add("expired_token", times=100_000, path="/jobs/runs/get"), "GB-3021"),
    "the workspace is gone for a while": (lambda at: at.workspace.faults.add("503", times=4, path="/jobs/runs/get"), "GB-3020"),
}


@pytest.mark.parametrize("case", ENDED)
def test_what_had_been_published_when_it_ended_is_reported_and_the_run_is_cancelled(
    piped: Rehearsal, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    happens, code = ENDED[case]
    if happens is not ENDED["somebody ends the run in Dagster"][0]:
        be_impatient(monkeypatch)
    monkeypatch.setenv("GLOBALBEV_DATABRICKS_ATTEMPTS", "1")
    piped.soon(lambda: has_told(piped), lambda: happens(piped))
    found: list[TableResult] = []
    with contextlib.suppress(KeyboardInterrupt, dg.DagsterExecutionInterruptedError):  # who runs it in this very thread may be told so
        assert not materialise(piped, "waits", found)[0].success
    (of_run,) = piped.instance.get_runs()
    events = [record.event_log_entry.dagster_event for record in piped.instance.get_records_for_run(of_run.run_id).records]
    assert [code in str(event.step_failure_data.error.to_string()) for event in events if event and event.is_step_failure] == [True]
    assert [run.result for run in piped.workspace.runs.all.values()] == ["CANCELED"]
    assert published(found) == ALL


def test_a_run_that_is_ended_while_its_submission_is_under_way_is_cancelled(piped: Rehearsal) -> None:
    """The workspace has it already, and the answer that says so is lost: the client asks again, and only then is it known what to cancel."""
    piped.workspace.faults.add("lost_answer", path="/jobs/runs/submit")
    piped.soon(lambda: bool(piped.workspace.runs.all), interrupt)
    with contextlib.suppress(KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        assert not materialise(piped, "waits")[0].success
    assert len(piped.workspace.faults.used) == 1
    assert [run.result for run in piped.workspace.runs.all.values()] == ["CANCELED"]


def test_a_run_that_is_ended_while_a_lost_one_is_cleared_away_is_not_tried_again(piped: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    make_end = SubmittedRun.make_end

    def interrupted(run: SubmittedRun) -> bool:
        interrupt()
        return make_end(run)

    monkeypatch.setattr(SubmittedRun, "make_end", interrupted)
    piped.soon(lambda: has_told(piped), lambda: piped.workspace.faults.add("eviction"))
    with contextlib.suppress(KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        assert not materialise(piped, "waits")[0].success
    assert [run.result for run in piped.workspace.runs.all.values()] == ["FAILED"]
