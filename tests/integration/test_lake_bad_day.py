"""A bad day inside a range is held and named, and what was published of it stays; other days and tables go on. By our backfill and by Dagster's."""

from __future__ import annotations

import logging
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.test_utils import create_test_daemon_workspace_context
from dagster._core.workspace.load_target import ModuleTarget
from dagster._daemon.backfill import execute_backfill_iteration
from dagster._time import get_current_timestamp

from globalbev_assets.operations.backfill import StageResult
from partitions.days import DayRange
from resources.settings import PROJECT
from tests.integration.lakes import DEFINITIONS, Lake, Row, evaluations

pytestmark = [pytest.mark.integration]

SELECTED = (
    "bronze/orders",
    "bronze/order_lines",
    "bronze/inventory",
    "silver/orders",
    "silver/order_lines",
    "silver/inventory_levels",
    "gold/fact_daily_sales",
)


@pytest.fixture(scope="module")
def spoilt_api(own_lake: Lake) -> Iterator[tuple[Lake, date]]:
    """The inventory API behind a proxy that answers nonsense for one day."""
    bad = own_lake.days.last - timedelta(days=3)

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if f"as_of={bad}" in self.path:
                self._answer(200, b'{"as_of": "yesterday", "nonsense": 1}')
                return
            request = urllib.request.Request(
                own_lake.variables["GLOBALBEV_INVENTORY_URL"] + self.path, headers={"Authorization": self.headers["Authorization"]}
            )
            try:
                with urllib.request.urlopen(request, timeout=20) as answer:
                    self._answer(answer.status, answer.read())
            except urllib.error.HTTPError as error:
                self._answer(error.code, error.read())

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with pytest.MonkeyPatch.context() as patch:
        url = f"http://127.0.0.1:{server.server_port}"
        patch.setenv("GLOBALBEV_INVENTORY_URL", url)
        yield replace(own_lake, variables=dict(own_lake.variables) | {"GLOBALBEV_INVENTORY_URL": url}), bad
    server.shutdown()


@dataclass(frozen=True)
class Attempt:
    """A backfill of three days, of which the middle one is bad: its orders are of a store that nobody knows, its inventory cannot be read."""

    lake: Lake
    bad: date
    days: DayRange
    before: dict[str, list[Row]]
    results: list[StageResult]
    judged: dict[str, Any]
    """Of each day, the newest execution of the contract's check of ``silver.orders``, before any other test has run it again."""
    stored: dict[str, int]
    """Of each day, the event of the newest materialisation of ``silver.orders``, likewise."""

    def states(self, table: str) -> dict[date, str]:
        rows = self.lake.latest([result.run_id for result in self.results])
        return {row["business_day"]: row["state"] for row in rows if row["table_name"] == table}

    def reason(self, table: str) -> str:
        rows = self.lake.latest([result.run_id for result in self.results])
        return next(str(row["reason"]) for row in rows if (row["table_name"], row["business_day"]) == (table, self.bad))


def published(lake: Lake, day: date) -> dict[str, list[Row]]:
    tables = {
        "silver.orders": "order_date",
        "silver.order_lines": "order_date",
        "bronze.inventory": "_partition_date",
        "gold.fact_daily_sales": "sale_date",
    }
    return {table: lake.query(f"select * from {table} where {column} = ? order by all", [day]) for table, column in tables.items()}


@pytest.fixture(scope="module")
def attempt(spoilt_api: tuple[Lake, date]) -> Attempt:
    lake, bad = spoilt_api
    days = DayRange(bad - timedelta(days=1), bad + timedelta(days=1))
    before = published(lake, bad)
    noon = datetime(bad.year, bad.month, bad.day, 12, tzinfo=UTC)
    lake.shop(
        "insert into shop.orders select 980000000 + n, null, 999999, %s, 'placed', 'web', 'USD', %s from generate_series(1, 400) n", [noon, noon]
    )
    results = lake.backfill(days, SELECTED)
    key = dg.AssetKey(["silver", "orders"])
    judged = {record.partition: record for record in reversed(evaluations(dg.AssetCheckKey(key, "contract"))) if record.partition}
    with dg.DagsterInstance.get() as instance:
        stored = {str(record.partition_key): record.storage_id for record in instance.fetch_materializations(key, limit=100).records}
    return Attempt(lake, bad, days, before, results, judged, stored)


def test_the_other_days_and_the_sibling_tables_go_on(attempt: Attempt) -> None:
    bronze = attempt.states("bronze.orders")
    assert (len(bronze), set(bronze.values())) == (3, {"published", "unchanged"})
    for table in ("bronze.inventory", "silver.orders", "silver.order_lines", "silver.inventory_levels", "gold.fact_daily_sales"):
        states = attempt.states(table)
        assert states.pop(attempt.bad) == "held", table
        assert len(states) >= 2
        assert set(states.values()) <= {"published", "unchanged"}, table


def test_the_bad_day_says_why_in_each_layer(attempt: Attempt) -> None:
    assert "GB-1306" in attempt.reason("bronze.inventory")
    assert "few_quarantined" in attempt.reason("silver.orders")
    assert attempt.reason("silver.order_lines").startswith("silver.orders of that day is held: ")
    assert attempt.reason("silver.inventory_levels").startswith("bronze.inventory of that day is held: GB-1306")
    assert "of that day is held" in attempt.reason("gold.fact_daily_sales")


