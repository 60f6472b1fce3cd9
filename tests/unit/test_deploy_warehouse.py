"""The way of a rollback's statements to a SQL warehouse, by Databricks' own SDK to a server that answers as the statement API does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from deploy.release.warehouse import Warehouse
from globalbev_assets.contracts.names import TableName
from tests.statement_api import signed_in

NOW = datetime(2026, 11, 25, 6, tzinfo=UTC)


# As delta-spark 4.4 words them.
SAID = {
    "young": "[DELTA_CANNOT_RESTORE_TIMESTAMP_EARLIER] Cannot restore table to timestamp (…) as it is before the earliest version available.",
    "absent": "[TABLE_OR_VIEW_NOT_FOUND] The table or view cannot be found.",
    "still": "requirement failed: Version to restore (7)should be less then last available version (7)",
    "quiet": "[DELTA_CANNOT_RESTORE_TIMESTAMP_GREATER] Cannot restore table to timestamp (…) as it is after the latest version available.",
    "lost": "files are gone",
}


@pytest.fixture
def asked() -> Iterator[list[dict[str, Any]]]:
    """What was asked: statements, of which a RESTORE ends as the table's name says, and cancelled runs."""
    found: list[dict[str, Any]] = []
    # Two runs under way, one of the pipeline's; each has ended when it is asked for by itself.
    runs = [{"run_id": 7, "creator_user_name": "pipeline-id"}, {"run_id": 8, "creator_user_name": "jane@globalbev.example"}]

    def answer(verb: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if verb == "GET":
            ended = {"run_id": 7, "state": {"life_cycle_state": "TERMINATED", "result_state": "CANCELED"}}
            return {"runs": runs} if "/runs/list" in path else ended
        if "/runs/cancel" in path:
            found.append({"cancel": body["run_id"]})
            return {}
        found.append(body)
        message = next((said for table, said in SAID.items() if table in body["statement"]), None)
        if message:
            return {"statement_id": "1", "status": {"state": "FAILED", "error": {"message": message}}}
        return {"statement_id": "1", "status": {"state": "SUCCEEDED" if body.get("wait_timeout") != "0s" else "PENDING"}}

    with signed_in(answer):
        yield found


def test_it_is_woken_by_a_statement_that_nobody_waits_for(asked: list[dict[str, Any]]) -> None:
    Warehouse("globalbev_dev", "w1").wake()
    assert asked == [{"statement": "SELECT 1", "warehouse_id": "w1", "wait_timeout": "0s"}]


def test_a_table_is_restored_by_name_and_time(asked: list[dict[str, Any]]) -> None:
    assert Warehouse("globalbev_dev", "w1").restore(TableName("silver", "orders"), NOW) == "restored"
    (statement,) = asked
    assert statement["statement"] == "RESTORE TABLE `globalbev_dev`.`silver`.`orders` TO TIMESTAMP AS OF '2026-11-25T06:00:00Z'"


@pytest.mark.parametrize(("table", "outcome"), [("young", "younger"), ("absent", "younger"), ("still", "unchanged"), ("quiet", "unchanged")])
def test_a_table_that_has_nowhere_to_go_back_to_stays(asked: list[dict[str, Any]], table: str, outcome: str) -> None:
    """Most tables had no commit since a recent time; that Delta refuses those must not end a rollback half way."""
    assert Warehouse("globalbev_dev", "w1").restore(TableName("silver", table), NOW) == outcome


def test_steps_of_the_pipeline_end_and_nobody_elses_runs(asked: list[dict[str, Any]]) -> None:
    assert Warehouse("globalbev_dev", "w1", "pipeline-id").stop_writers() == 1
    assert [each for each in asked if "cancel" in each] == [{"cancel": 7}]


def test_any_other_failure_is_told(asked: list[dict[str, Any]]) -> None:
    with pytest.raises(SystemExit, match=r"RESTORE of silver\.lost: files are gone"):
        Warehouse("globalbev_dev", "w1").restore(TableName("silver", "lost"), NOW)
