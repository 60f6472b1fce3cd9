"""Automation, tick by tick: what goes on by itself, what waits, and what a person's backfill does not set off."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import dagster as dg
import pytest

from globalbev_assets.contracts.book import ContractBook
from partitions.automation import LATE_DATA_DAYS, bronze_hour
from partitions.conditions import AUTOMATION_TAG, BACKFILL_TAG
from resources.settings import Settings
from sensors.build import build_sensors
from tests.integration.automation_ticks import YESTERDAY, Ticks, definitions, of_layer
from tests.unit.contract_files import packaged

OURS = {AUTOMATION_TAG: "true", "dagster/backfill": "abcdefgh"}  # automation asks for several days as a backfill of its own
BY_PERSON = {"dagster/backfill": "abcdefgh"}
DAY = str(YESTERDAY)
CUSTOMERS = ("bronze.customers", "silver.customers")


@pytest.fixture
def ticks() -> Iterator[Ticks]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Ticks(instance)


def test_a_day_goes_through_the_layers_table_by_table_as_each_passes(ticks: Ticks) -> None:
    ticks.come(*of_layer("bronze"), tags=OURS)
    waves = []
    while asked := ticks.tick():
        assert set.union(*asked.values()) == {DAY}
        assert set(ticks.checks) == set(asked)  # a table's blocking check is run with it
        waves.append(set(asked))
        ticks.come(*asked, tags=OURS)
    assert waves[0] == {f"silver.{table}" for table in ("products", "markets", "stores", "market_panel", "crm_contacts", "customers", "nutrition")}
    assert waves[-1] == set(of_layer("gold"))
    assert sum(map(len, waves)) == len({table for wave in waves for table in wave}) == len(of_layer("silver")) + len(of_layer("gold"))


def test_the_tables_of_a_step_are_made_together(ticks: Ticks) -> None:
    """Not each in a run of its own, waiting for the check of the one before."""
    ticks.come(*of_layer("bronze"), *(name for name in of_layer("silver") if name not in ("silver.order_lines", "silver.payments")), tags=OURS)
    assert set(ticks.tick()) >= {"silver.order_lines", "silver.payments"}


def test_bronze_is_read_an_hour_before_its_first_table_is_due(ticks: Ticks) -> None:
    def moment(hour: int, minute: int) -> datetime:
        return datetime.combine(YESTERDAY + timedelta(days=2), time(hour, minute), UTC)

    ticks.tick(moment(0, 1))  # before half past four there is still today's hour between now and tomorrow's
    assert ticks.tick(moment(4, 29)) == {}
    assert ticks.tick(moment(4, 31)) == {name: {str(YESTERDAY + timedelta(days=1))} for name in of_layer("bronze")}
    assert ticks.tick(moment(4, 32)) == {}
    assert bronze_hour(packaged().layer("bronze")) == "30 4 * * *"
    assert bronze_hour([]) == "0 7 * * *"


def test_a_failed_blocking_check_stops_the_day_until_it_passes(ticks: Ticks) -> None:
    ticks.come("bronze.customers", tags=OURS, passed=False)
    assert ticks.tick() == {} == ticks.tick()
    ticks.judge("bronze.customers", passed=True)
    assert ticks.tick() == {"silver.customers": {DAY}}
    ticks.come("silver.customers", tags=OURS)
    assert ticks.tick() == {}


def test_a_table_that_failed_stops_only_what_is_made_from_it(ticks: Ticks) -> None:
    ticks.come("bronze.customers", "bronze.markets", tags=OURS)
    ticks.come("bronze.products", tags=OURS, passed=False)
    assert set(ticks.tick()) == {"silver.customers", "silver.markets"}


def test_a_check_that_was_skipped_is_run_by_itself(ticks: Ticks) -> None:
    """A step with one held table fails at its end, and Dagster then skips the checks of its good tables and days too."""
    ticks.come("bronze.customers", tags=OURS, passed=None)
    assert ticks.tick() == {}
    assert ticks.checks == {"bronze.customers": {DAY}}
    assert ticks.tick() == {} and ticks.checks == {}  # asked for once
    ticks.judge("bronze.customers")
    assert ticks.tick() == {"silver.customers": {DAY}}


def test_a_late_day_goes_on_like_a_new_one_and_so_do_the_days_whose_sums_look_back_at_it(ticks: Ticks) -> None:
    late = YESTERDAY - timedelta(days=33)
    sales, others = ("bronze.orders", "bronze.order_lines", "bronze.payments"), ("silver.markets", "silver.stores", "silver.products", "silver.lots")
    ticks.come(*sales, *others, "silver.orders", "silver.order_lines", "silver.market_panel", days=34, tags=BY_PERSON)
    assert ticks.tick() == {}
    ticks.come("bronze.orders", day=late)  # reported by hand: what a watermark will do
    assert ticks.tick() == {"silver.orders": {str(late)}, "silver.order_lines": {str(late)}, "silver.payments": {str(late)}}
    ticks.come("silver.orders", "silver.order_lines", "silver.payments", day=late, tags=OURS)
    asked = ticks.tick()
    assert asked["gold.fact_daily_sales"] == {str(late)}
    assert asked["gold.fact_sku_market_performance"] == {str(late + timedelta(days=ahead)) for ahead in range(28)}
    assert all(name.startswith("gold.") for name in asked)


def test_a_day_before_the_window_of_late_data_is_left_to_people(ticks: Ticks) -> None:
    inside, outside = (YESTERDAY - timedelta(days=back) for back in (LATE_DATA_DAYS - 1, LATE_DATA_DAYS))
    ticks.come("bronze.customers", day=outside)
    assert ticks.tick() == {}
    ticks.come("bronze.customers", day=inside)
    assert ticks.tick() == {"silver.customers": {str(inside)}}


RANGE = {"dagster/asset_partition_range_start": "2026-03-01", "dagster/asset_partition_range_end": "2026-03-31"}


@pytest.mark.parametrize(
    "tags", [BY_PERSON, {BACKFILL_TAG: "true", "layer": "bronze"}, RANGE], ids=["Dagster's", "globalbev backfill", "--partition-range"]
)
def test_a_backfill_by_hand_does_not_cascade(ticks: Ticks, tags: dict[str, str]) -> None:
    ticks.come("bronze.customers", days=5, tags=tags)
    assert ticks.tick() == {} == ticks.tick()
    ticks.come("bronze.customers", days=3, tags=tags)  # once in an empty event log, once not: Dagster's own conditions differ there
    assert ticks.tick() == {}
    ticks.come("bronze.customers", tags={AUTOMATION_TAG: "true"})  # and does not stop the automation that comes after it
    assert ticks.tick() == {"silver.customers": {DAY}}


def test_a_single_day_that_a_person_materialises_is_a_new_day(ticks: Ticks) -> None:
    ticks.come("bronze.customers", tags={"dagster/partition": DAY})
    assert ticks.tick() == {"silver.customers": {DAY}}


def test_automation_that_waits_for_a_repair_goes_on_when_a_backfill_brings_it(ticks: Ticks) -> None:
    ticks.come("bronze.customers", tags=OURS, passed=False)
    assert ticks.tick() == {}
    ticks.come("bronze.customers", tags=BY_PERSON)
    assert ticks.tick() == {"silver.customers": {DAY}}


def test_a_run_that_makes_both_tables_starts_nothing_more(ticks: Ticks) -> None:
    """Nor for the days before its last one, at which alone Dagster's own condition looks."""
    ticks.come(*CUSTOMERS, days=3, tags=OURS)
    assert ticks.tick() == {}