def test_what_was_published_of_the_bad_day_stays(attempt: Attempt) -> None:
    assert min(len(rows) for rows in attempt.before.values()) > 5
    assert published(attempt.lake, attempt.bad) == attempt.before
    assert attempt.lake.query("select count(*) as rows from silver.orders where order_id > 980000000") == [{"rows": 0}]


def test_each_run_fails_and_names_the_day(attempt: Attempt) -> None:
    assert [result.succeeded for result in attempt.results] == [False, False, False]
    bronze, silver, gold = ("\n".join(result.errors) for result in attempt.results)
    assert f"bronze.inventory: 1 of 3 days not published, first {attempt.bad}: GB-1306" in bronze
    assert "bronze.orders" not in bronze
    assert f"silver.orders: 1 of 3 days not published, first {attempt.bad}: " in silver
    assert f"silver.order_lines: 1 of 3 days not published, first {attempt.bad}: " in silver
    assert f"first {attempt.bad}: silver.order_lines of that day is held: silver.orders of that day is held: few_quarantined" in gold


def test_dagster_has_the_good_days_and_not_the_bad_one(attempt: Attempt) -> None:
    good = {str(day) for day in attempt.days if day != attempt.bad}
    with dg.DagsterInstance.get() as instance:
        for table in ("bronze/inventory", "silver/orders", "silver/inventory_levels"):
            assert instance.get_materialized_partitions(dg.AssetKey(table.split("/"))) == good, table
        assert instance.get_materialized_partitions(dg.AssetKey(["bronze", "orders"])) == good | {str(attempt.bad)}


def test_the_checks_of_each_day_are_in_the_instance_with_what_they_judge(attempt: Attempt) -> None:
    found, stored = attempt.judged, attempt.stored
    assert set(found) == {str(day) for day in attempt.days}
    for day, record in found.items():
        evaluation = record.event.dagster_event.event_specific_data
        assert evaluation.passed == (day != str(attempt.bad)), day
        assert evaluation.blocking
        target = evaluation.target_materialization_data
        assert (target.storage_id if target else None) == stored.get(day)
    assert stored.keys() == {str(day) for day in attempt.days if day != attempt.bad}
    bad = found[str(attempt.bad)].event.dagster_event.event_specific_data
    assert "few_quarantined" in str(bad.description)


def test_dagsters_own_backfill_splits_by_layer_and_good_days_go_on(attempt: Attempt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon's code drives it; each layer is one run, and the bad day stops itself alone."""
    monkeypatch.chdir(tmp_path)  # a code server takes the .env of the folder that it starts in, over the variables that are set
    with (Path(os.environ["DAGSTER_HOME"]) / "dagster.yaml").open("a") as settings:  # runs start at once, without the queue's daemon
        settings.write("\nrun_coordinator: {module: dagster._core.run_coordinator, class: DefaultRunCoordinator}\n")
    keys = [dg.AssetKey(table.split("/")) for table in ("bronze/orders", "bronze/inventory", "silver/orders", "silver/inventory_levels")]
    days = [str(day) for day in attempt.days]
    with dg.DagsterInstance.get() as instance:
        known = {run.run_id for run in instance.get_runs()}
        target = ModuleTarget(DEFINITIONS, attribute=None, working_directory=str(PROJECT), location_name="globalbev")
        with create_test_daemon_workspace_context(target, instance) as context:
            graph = context.create_request_context().asset_graph
            backfill = PartitionBackfill.from_asset_partitions(
                asset_graph=graph, backfill_id="bad-day", tags={}, backfill_timestamp=get_current_timestamp(), asset_selection=keys, partition_names=days,
                dynamic_partitions_store=instance, all_partitions=False, title=None, description=None, run_config=None,
            )  # fmt: skip
            instance.add_backfill(backfill)
            deadline = time.monotonic() + 300
            while (status := instance.get_backfill("bad-day").status) in (BulkActionStatus.REQUESTED, BulkActionStatus.FAILING):  # type: ignore[union-attr]
                assert time.monotonic() < deadline, status
                list(execute_backfill_iteration(context, logging.getLogger("backfill")))
                while any(not run.is_finished for run in instance.get_runs()) and time.monotonic() < deadline:
                    time.sleep(0.3)
        runs = [run for run in instance.get_runs() if run.run_id not in known]
        by_layer = {layer: [run for run in runs if {key.path[0] for key in run.asset_selection or ()} == {layer}] for layer in ("bronze", "silver")}
        assert {layer: len(found) for layer, found in by_layer.items()} == {"bronze": 1, "silver": len(by_layer["silver"])}
        assert len(runs) == len(by_layer["bronze"]) + len(by_layer["silver"])
        assert 1 <= len(by_layer["silver"]) <= 3
        for key in keys:
            done = instance.get_status_by_partition(key, days, graph.get(key).partitions_def)  # type: ignore[arg-type]
            assert {day for day in days if "MATERIALIZED" in str(done[day])} >= {day for day in days if day != str(attempt.bad)}, key  # type: ignore[index]
    rows = attempt.lake.latest([run.run_id for run in runs])
    held = {row["table_name"] for row in rows if row["state"] == "held"}
    assert held <= {"bronze.inventory", "silver.orders", "silver.inventory_levels"}
    assert "bronze.inventory" in held
    good = {(row["table_name"], row["business_day"]) for row in rows if row["state"] in ("published", "unchanged")}
    for table in ("bronze.orders", "bronze.inventory", "silver.orders", "silver.inventory_levels"):
        assert {day for name, day in good if name == table} >= {day for day in attempt.days if day != attempt.bad}, table
    assert published(attempt.lake, attempt.bad) == attempt.before
