"""From Dagster's event log to a message: over each storage, with the sensor that the definitions have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from threading import Thread

import dagster as dg
import pyarrow as pa
import pytest
from dagster._core.test_utils import create_run_for_test
from deltalake import write_deltalake
from filelock import FileLock

from resources.alerts.acceptance import Decision
from sensors.alerts import alert_sensor
from tests.alert_world import DAY, STORAGES, World, lines, world_in
from tests.unit.contract_files import packaged


@pytest.fixture(params=STORAGES)
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    with world_in(tmp_path, request.param) as found:
        yield found


@pytest.fixture
def one(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as found:
        yield found


def test_a_failed_check_is_told_at_the_next_tick_and_its_end_too(world: World) -> None:
    world.tick()
    world.volume("bronze.orders")
    world.tick()
    world.volume("bronze.orders", observed=0.9)
    world.tick()
    first, last = lines(world.home)
    assert first["title"] == "warning: bronze.orders, 2026-03-08. Not met: A day has about as many orders as the same weekdays before."
    assert "Value:    0.2 on 2026-03-08; allowed is at least 0.5 and at most 2" in first["body"]
    assert (last["kind"], last["title"].startswith("Over: bronze.orders, 2026-03-08")) == ("over", True)


def test_a_held_day_is_told_with_the_rule_that_held_it_and_what_failed_below_joins(world: World) -> None:
    world.tick()
    silver = world.run(["silver.orders", "silver.order_lines"])
    world.ledger(silver.run_id, "silver.orders", state="held", rows_in=1000, quarantined=310, broken="few_quarantined", reason="few_quarantined: …")
    world.ledger(silver.run_id, "silver.order_lines", state="held", reason="silver.orders of that day is held: few_quarantined")
    world.fail(silver)
    gold = world.run(["gold.executive_kpis"])
    world.fail(gold)
    world.tick()
    (message,) = lines(world.home)
    assert message["title"] == "FAILED: silver.orders, 2026-03-08. Not met: At most a quarter of a day's orders is kept aside."
    for line in (
        "Value:    0.31 on 2026-03-08; allowed is at most 0.25",
        "1,000 rows of these days, 100.0% of the last 28 days'; 310 of them (31.0%) are kept aside.",
        "Touches:  The board's morning page, due 07:00 UTC (gold.executive_kpis:",
        "Also:     silver.order_lines 2026-03-08 (not published); gold.executive_kpis 2026-03-08 (not published)",
        "Owner:    order-platform@globalbev.example",
        f"Run:      http://localhost:3000/runs/{silver.run_id}",
        "Runbook:  docs/runbooks/quarantine.md",
    ):
        assert line in message["body"]


def test_an_alert_that_is_accepted_ends_with_one_message_and_the_next_broken_day_is_told(world: World) -> None:
    world.tick()
    world.volume("bronze.orders")
    world.tick()
    (name,) = world.recorded.incidents
    world.alerting.accept(name, Decision("Ann", "a holiday"), world.at)
    world.volume("bronze.orders")  # a run over the day says it again
    world.tick()
    world.tick(seconds=5 * 24 * 3600)
    assert [line["title"] for line in lines(world.home)][1:] == ["Over: bronze.orders, 2026-03-08, accepted by Ann: a holiday"]
    world.volume("bronze.orders", DAY + timedelta(days=1))
    world.tick()
    assert [line["kind"] for line in lines(world.home)] == ["new", "over", "new"]


def test_whoever_accepts_waits_for_the_tick_that_is_at_it(one: World) -> None:
    one.tick()
    one.volume("bronze.orders")
    one.tick()
    (name,) = one.recorded.incidents
    accepting = Thread(target=lambda: one.alerting.accept(name, Decision("Ann", "a holiday"), one.at))
    with FileLock(one.home / "state" / "alerts.lock"):
        accepting.start()
        accepting.join(0.5)
        assert one.recorded.incidents[name].is_open
    accepting.join(10)
    assert one.recorded.incidents[name].is_accepted


def test_publishing_the_day_ends_a_failed_run_s_incident(world: World) -> None:
    world.tick()
    run = world.run(["bronze.orders"])
    world.fail(run)
    world.tick()
    world.materialise("bronze.orders", DAY - timedelta(days=1))
    world.tick()
    assert len(lines(world.home)) == 1
    world.materialise("bronze.orders")
    world.tick()
    assert [line["kind"] for line in lines(world.home)] == ["new", "over"]


def test_a_run_that_is_tried_again_by_itself_is_not_told(one: World) -> None:
    one.tick()
    one.fail(one.run(["bronze.orders"], **{"dagster/will_retry": "true"}))
    one.tick()
    assert lines(one.home) == []


def test_a_run_that_takes_too_long_is_told_until_it_ends(one: World) -> None:
    run = one.run(["bronze.orders"])
    one.instance.report_dagster_event(dg.DagsterEvent("PIPELINE_START", job_name="job"), run_id=run.run_id)
    one.tick()
    one.tick(seconds=3 * 3600)
    one.tick()
    assert [line["title"] for line in lines(one.home)] == ["warning: bronze.orders, the table as a whole. Not met: The run ends in time."]
    assert "120 are allowed" in lines(one.home)[0]["body"]
    one.instance.report_run_canceled(run)
    one.tick()
    assert [line["kind"] for line in lines(one.home)] == ["new", "over"]


def test_a_run_that_nothing_starts_is_told_and_one_that_waits_behind_another_is_not(one: World) -> None:
    keys = frozenset({dg.AssetKey(["bronze", "stores"])})
    waiting = create_run_for_test(one.instance, job_name="job", status=dg.DagsterRunStatus.STARTING, asset_selection=keys)
    ahead = one.run(["bronze.orders"])
    one.instance.report_dagster_event(dg.DagsterEvent("PIPELINE_START", job_name="job"), run_id=ahead.run_id)
    one.tick(seconds=3 * 3600)
    assert [line["title"].split(",")[0] for line in lines(one.home)] == ["warning: bronze.orders"]
    one.instance.report_run_canceled(ahead)
    one.tick()
    said = {line["title"].split(",")[0]: line["body"] for line in lines(one.home)[1:]}
    assert set(said) == {"warning: bronze.stores", "Over: bronze.orders"}
    assert "waiting to start, and nothing else runs" in said["warning: bronze.stores"]
    one.instance.report_run_canceled(waiting)
    one.tick()
    assert lines(one.home)[-1]["title"].startswith("Over: bronze.stores")


def test_results_over_a_range_are_not_counted_beside_those_of_its_days(one: World) -> None:
    one.tick()
    one.volume("bronze.orders")
    one.check("bronze.orders", "volume", None, metadata={"failed_days": {"days": [str(DAY)]}}, severity=dg.AssetCheckSeverity.WARN)
    one.tick()
    assert len(lines(one.home)) == 1
    one.volume("bronze.orders", observed=1.0)
    one.tick()
    assert one.recorded.incidents.popitem()[1].closed_at is not None  # type: ignore[attr-defined]


def test_checks_of_others_are_told_in_their_own_words(one: World) -> None:
    """Schema drift and freshness report evaluations of their own; a source's address or a person's is never passed on."""
    one.tick()
    said = "orders.channel was dropped in the source, mail anna@example.com or see postgresql://u:p@db/shop"
    one.check("bronze.orders", "schema_drift", None, description=said)
    one.tick()
    (message,) = lines(one.home)
    assert message["title"].startswith("FAILED: bronze.orders, the table as a whole. Not met: The source has the columns that the contract says.")
    assert "Found:    orders.channel was dropped in the source, mail (address) or see (address)" in message["body"]
    assert "Runbook:  docs/runbooks/schema-drift.md" in message["body"]


def test_first_start_is_not_told_of_last_month(one: World) -> None:
    one.volume("bronze.orders")
    one.at += timedelta(days=2)
    one.tick()
    assert lines(one.home) == []


def test_the_sensor_keeps_its_cursor_and_says_what_it_did(one: World) -> None:
    sensor = alert_sensor(packaged(), one.settings)
    with dg.build_sensor_context(instance=one.instance) as context:
        first = sensor.evaluate_tick(context)
    one.volume("bronze.orders")
    with dg.build_sensor_context(instance=one.instance, cursor=first.cursor) as context:
        second = sensor.evaluate_tick(context)
    assert first.skip_message == "Nothing to tell: 0 events looked at."
    assert second.skip_message == "1 events, 1 new messages, 1 sent"
    assert second.cursor != first.cursor
    assert len(lines(one.home)) == 1


def test_keys_of_rows_are_told_and_values_are_not(one: World) -> None:
    error = [{"rule_id": "negative_quantity", "severity": "error", "column": "quantity"}]
    rows = [
        {"source": "shop.order_lines", "source_position": key, "partition": DAY, "errors": error, "state": "open", "record": '{"note": "canary"}'}
        for key in ("7/1", "7/2", "8/1", "9/1", "x@example.com")
    ]
    write_deltalake(f"{one.settings.lake_root}/quarantine/order_lines", pa.Table.from_pylist(rows))
    one.tick()
    figures = {"broken": {"negative_quantity": 40}, "share": 0.4, "limit": 0.05}
    one.check("silver.order_lines", "range", metadata=figures, severity=dg.AssetCheckSeverity.WARN)
    one.tick()
    (message,) = lines(one.home)
    assert "Rows:     7/1; 7/2; 8/1\n" in message["body"]
    assert "Value:    0.4 on 2026-03-08; allowed is at most 0.05" in message["body"]
    assert "canary" not in message["body"]
    assert "x@example" not in message["body"]


def test_the_last_seven_values_stand_in_the_message(one: World) -> None:
    one.tick()
    for back in range(9, 0, -1):
        day: date = DAY - timedelta(days=back)
        one.ledger(f"run-{back}", "silver.orders", day, state="held", rows_in=100, broken="few_quarantined")
    run = one.run(["silver.orders"])
    one.ledger(run.run_id, "silver.orders", state="held", rows_in=100, broken="few_quarantined")
    one.fail(run)
    one.tick()
    assert "Before:   0.31, 0.31, 0.31, 0.31, 0.31, 0.31, 0.31\n" in lines(one.home)[0]["body"]
