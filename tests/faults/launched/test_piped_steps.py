"""Steps by Pipes on serverless compute of the same workspace: without DBFS, with the code on a volume, and told message by message."""

# No `from __future__ import annotations` here: Dagster reads the annotations of the functions that it is given.

import os
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster_pyspark.utils import build_pyspark_zip

from globalbev_assets.contracts.names import TableName
from resources.databricks_pipes import PipedSteps
from resources.databricks_settings import load_databricks_settings
from resources.lakehouse_resource import book_of
from resources.publishing import TableResult
from resources.settings import load_settings
from resources.upload import Upload
from tests.faults.launched.ground import DSN, TOKEN, Rehearsal, rehearsal

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]
DAYS = [date(2026, 6, 1), date(2026, 6, 2)]
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
        found.workspace.faults.add("dbfs_off", times=1000)
        yield found


def materialise(at: Rehearsal, layer: str = "bronze", **more: Any) -> tuple[Any, list[TableResult]]:
    """One asset whose tables go by Pipes."""
    settings, found = load_settings(Path(os.devnull)), list[TableResult]()
    book = book_of(settings)
    steps = PipedSteps(settings, load_databricks_settings(settings, Path(os.devnull)), book)
    contracts = [book[TableName("bronze", name)] for name in ("lots", "inventory")]

    @dg.asset
    def supply(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        found.extend(steps.results(context, layer, contracts, DAYS))
        return dg.MaterializeResult()

    return dg.materialize([supply], instance=at.instance, raise_on_error=False, **more), found


def error(result: Any) -> str:
    (failure,) = (event for event in result.all_events if event.is_step_failure)
    return str(failure.step_failure_data.error.to_string())


def test_tables_and_days_come_back_and_the_code_goes_up_once(piped: Rehearsal) -> None:
    for _ in range(2):
        result, found = materialise(piped)
        assert result.success
        assert [(str(table.contract.name), row.business_day) for table in found for row in table.rows] == [
            (name, day) for name in ("bronze.lots", "bronze.inventory") for day in DAYS
        ]
        assert {row.published for table in found for row in table.rows} == {len(DSN)}, "the secret came from the scope"
        assert all("/clusters/" in row.reason for table in found for row in table.rows), "the code came from the volume"
    put = [call for call in piped.workspace.calls if call.method == "PUT" and call.path.endswith("code.zip")]
    assert len(put) == 1
    assert [run.is_serverless for run in piped.workspace.runs.all.values()] == [True, True]
    assert [call for call in piped.workspace.calls if "/dbfs/" in call.path] == []


def test_no_secret_is_in_what_was_passed_on(piped: Rehearsal) -> None:
    materialise(piped)
    written = [path for path in piped.workspace.folder.rglob("*") if path.is_file() and path.name != "order.json"]
    assert [str(path) for path in written for text in (DSN, TOKEN) if text.encode() in path.read_bytes()] == []


def test_compute_that_is_taken_away_is_tried_again(piped: Rehearsal) -> None:
    piped.workspace.faults.add("no_start")
    result, found = materialise(piped)
    assert result.success
    assert len(found) == 2
    assert [run.result for run in piped.workspace.runs.all.values()] == ["FAILED", "SUCCESS"]


def test_a_missing_library_is_one_error_and_not_tried_again(piped: Rehearsal) -> None:
    piped.workspace.faults.add("missing_library")
    result, _ = materialise(piped)
    assert "GB-3029" in error(result)
    assert len(piped.workspace.runs.all) == 1


def test_an_interruption_cancels_the_run_and_is_no_success(piped: Rehearsal) -> None:
    def cancel() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for run in list(piped.workspace.runs.all.values()):
                if run.state == "RUNNING" and any(piped.workspace.volumes.root.rglob("1.json")):
                    piped.workspace.runs.cancel(run.run_id)
                    return
            time.sleep(0.1)

    threading.Thread(target=cancel, daemon=True).start()
    result, found = materialise(piped, "waits")
    assert not result.success
    assert found == []
    assert "GB-3028" in error(result)
