"""Rows that wait for their reference are published when it comes: by the next load of any day, without a hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from globalbev_assets.operations.backfill import StageResult
from partitions.days import DayRange
from tests.integration.lakes import Lake, Row

pytestmark = [pytest.mark.integration]

STORE, ORDER, SKU_ORDER = 880_001, 880_000_001, 880_000_002
SKU = "BEV-NEW-880"
SALES = ("orders", "order_lines", "payments")


@dataclass(frozen=True)
class Replay:
    """An old day with an order of a store, and one of a product, that the shop adds a month later."""

    lake: Lake
    old: date
    waiting: dict[str, list[Row]]
    after: dict[str, list[Row]]
    results: list[StageResult]


def waiting_rows(lake: Lake) -> dict[str, list[Row]]:
    """By silver table: the rows that this test brought, with their rule and state."""
    wanted = {"orders": "order_id", "order_lines": "order_id", "payments": "order_id"}
    return {
        table: lake.query(
            f"select {key}, rule, state from (select json_extract_string(record, '$.{key}')::bigint as {key}, "
            f"unnest(errors).rule_id as rule, state from quarantine.{table}) where {key} between 880000000 and 889999999 order by all"
        )
        for table, key in wanted.items()
    }


@pytest.fixture(scope="module")
def replay(own_lake: Lake) -> Iterator[Replay]:
    old, last = own_lake.days.first + timedelta(days=4), own_lake.days.last
    at = f"{old} 10:00+00"
    store, sku = own_lake.query("select store_id, sku from silver.orders join silver.order_lines using (order_id) where currency = 'USD' limit 1")[
        0
    ].values()
    for order, its_store in ((ORDER, STORE), (SKU_ORDER, store)):
        own_lake.shop("insert into shop.orders values (%s, null, %s, %s, 'delivered', 'web', 'USD', %s)", [order, its_store, at, at])
    own_lake.shop("insert into shop.order_lines values (%s, 1, %s, null, 2, 3.50, 0, %s)", [ORDER, sku, at])
    own_lake.shop("insert into shop.order_lines values (%s, 1, %s, null, 5, 2.00, 0, %s)", [SKU_ORDER, SKU, at])
    own_lake.shop("insert into shop.payments values (%s, %s, 'card', null, 7, 'USD', 'captured', %s, %s)", [ORDER, ORDER, at, at])
    own_lake.backfill(DayRange(old, old), [f"{layer}/{table}" for layer in ("bronze", "silver") for table in SALES])
    waiting = waiting_rows(own_lake)
    own_lake.shop(
        "insert into shop.stores select %s, market_id, store_name, channel, opened_on, now() from shop.stores where store_id = %s", [STORE, store]
    )
    columns = "product_name, brand, manufacturer, category, subcategory, package_size, list_price, currency, launched_on, discontinued_on"
    own_lake.shop(f"insert into shop.products select %s, {columns}, now() from shop.products where sku = %s", [SKU, sku])
    tables = [*(f"{layer}/{table}" for layer in ("bronze", "silver") for table in (*SALES, "stores", "products")), "gold/fact_sku_market_performance"]
    yield Replay(own_lake, old, waiting, {}, own_lake.backfill(DayRange(last, last), tables))


def test_they_waited_for_the_reference(replay: Replay) -> None:
    assert replay.waiting == {
        "orders": [{"order_id": ORDER, "rule": "unknown_store", "state": "open"}],
        "order_lines": [
            {"order_id": ORDER, "rule": "parent_quarantined", "state": "open"},
            {"order_id": SKU_ORDER, "rule": "unknown_sku", "state": "open"},
        ],
        "payments": [{"order_id": ORDER, "rule": "parent_quarantined", "state": "open"}],
    }


def test_a_load_of_another_day_publishes_them_and_says_so(replay: Replay) -> None:
    assert all(result.succeeded for result in replay.results), [result.errors for result in replay.results]
    assert {result.stage.layer: result.replayed for result in replay.results if result.stage.layer != "gold"} == {
        "bronze": (),
        "silver": (replay.old,),
    }
    assert {row["state"] for rows in waiting_rows(replay.lake).values() for row in rows} == {"replayed"}
    found = replay.lake.query("select order_id, net_amount from silver.order_lines where order_id between 880000000 and 889999999 order by 1")
    assert [(row["order_id"], float(row["net_amount"])) for row in found] == [(ORDER, 7.0), (SKU_ORDER, 10.0)]
    assert replay.lake.query("select count(*) as found from silver.payments where order_id between 880000000 and 889999999") == [{"found": 1}]


def test_gold_of_the_old_day_has_them(replay: Replay) -> None:
    gold = next(result.stage for result in replay.results if result.stage.layer == "gold")
    assert gold.days.first == replay.old and "published again" in gold.why
    found = replay.lake.query("select units_sold, net_sales from gold.fact_sku_market_performance where sale_date = ? and sku = ?", [replay.old, SKU])
    assert [(float(row["units_sold"]), float(row["net_sales"])) for row in found] == [(5.0, 10.0)]


def test_nothing_is_unaccounted(replay: Replay) -> None:
    rows = [row for row in replay.lake.latest() if row["business_day"] == replay.old and row["table_name"].startswith("silver.")]
    assert {row["unaccounted"] for row in rows} == {0}
    assert {row["state"] for row in rows} <= {"published", "unchanged", "no_source_data"}


def test_the_next_load_replays_nothing(replay: Replay) -> None:
    last = replay.lake.days.last
    silver = replay.lake.backfill(DayRange(last, last), ["silver/orders", "silver/order_lines", "silver/payments"])
    assert [result.replayed for result in silver] == [()]
