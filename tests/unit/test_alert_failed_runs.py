"""What a run that failed says, where nothing is left to publish: its checks speak, and only where none did does the run. No Spark."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from globalbev_assets.operations.backfill import Stage, _check_only
from partitions.days import DayRange
from tests.alert_world import DAY, World, lines

ORDERS = dg.AssetKey(["silver", "orders"])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with dg.DagsterInstance.ephemeral() as instance:
        found = World(tmp_path, instance)
        found.tick()
        yield found


def run_checks(world: World, *, passes: bool, breaks: bool = False) -> None:
    """The checks of silver.orders alone, as a backfill runs them after a stage that failed."""

    @dg.asset(key=ORDERS)
    def orders() -> None: ...

    @dg.asset_check(asset=ORDERS, name="contract", blocking=True)
    def contract() -> dg.AssetCheckResult:
        if breaks:
            raise RuntimeError("the session is gone")
        return dg.AssetCheckResult(passed=passes)

    definitions = dg.Definitions(assets=[orders], asset_checks=[contract])
    job = definitions.resolve_implicit_global_asset_job_def()
    _check_only(Stage("silver", ("silver.orders",), DayRange(DAY, DAY + timedelta(days=1))), job, world.instance, [ORDERS])


def heads(world: World) -> list[str]:
    return [line["title"].partition(". ")[0] for line in lines(world.home)]


def test_checks_alone_that_fail_speak_for_themselves(world: World) -> None:
    """A held day fails the run of the checks that follows a failed stage: it opened a second alert, of the job, that nothing could end."""
    run_checks(world, passes=False)
    world.tick()
    assert heads(world) == ["FAILED: silver.orders, the table as a whole"]
    run_checks(world, passes=True)
    world.tick()
    assert [incident for incident in world.recorded.incidents.values() if incident.is_open] == []


def test_checks_alone_that_came_to_no_result_are_told_once_until_they_do(world: World) -> None:
    run_checks(world, passes=True, breaks=True)
    world.tick()
    (told,) = lines(world.home)
    assert told["title"].endswith("the table as a whole. Not met: The run's checks are carried out.")
    assert "Days may be published that nobody has checked." in told["body"]
    world.check("silver.orders", "freshness", passed=True)
    world.tick()
    assert len(lines(world.home)) == 1
    run_checks(world, passes=True)
    world.tick()
    assert [line["kind"] for line in lines(world.home)] == ["new", "over"]


def test_checks_that_were_chosen_by_hand_claim_no_day(world: World) -> None:
    chosen = [dg.AssetCheckKey(ORDERS, "contract"), dg.AssetCheckKey(dg.AssetKey(["gold", "executive_kpis"]), "contract")]
    run = world.run([], checks=chosen)
    world.fail(run)
    world.tick()
    assert heads(world) == ["FAILED: silver.orders, the table as a whole"]


@pytest.mark.parametrize("says_why", [True, False])
def test_a_run_that_published_everything_and_then_failed_is_not_told_as_unpublished(world: World, *, says_why: bool) -> None:
    run = world.run(["gold.executive_kpis", "silver.orders"])
    for table in ("gold.executive_kpis", "silver.orders"):
        world.ledger(run.run_id, table, rows_in=10, published=10)
    if says_why:
        world.check("gold.executive_kpis", "contract", run_id=run.run_id)
    world.fail(run)
    world.tick()
    (told,) = lines(world.home)
    expected = "gold.executive_kpis, 2026-03-08" if says_why else "silver.orders, the table as a whole"
    assert told["title"].startswith(f"FAILED: {expected}")
    assert says_why or "not published" not in told["body"]
    assert len(world.recorded.incidents) == 1
