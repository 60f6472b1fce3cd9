"""The sensor as Dagster runs it: events and cursor of a daemon's tick, a process killed in the middle, a contract patched under a running code server."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest
from dagster._core.test_utils import create_test_daemon_workspace_context
from dagster._core.workspace.load_target import ModuleTarget
from dagster._daemon.sensor import execute_sensor_iteration

from globalbev_assets.contracts.names import TableName
from resources.drift.evaluation import CHECK
from resources.settings import PROJECT
from sensors.schema_drift import schema_drift_sensor
from tests.integration.drift_world import DAY, World, making, shop_server
from tests.unit.contract_files import draft, load, write

pytestmark = [pytest.mark.integration]
ORDERS = dg.AssetKey(["bronze", "orders"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with shop_server(tmp_path_factory.mktemp("shop")) as dsn:
        yield dsn


@pytest.fixture
def world(server: str, tmp_path: Path) -> Iterator[World]:
    with making(server, tmp_path) as made:
        yield made


def variables(world: World) -> dict[str, str]:
    return {
        "GLOBALBEV_ENV": "local",
        "GLOBALBEV_HOME": str(world.settings.home),
        "GLOBALBEV_LAKE": str(world.settings.lake_root),
        "GLOBALBEV_LANDING": str(world.settings.landing_root),
        "GLOBALBEV_SHOP_DSN": world.dsn,
        "GLOBALBEV_INVENTORY_URL": str(world.settings.inventory_url),
        "GLOBALBEV_INVENTORY_TOKEN": "t" * 24,
        "GLOBALBEV_CONTRACTS": world.settings.contracts or "",
        "GLOBALBEV_START_DATE": str(DAY),
    }


def started() -> dict[int, str]:
    """The processes that this one has started, theirs too, by id; of the code server among them. One that ended meanwhile has none."""
    found = {}
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # a zombie is one too
            found[child.pid] = child.name()
    return found


def evaluated(world: World, instance: dg.DagsterInstance, cursor: str | None = None) -> Any:
    sensor = schema_drift_sensor(world.book, world.settings)
    return sensor.evaluate_tick(dg.build_sensor_context(instance=instance, cursor=cursor))


def test_the_same_verdict_can_be_reported_twice(world: World) -> None:
    """An evaluation without a run crashes at its second report when it has a partition; ours has none."""
    world.shop("alter table shop.orders drop column channel")
    with dg.instance_for_test() as instance:
        for _ in range(2):
            for event in evaluated(world, instance).asset_events:
                instance.report_runless_asset_event(event)
        key = dg.AssetCheckKey(ORDERS, CHECK)
        history = instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
        assert len(history) == 2
        found = history[0].event.dagster_event.event_specific_data  # type: ignore[union-attr]
        assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
        assert "column channel is missing" in found.description
        assert found.metadata["do"].value == "globalbev drift show bronze.orders"


def test_a_daemon_keeps_cursor_and_verdicts_and_says_which_source_is_silent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables(world).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(world.settings.home)
    world.shop("alter table shop.orders drop column channel")
    world.api.status = 500
    with dg.instance_for_test() as instance:
        target = ModuleTarget("globalbev_assets.definitions", attribute=None, working_directory=str(PROJECT), location_name="globalbev")
        before = started()  # another test's server may be there
        with create_test_daemon_workspace_context(target, instance) as context:
            list(execute_sensor_iteration(context, logging.getLogger("sensors"), None, None))
            new = [name for pid, name in started().items() if pid not in before]
            assert any("python" in name for name in new)
            assert [name for name in new if "java" in name] == []
        state = next(one for one in instance.all_instigator_state() if one.name == "schema_drift")
        tick = instance.get_ticks(state.instigator_origin_id, state.selector_id)[0]
        assert "API inventory (GB-2006" in str(tick.skip_reason)
        assert "column channel is missing" in str(tick.skip_reason)
        assert set(json.loads(str(state.instigator_data.cursor))["tables"]) == {  # type: ignore[union-attr]
            str(one.name) for one in world.book.layer("bronze") if one.table != "inventory"
        }
        records = [
            instance.get_latest_asset_check_evaluation_record(dg.AssetCheckKey(dg.AssetKey(["bronze", one]), CHECK)) for one in ("orders", "lots")
        ]
        assert [record.event.dagster_event.event_specific_data.passed for record in records if record] == [False, True]  # type: ignore[union-attr]


def test_killed_between_cursor_and_result_the_next_tick_tells_it_and_records_it_once(world: World) -> None:
    with dg.instance_for_test() as instance:
        before = evaluated(world, instance).cursor
        world.shop("alter table shop.orders drop column channel")
        program = (
            "import dagster as dg, sys; from resources.settings import load_settings; from resources.lakehouse_resource import book_of; "
            "from sensors.schema_drift import schema_drift_sensor; s = load_settings(); "
            "schema_drift_sensor(book_of(s), s).evaluate_tick(dg.build_sensor_context(instance=dg.DagsterInstance.ephemeral(), cursor=sys.argv[1]))"
        )
        marker = world.settings.home / "reached"
        failpoint = {"GLOBALBEV_FAILPOINT": "drift.before_result:kill", "GLOBALBEV_FAILPOINT_MARKER": str(marker), "PYTHONPATH": str(PROJECT)}
        done = subprocess.run([sys.executable, "-c", program, before], env={**os.environ, **variables(world), **failpoint}, cwd=PROJECT, check=False)
        assert (done.returncode, marker.read_text()) == (-signal.SIGKILL, "drift.before_result")
        recorded = world.rows()
        assert [(row.kind, row.column_name) for row in recorded] == [("missing", "channel")]
        after = evaluated(world, instance, before)
        assert [(event.asset_key, event.passed) for event in after.asset_events] == [(ORDERS, False)]
        assert world.rows() == recorded


def test_a_patch_that_was_applied_is_seen_without_a_restart(server: str, tmp_path: Path) -> None:
    folder = tmp_path / "contracts"
    write(folder, draft())
    with making(server, tmp_path / "home", load(folder), folder) as world, dg.instance_for_test() as instance:
        world.shop("create table shop.refunds (refund_id bigint primary key, sku text, email text, amount numeric(12,2), updated_at timestamptz)")
        sensor = schema_drift_sensor(world.book, world.settings)
        world.shop("alter table shop.refunds rename column sku to article")
        first = sensor.evaluate_tick(dg.build_sensor_context(instance=instance))
        assert world.open("bronze.refunds") == [("renamed", "sku", "article", True)]
        path = folder / "bronze" / "refunds.odcs.yaml"
        path.write_text(path.read_text().replace("name: sku, ", "name: sku, customProperties: [{property: source, value: article}], ").replace(
            ', customProperties: [{property: sourceType, value: text}]}', "}", 1))  # fmt: skip
        second = sensor.evaluate_tick(dg.build_sensor_context(instance=instance, cursor=first.cursor))
        assert [(event.asset_key.path[-1], event.passed) for event in second.asset_events] == [("refunds", True)], second.skip_message
        path.write_text(path.read_text().replace("name: sku", "nme: sku"))
        third = sensor.evaluate_tick(dg.build_sensor_context(instance=instance, cursor=second.cursor))
        assert "The contracts on disk cannot be used" in str(third.skip_message)
        assert third.asset_events == []


def test_a_tick_over_thirty_tables_is_quick_and_small(server: str, tmp_path: Path) -> None:
    folder = tmp_path / "contracts"
    for number in range(18):
        write(folder, draft(f"refunds_{number}"))
    with making(server, tmp_path / "home", load(folder), folder) as world:
        for number in range(18):
            world.shop(
                f"create table shop.refunds_{number} (refund_id bigint primary key, sku text, email text, amount numeric(12,2), updated_at timestamptz)"
            )
        assert len(world.book.layer("bronze")) == 30
        world.shop("alter table shop.orders drop column channel")
        process = psutil.Process()
        before, started = process.memory_info().rss, time.monotonic()
        tick = world.tick()
        took_s, grown = time.monotonic() - started, process.memory_info().rss - before
        assert (len(tick.told), tick.looked_at) == (30, 30)
        assert world.book[TableName("bronze", "refunds_17")].source.kind == "database"
        started = time.monotonic()
        assert world.tick().looked_at == 0
        assert took_s < 5, took_s
        assert time.monotonic() - started < 5
        assert grown < 300 * 2**20, grown
