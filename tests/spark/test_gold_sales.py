"""Sums over 7 and 28 days, shares and prices, on a handful of lines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from globalbev_assets.transforms.gold_sales import fact_sku_market_performance, lookback_of

pytestmark = pytest.mark.spark
FIRST = date(2026, 5, 1)


def refs(spark: SparkSession, *lines: tuple[int, str, str, str, str]) -> Mapping[str, DataFrame]:
    """Silver of lines ``(offset of the day, sku, quantity, net amount, status)``, each an order of its own."""
    days = [FIRST + timedelta(days=line[0]) for line in lines]
    orders = [(place, days[place - 1], "US-OH", "web", "USD", place % 2 or None, line[4]) for place, line in enumerate(lines, 1)]
    rows = [(place, days[place - 1], sku, Decimal(quantity), Decimal(net), Decimal(net)) for place, (_, sku, quantity, net, _) in enumerate(lines, 1)]
    return {
        "silver.orders": spark.createDataFrame(
            orders, "order_id long, order_date date, market_id string, channel string, currency string, customer_id long, status string"
        ),
        "silver.order_lines": spark.createDataFrame(
            rows, "order_id long, order_date date, sku string, quantity decimal(18,4), gross_amount decimal(18,4), net_amount decimal(18,4)"
        ),
        "silver.products": spark.createDataFrame(
            [("A", "Water", Decimal(1000)), ("B", "Water", None), ("C", None, None), ("D", None, None)],
            "sku string, category string, total_volume_ml decimal(18,4)",
        ),
        "silver.market_panel": spark.createDataFrame(
            [(date(2026, 4, 27), "US-OH", "A", Decimal(30), True, False), (date(2026, 4, 27), "US-OH", "B", Decimal(10), False, False)],
            "week_start date, market_id string, sku string, units decimal(18,4), is_on_display boolean, is_featured boolean",
        ),
    }


def built(spark: SparkSession, days: list[date], *lines: tuple[int, str, str, str, str]) -> dict[tuple[int, str], Any]:
    rows = fact_sku_market_performance(refs(spark, *lines), days).collect()
    return {((row["sale_date"] - FIRST).days, row["sku"]): row for row in rows}


def test_a_window_ends_with_its_day_and_days_without_sales_count_as_nothing(spark: SparkSession) -> None:
    lines = [(offset, "A", "1", str(10**place), "delivered") for place, offset in enumerate((0, 1, 6, 7, 27, 28, 60))]
    found = built(spark, [FIRST + timedelta(days=offset) for offset in range(61)], *lines)
    assert {day: (int(row["net_sales_7d"]), int(row["net_sales_28d"])) for (day, _), row in found.items()} == {
        0: (1, 1),
        1: (11, 11),
        6: (111, 111),
        7: (1110, 1111),
        27: (10000, 11111),
        28: (110000, 111110),
        60: (1000000, 1000000),
    }


def test_only_the_days_asked_for_are_shown_with_sums_that_look_back(spark: SparkSession) -> None:
    found = built(spark, [FIRST + timedelta(days=5)], (0, "A", "1", "1", "paid"), (5, "A", "1", "10", "paid"), (6, "A", "1", "100", "paid"))
    assert {key: int(row["net_sales_7d"]) for key, row in found.items()} == {(5, "A"): 11}
    assert lookback_of([FIRST], 27) == (FIRST - timedelta(days=27), FIRST)


def test_orders_that_are_cancelled_or_unknown_do_not_count_and_guests_are_no_customers(spark: SparkSession) -> None:
    found = built(
        spark,
        [FIRST],
        (0, "A", "1", "1", "cancelled"),
        (0, "A", "1", "2", "unknown"),
        (0, "A", "1", "4", "returned"),
        (0, "A", "-1", "-3", "returned"),
    )
    row = found[0, "A"]
    assert (row["net_sales"], row["units_sold"], row["return_units"], row["order_count"], row["customer_count"]) == (1, 0, 1, 2, 1)
    assert row["average_unit_price"] is None  # one sold, one back: no unit to divide by
    assert row["price_index"] is None


def test_shares_and_prices_are_within_category_market_and_day_and_no_category_is_one(spark: SparkSession) -> None:
    lines = [(0, "A", "2", "6", "paid"), (0, "B", "1", "2", "paid"), (0, "C", "1", "5", "paid"), (0, "D", "3", "5", "paid")]
    found = built(spark, [FIRST], *lines)
    shares = {sku: (str(row["value_share"]), str(row["price_index"]), str(row["volume_litres"])) for (_, sku), row in found.items()}
    assert shares["A"] == ("0.750000", "112.500000", "2.0000")
    assert shares["B"][0] == "0.250000"
    assert shares["B"][2] == "None"
    assert (shares["C"][0], shares["D"][0]) == ("0.500000", "0.500000")
    assert found[0, "C"]["category_net_sales"] == 10


def test_the_panel_is_the_weeks_and_false_where_it_has_nothing(spark: SparkSession) -> None:
    found = built(spark, [FIRST, FIRST + timedelta(days=3)], (0, "A", "1", "1", "paid"), (3, "A", "1", "1", "paid"), (0, "C", "1", "1", "paid"))
    seen = {key: (row["is_on_display"], row["is_featured"], row["panel_units"], row["panel_market_share"]) for key, row in found.items()}
    assert seen == {(0, "A"): (True, False, 30, Decimal("0.75")), (3, "A"): (False, False, None, None), (0, "C"): (False, False, None, None)}


def test_an_order_that_stands_on_two_days_counts_its_lines_once_a_day(spark: SparkSession) -> None:
    """Its date was corrected, and the old day was not run again yet."""
    found = refs(spark, (0, "A", "1", "4", "paid"), (1, "A", "1", "4", "paid"))
    twice = {name: found[name].withColumn("order_id", found[name].order_id * 0) for name in ("silver.orders", "silver.order_lines")}
    rows = fact_sku_market_performance({**found, **twice}, [FIRST, FIRST + timedelta(days=1)]).collect()
    assert sorted((row["sale_date"], int(row["net_sales"])) for row in rows) == [(FIRST, 4), (FIRST + timedelta(days=1), 4)]


def test_figures_of_any_size_are_exact_and_a_ratio_without_room_is_empty(spark: SparkSession) -> None:
    """A yen market sells by the hundred million: products of two such amounts have twenty digits before the point."""
    amounts = {"A": (Decimal("1234567.5"), Decimal("987654321987.6543")), "B": (Decimal(3), Decimal("0.0300")), "C": (Decimal("0.0001"), Decimal(9))}
    found = built(spark, [FIRST], *((0, sku, str(units), str(net), "delivered") for sku, (units, net) in amounts.items()))
    units, net = amounts["A"][0] + amounts["B"][0], amounts["A"][1] + amounts["B"][1]
    with localcontext() as exact:
        exact.prec = 60
        expected = [
            (own_net * 100 * units / (own_units * net)).quantize(Decimal("0.000001"), ROUND_HALF_UP)
            for own_units, own_net in (amounts["A"], amounts["B"])
        ]
    assert [found[0, sku]["price_index"] for sku in ("A", "B")] == expected
    huge = built(spark, [FIRST], (0, "A", "0.0001", "90000000000000", "delivered"), (0, "B", "90000000000", "0.0001", "delivered"))
    assert (huge[0, "A"]["price_index"], huge[0, "A"]["average_unit_price"]) == (None, None)
    assert huge[0, "A"]["net_sales"] == Decimal(90000000000000)
