"""Gold beside its twin, which DuckDB computed from the sources (:mod:`tests.integration.oracle`): by table its twin, key, exact and near figures."""

from __future__ import annotations

import duckdb

from tests.integration.lakes import Row, fetched

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
    "finance_daily_payments": (
        "finance",
        ("paid_date", "currency", "method"),
        ("captured", "refunded", "failed", "captured_elsewhere", "refunded_elsewhere", "failed_elsewhere", "unreconciled_amount"),
        {},
    ),
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


def rows_of_one_only(duck: duckdb.DuckDBPyConnection, table: str) -> list[Row]:
    """Keys that gold has and its twin has not, or the other way."""
    twin, key, _, _ = CASES[table]
    keys, found = ", ".join(key), list[Row]()
    for one, other in ((f"gold.{table}", twin), (twin, f"gold.{table}")):
        found += fetched(duck, f"select {keys} from {one} except select {keys} from {other}")
    return found


def figures_that_differ(duck: duckdb.DuckDBPyConnection, table: str) -> dict[str, int]:
    """In how many rows each figure is another, beyond what its rounding allows."""
    twin, key, exact, near = CASES[table]
    wrong = [f"g.{name} is distinct from t.{name}" for name in exact]
    wrong += [f"coalesce(abs(g.{name}::double - t.{name}::double) > {off}, (g.{name} is null) <> (t.{name} is null))" for name, off in near.items()]
    counts = ", ".join(f"count(*) filter (where {condition}) as {name}" for condition, name in zip(wrong, (*exact, *near), strict=True))
    found = fetched(duck, f"select {counts} from gold.{table} g join {twin} t using ({', '.join(key)})")[0]
    return {name: count for name, count in found.items() if count}
