"""The same day again: the same content, nothing committed; and one day alone is the same day inside a range."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from globalbev_assets.operations.backfill import Stage, execute
from partitions.days import DayRange
from tests.integration.lakes import Lake

pytestmark = [pytest.mark.integration]

DATED = {
    "bronze.orders": "_partition_date",
    "bronze.order_lines": "_partition_date",
    "bronze.payments": "_partition_date",
    "bronze.inventory": "_partition_date",
    "silver.orders": "order_date",
    "silver.order_lines": "order_date",
    "silver.payments": "paid_date",
    "gold.fact_daily_sales": "sale_date",
}
TECHNICAL = {"_ingested_at", "_run_id", "_version"}


def content(lake: Lake, table: str, column: str, day: object) -> list[tuple[object, ...]]:
    rows = lake.query(f"select * from {table} where {column} = ?", [day])
    return sorted((tuple(str(value) for name, value in row.items() if name not in TECHNICAL) for row in rows), key=str)


def rejected(lake: Lake, table: str, day: object) -> list[tuple[object, ...]]:
    rows = lake.query(f"select source, source_position, errors, record from quarantine.{table} where partition = ? and state = 'open'", [day])
    return sorted((tuple(str(value) for value in row.values()) for row in rows), key=str)


@pytest.mark.slow  # a minute; gold of one day and the demo's second run say it, too
def test_the_last_day_again_changes_nothing(own_lake: Lake) -> None:
    """The last day holds the full reads, so this is every table; 27 days of gold need no more, for the history ends there."""
    day = own_lake.days.last
    hashes = {row["table_name"]: row["content_hash"] for row in own_lake.latest() if row["business_day"] == day}
    before = own_lake.versions()
    results = own_lake.backfill(DayRange(day, day))
    assert [(result.stage.layer, result.succeeded, result.errors) for result in results] == [
        (layer, True, []) for layer in ("bronze", "silver", "gold")
    ]
    again = {row["table_name"]: row for row in own_lake.latest([result.run_id for result in results])}
    assert len(again) == 29
    assert {name: row["state"] for name, row in again.items() if row["state"] not in ("unchanged", "no_source_data")} == {}
    assert {name: row["content_hash"] for name, row in again.items()} == hashes
    changed = {name for name, version in own_lake.versions().items() if version != before[name]}
    assert changed <= {"ops.ledger", "ops.dq_results"}


@pytest.fixture(scope="module")
def alone(own_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lake, DayRange]]:
    """The day before the last in an empty lake of its own, beside what the sources held for the range."""
    folder: Path = tmp_path_factory.mktemp("alone")
    day = own_lake.days.last - timedelta(days=1)
    lake = replace(own_lake, variables=dict(own_lake.variables) | {"GLOBALBEV_LAKE": str(folder / "lake")})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLOBALBEV_LAKE", str(folder / "lake"))
        tables = [name for name in DATED if not name.startswith("gold.")]
        results = lake.backfill(
            DayRange(day, day),
            [
                *tables,
                "bronze/markets",
                "bronze/stores",
                "bronze/products",
                "bronze/lots",
                "silver/markets",
                "silver/stores",
                "silver/products",
                "silver/lots",
            ],
        )
    assert [result.errors for result in results] == [[], []]
    yield lake, DayRange(day, day)  # outside of the patch: other tests of the module run between, on the module's lake


@pytest.mark.slow  # a lake of its own
@pytest.mark.parametrize("table", [name for name in DATED if name.startswith("bronze.")])
def test_bronze_of_one_day_alone_is_the_days_of_the_range(own_lake: Lake, alone: tuple[Lake, DayRange], table: str) -> None:
    lake, days = alone
    there = content(own_lake, table, DATED[table], days.first)
    assert content(lake, table, DATED[table], days.first) == there
    assert len(there) > 50


@pytest.mark.slow
@pytest.mark.parametrize("table", ["orders", "order_lines"])
def test_silver_of_one_day_alone_is_the_days_of_the_range(own_lake: Lake, alone: tuple[Lake, DayRange], table: str) -> None:
    """Payments are left out: what their orders of earlier days are is not known to a lake of one day."""
    lake, days = alone
    there = content(own_lake, f"silver.{table}", "order_date", days.first)
    assert content(lake, f"silver.{table}", "order_date", days.first) == there
    assert len(there) > 50
    assert rejected(lake, table, days.first) == rejected(own_lake, table, days.first)


def test_gold_of_one_day_alone_is_the_day_of_the_range(own_lake: Lake) -> None:
    """A day in the middle, whose windows and first sales reach back into what is not run again: the same content, so nothing is committed."""
    day = own_lake.days.last - timedelta(days=4)
    tables = ("gold.fact_sku_market_performance", "gold.fact_daily_sales", "gold.executive_kpis", "gold.finance_daily_payments")
    before = own_lake.versions()
    (result,) = execute([Stage("gold", tables, DayRange(day, day))])  # a plan would take the days that read this one, too
    assert result.errors == []
    states = {(row["table_name"], row["business_day"]): row["state"] for row in own_lake.latest([result.run_id])}
    assert states == {(table, day): "unchanged" for table in tables}
    assert {name for name, version in own_lake.versions().items() if version != before[name]} <= {"ops.ledger", "ops.dq_results"}


@pytest.mark.slow
def test_all_days_again_change_nothing(own_lake: Lake) -> None:
    """The range has corrected files, whose older versions left the tables with the first run: there is nothing to take away a second time."""
    before = own_lake.versions()
    results = own_lake.backfill(own_lake.days)
    assert [result.errors for result in results] == [[], [], []]
    again = own_lake.latest([result.run_id for result in results])
    assert {(row["table_name"], row["state"]) for row in again if row["state"] not in ("unchanged", "no_source_data")} == set()
    assert {name for name, version in own_lake.versions().items() if version != before[name]} <= {"ops.ledger", "ops.dq_results"}


def test_an_older_day_takes_nothing_from_a_table_that_shows_the_newest(own_lake: Lake) -> None:
    table, older = "gold.inventory_position", own_lake.days.last - timedelta(days=9)
    before = own_lake.query(f"select * from {table} order by all")
    assert {row["as_of"] for row in before} == {own_lake.days.last}
    for days in (DayRange(older, older), DayRange(older, own_lake.days.last)):
        results = own_lake.backfill(days, [table])
        assert [result.errors for result in results] == [[]]
        assert own_lake.query(f"select * from {table} order by all") == before