def test_something_new_after_a_request_is_not_lost(ticks: Ticks) -> None:
    ticks.come("bronze.customers", tags=OURS)
    assert ticks.tick() == {"silver.customers": {DAY}}
    ticks.come("bronze.customers", tags=OURS)  # again, before the run that was asked for has made anything
    assert ticks.tick() == {"silver.customers": {DAY}}
    ticks.come(*reversed(CUSTOMERS), tags=OURS)
    assert ticks.tick() == {}


def test_a_held_day_stops_the_sums_of_that_day_and_of_no_other(ticks: Ticks) -> None:
    """With Dagster's own conditions one missing day stops 28, and one that passed starts 28 that did not."""
    before = YESTERDAY - timedelta(days=1)
    sources = ("silver.orders", "silver.order_lines", "silver.products")
    ticks.come("silver.orders", "silver.products", day=before, tags=OURS)
    ticks.come("silver.order_lines", day=before, tags=OURS, passed=False)
    ticks.come(*sources, tags=OURS)
    assert ticks.tick()["gold.fact_daily_sales"] == {DAY}
    ticks.come("silver.market_panel", day=before, tags=OURS)
    ticks.come("silver.market_panel", tags=OURS)
    assert ticks.tick()["gold.fact_sku_market_performance"] == {DAY}
    ticks.judge("silver.order_lines", day=before)
    asked = ticks.tick()
    assert asked["gold.fact_daily_sales"] == {str(before)}
    assert str(before) in asked["gold.fact_sku_market_performance"]


def test_switching_it_on_over_a_whole_history_starts_nothing() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        before = Ticks(instance)
        before.come(*of_layer("bronze"))
        assert Ticks(instance).tick() == {}


@pytest.mark.parametrize(
    ("settings", "status"),
    [({}, "STOPPED"), ({"automation": True}, "RUNNING"), ({"env": "prod"}, "RUNNING"), ({"env": "prod", "automation": False}, "STOPPED")],
)
def test_it_is_off_on_a_laptop_until_it_is_switched_on(tmp_path: Path, settings: dict[str, object], status: str) -> None:
    given = Settings.model_validate({"home": tmp_path, **settings})
    sensor = next(one for one in build_sensors(ContractBook(packaged().values()), given) if one.name == "automation")
    assert sensor.default_status.value == status


def test_one_sensor_looks_after_every_table_and_blocking_check() -> None:
    """One that no sensor targets is looked after by Dagster's default sensor, which cannot evaluate our condition."""
    repository = definitions().get_repository_def()
    assert [sensor.name for sensor in repository.sensor_defs if isinstance(sensor, dg.AutomationConditionSensorDefinition)] == ["automation"]
    graph = repository.asset_graph
    assert all(graph.get(found).automation_condition is not None for found in graph.materializable_asset_keys)
    assert {check.name for check in graph.asset_check_keys if graph.get(check).automation_condition} == {"contract"}
