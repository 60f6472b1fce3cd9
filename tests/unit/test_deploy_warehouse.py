"""The way of a rollback's statements to a SQL warehouse, by Databricks' own SDK to a server that answers as the statement API does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from deploy.release.warehouse import Warehouse
from globalbev_assets.contracts.names import TableName

NOW = datetime(2026, 11, 25, 6, tzinfo=UTC)


# As delta-spark 4.4 words them.
SAID = {
    "young": "[DELTA_CANNOT_RESTORE_TIMESTAMP_EARLIER] Cannot restore table to timestamp (…) as it is before the earliest version available.",
    "absent": "[TABLE_OR_VIEW_NOT_FOUND] The table or view cannot be found.",
    "still": "requirement failed: Version to restore (7)should be less then last available version (7)",
    "quiet": "[DELTA_CANNOT_RESTORE_TIMESTAMP_GREATER] Cannot restore table to timestamp (…) as it is after the latest version available.",
    "lost": "files are gone",
}


class Statements(BaseHTTPRequestHandler):
    """Keeps what was asked; a RESTORE ends as the table's name says."""

    asked: ClassVar[list[dict[str, Any]]] = []

    def do_GET(self) -> None:
        """Two runs under way, one of the pipeline's; each has ended when it is asked for by itself."""
        runs = [{"run_id": 7, "creator_user_name": "pipeline-id"}, {"run_id": 8, "creator_user_name": "jane@globalbev.example"}]
        ended = {"run_id": 7, "state": {"life_cycle_state": "TERMINATED", "result_state": "CANCELED"}}
        self._send({"runs": runs} if "/runs/list" in self.path else ended)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "/runs/cancel" in self.path:
            self.asked.append({"cancel": body["run_id"]})
            self._send({})
            return
        self.asked.append(body)
        status: dict[str, Any] = {"state": "SUCCEEDED" if body.get("wait_timeout") != "0s" else "PENDING"}
        for table, message in SAID.items():
            if table in body["statement"]:
                status = {"state": "FAILED", "error": {"message": message}}
        self._send({"statement_id": "1", "status": status})

    def _send(self, document: dict[str, Any]) -> None:
        answer = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    monkeypatch.setattr(Statements, "asked", [])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Statements)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    for name in ("ARM_CLIENT_ID", "ARM_CLIENT_SECRET", "ARM_TENANT_ID", "DATABRICKS_CLIENT_ID", "DATABRICKS_AUTH_TYPE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("DATABRICKS_HOST", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setenv("DATABRICKS_TOKEN", "of-the-test")
    yield Statements.asked
    server.shutdown()
    server.server_close()


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
