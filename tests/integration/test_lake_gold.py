"""Every figure of gold is the figure that DuckDB computes from the sources: money and counts exactly, ratios to their last digit but one."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from tests.integration.lakes import Lake, fetched
from tests.integration.oracle import millilitres, oracle

pytestmark = pytest.mark.integration

SKU_EXACT = (
    "category",
    "units_sold",
    "gross_sales",
    "discounts",
    "net_sales",
    "order_count",
    "customer_count",
    "return_units",
    "category_net_sales",
    "net_sales_7d",
    "net_sales_28d",
    "is_on_display",
    "is_featured",
    "panel_units",
)
CASES = {
    "fact_sku_market_performance": (
        "fact_sku",
        ("sale_date", "market_id", "sku"),
        SKU_EXACT,
        {
            "average_unit_price": "0.000051",
            "volume_litres": "0.00006",
            "value_share": "0.000001",
            "price_index": "0.000001",
            "panel_market_share": "0.000001",
        },
    ),
    "fact_daily_sales": (
        "fact_daily",
        ("sale_date", "market_id", "channel"),
        ("orders", "customers", "units", "gross_sales", "discounts", "net_sales"),
        {"average_order_value": "0.000051"},
    ),
    "finance_daily_payments": ("finance", ("paid_date", "currency", "method"), ("captured", "refunded", "failed", "unreconciled_amount"), {}),
    "executive_kpis": (
        "kpis",
        ("sale_date", "currency"),
        ("net_sales", "orders", "new_customers", "returning_customers", "top_sku", "stock_outs"),
        {"quality_score": "0.000001"},
    ),
    "inventory_position": (
        "position",
        ("warehouse_id", "sku"),
        ("on_hand", "reserved", "available", "reorder_point", "is_stocked_out", "stocked_out_since"),
        {"units_per_day": "0.000002", "days_of_cover": "0.006"},
    ),
}


@pytest.fixture(scope="module")
def duck(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    yield oracle(lake, tmp_path_factory.mktemp("oracle"))


@pytest.mark.parametrize("table", CASES)
def test_the_same_rows_and_no_other(duck: duckdb.DuckDBPyConnection, table: str) -> None:
    twin, key, _, _ = CASES[table]
    keys = ", ".join(key)
    counted = fetched(duck, f"select (select count(*) from gold.{table}) as ours, (select count(*) from {twin}) as theirs")
    assert counted[0]["ours"] == counted[0]["theirs"] > 50
    for one, other in ((f"gold.{table}", twin), (twin, f"gold.{table}")):
        assert fetched(duck, f"select {keys} from {one} except select {keys} from {other}") == []


@pytest.mark.parametrize("table", CASES)
def test_the_same_figures_to_the_cent(duck: duckdb.DuckDBPyConnection, table: str) -> None:
    twin, key, exact, near = CASES[table]
    wrong = [f"g.{name} is distinct from t.{name}" for name in exact]
    wrong += [f"coalesce(abs(g.{name}::double - t.{name}::double) > {off}, (g.{name} is null) <> (t.{name} is null))" for name, off in near.items()]
    counts = ", ".join(f"count(*) filter (where {condition}) as {name}" for condition, name in zip(wrong, (*exact, *near), strict=True))
    found = fetched(duck, f"select {counts} from gold.{table} g join {twin} t using ({', '.join(key)})")[0]
    assert {name: count for name, count in found.items() if count} == {}


def test_the_windows_are_tried_where_they_are_difficult(duck: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    """The comparison above is about something: on the first day all sums are one, on the 29th the first falls out, and products have days without sales."""
    at_start = fetched(
        duck,
        "select count(*) as rows from gold.fact_sku_market_performance "
        "where sale_date = ? and net_sales = net_sales_7d and net_sales_7d = net_sales_28d",
        [lake.days.first],
    )
    assert at_start[0]["rows"] > 100
    gaps = (
        "select count(*) as rows from gold.fact_sku_market_performance g where net_sales_7d <> net_sales and not exists "
        "(select 1 from gold.fact_sku_market_performance b where (b.sku, b.market_id, b.sale_date) = (g.sku, g.market_id, g.sale_date - 1))"
    )
    assert fetched(duck, gaps)[0]["rows"] > 100
    edge = """
        select sum(g.net_sales_28d) as ours, sum(w.net) as theirs, sum(w.wider) as wider from gold.fact_sku_market_performance g join (
            select a.market_id, a.sku, a.sale_date, sum(b.net) filter (where b.sale_date >= a.sale_date - 27) as net, sum(b.net) as wider
            from (select distinct market_id, sku, sale_date from sold) a join sold b on (a.market_id, a.sku) = (b.market_id, b.sku)
                and b.sale_date between a.sale_date - 28 and a.sale_date group by all) w using (market_id, sku, sale_date)
        where g.sale_date >= cast(? as date) + 28"""
    sums = fetched(duck, edge, [lake.days.first])[0]
    assert sums["ours"] == sums["theirs"] != sums["wider"]


@pytest.mark.parametrize(
    ("size", "volume"),
    [
        ("12/12 OZ", "4258.5840"),
        ("12 PK/12 OZ", "4258.5840"),
        ("2 L", "2000"),
        (".5 L", "500.0"),
        ("1/2 GAL", "1892.7059"),
        ("20 CT", None),
        ("?", None),
    ],
)
def test_the_oracle_reads_a_package_as_a_person_does(size: str, volume: str | None) -> None:
    assert str(millilitres(size)) == str(volume)
