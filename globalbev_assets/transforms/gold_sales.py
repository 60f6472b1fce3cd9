"""What the business reads of sales: by market and sku, by channel, and the executives' figures.

In scope are published lines of orders that are neither cancelled nor unknown and whose market is known. Money adds up in the market's
currency; nothing is summed over currencies.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from globalbev_assets.transforms.registry import References

MONEY, RATIO = "decimal(18,4)", "decimal(18,6)"
PRODUCT = "decimal(38,8)"
"""Of two amounts. The quotient of two has the 6 digits of a ratio, rounded once."""
PANEL_DAYS = 7
OUT_OF_SCOPE = ("cancelled", "unknown")


def orders_in_scope(refs: References) -> DataFrame:
    """Silver's orders that gold is about: neither cancelled nor of an unknown status, of a known market."""
    return refs["silver.orders"].where(~F.col("status").isin(list(OUT_OF_SCOPE)) & F.col("market_id").isNotNull())


def lines_in_scope(refs: References) -> DataFrame:
    """Silver lines with their order's ``market_id, channel, currency, customer_id`` and their product's ``category, total_volume_ml``; ``sale_date``."""
    orders = orders_in_scope(refs).select("order_id", F.col("order_date").alias("sale_date"), "market_id", "channel", "currency", "customer_id")
    products = refs["silver.products"].select("sku", "category", "total_volume_ml")
    lines = refs["silver.order_lines"].withColumnRenamed("order_date", "sale_date")
    # On the day too: an order whose date was corrected stands on both days until the old one is run again.
    return lines.join(orders, ["order_id", "sale_date"]).join(F.broadcast(products), "sku", "left")


def in_scope_amounts(refs: References) -> DataFrame:
    """What gold's net sales must add up to, by day: ``day, amount`` over silver's lines in scope."""
    return lines_in_scope(refs).groupBy(F.col("sale_date").alias("day")).agg(F.sum("net_amount").cast(MONEY).alias("amount"))


def fact_sku_market_performance(refs: References, days: Sequence[date]) -> DataFrame:
    """One row a ``sale_date, market_id, sku`` that sold; see TABLES: shares, price index, 7 and 28 day sums, the panel's view."""
    first, last = min(days), max(days)
    daily = _daily_by_sku(lines_in_scope(refs))
    windowed = daily.withColumn("net_sales_7d", _trailing(7)).withColumn("net_sales_28d", _trailing(28))
    shown = windowed.where(F.col("sale_date").between(F.lit(first), F.lit(last)))
    return _with_panel(_with_category(shown), refs)


def _daily_by_sku(lines: DataFrame) -> DataFrame:
    returned = F.sum(F.when(F.col("quantity") < 0, -F.col("quantity")).otherwise(F.lit(0)))
    return lines.groupBy("sale_date", "market_id", "sku", "category", "total_volume_ml").agg(
        F.sum("quantity").cast(MONEY).alias("units_sold"),
        _money(F.sum("gross_amount"), "gross_sales"),
        _money(F.sum(F.col("gross_amount") - F.col("net_amount")), "discounts"),
        _money(F.sum("net_amount"), "net_sales"),
        F.count_distinct("order_id").alias("order_count"),
        F.count_distinct("customer_id").alias("customer_count"),
        returned.cast(MONEY).alias("return_units"),
    )


def _trailing(days: int) -> SparkColumn:
    """Net sales of the ``days`` days that end with the row's: by the distance in days, so that days without a sale count as 0."""
    by_day = Window.partitionBy("market_id", "sku").orderBy(F.datediff("sale_date", F.lit(date(2000, 1, 1)))).rangeBetween(-(days - 1), 0)
    return F.sum("net_sales").over(by_day).cast(MONEY)


def _with_category(rows: DataFrame) -> DataFrame:
    """Add the category's figures in that market on that day; a missing category is a category."""
    category = Window.partitionBy("sale_date", "market_id", "category")
    category_sales, category_units = F.sum("net_sales").over(category), F.sum("units_sold").over(category)
    average = _ratio(F.col("net_sales"), F.col("units_sold"), MONEY)
    priced = rows.withColumn("category_net_sales", category_sales.cast(MONEY)).withColumn("average_unit_price", average)
    # One quotient of products: from two prices rounded to six digits the index was wrong in its fifth. A product of 22 and 15 digits is exact.
    dear = (F.col("net_sales") * 100).cast("decimal(22,4)") * category_units.try_cast("decimal(15,4)")
    cheap = category_sales.cast("decimal(22,4)") * F.col("units_sold").try_cast("decimal(15,4)")
    return (
        priced.withColumn("price_index", F.when(category_units != 0, _ratio(dear, cheap, RATIO, PRODUCT)))
        .withColumn("volume_litres", F.round(F.col("units_sold") * F.col("total_volume_ml") / 1000, 4).try_cast(MONEY))
        .withColumn("value_share", _ratio(F.col("net_sales"), F.col("category_net_sales"), RATIO))
    )


def _with_panel(rows: DataFrame, refs: References) -> DataFrame:
    """Add the panel's week: display and feature (false where it has none), units and share of the category's units in that week and market."""
    panel = refs["silver.market_panel"].select("week_start", "market_id", "sku", "units", "is_on_display", "is_featured")
    products = refs["silver.products"].select("sku", F.col("category").alias("_category"))
    category = Window.partitionBy("week_start", "market_id", "_category")
    share = _ratio(F.col("units"), F.sum("units").over(category), RATIO)
    following = F.lead("week_start").over(Window.partitionBy("market_id", "sku").orderBy("week_start"))
    panel = (
        panel.join(F.broadcast(products), "sku", "left")
        .withColumn("panel_market_share", share)
        .withColumn("_week_end", F.least(F.date_add("week_start", PANEL_DAYS - 1), F.date_sub(following, 1)))  # no day is in two weeks
        .withColumnRenamed("units", "panel_units")
        .drop("_category")
    )
    # By the days of the panel's own week: a panel whose weeks begin on Sunday would meet no Monday.
    is_of_week = F.col("sale_date").between(F.col("week_start"), F.col("_week_end"))
    same = (rows["market_id"] == panel["market_id"]) & (rows["sku"] == panel["sku"]) & is_of_week
    shown = [panel[name] for name in ("is_on_display", "is_featured", "panel_units", "panel_market_share")]
    joined = rows.join(F.broadcast(panel), same, "left").select(*[rows[name] for name in rows.columns], *shown)
    return joined.withColumn("is_on_display", F.coalesce("is_on_display", F.lit(False))).withColumn(
        "is_featured", F.coalesce("is_featured", F.lit(False))
    )


def fact_daily_sales(refs: References, days: Sequence[date]) -> DataFrame:
    """One row a ``sale_date, market_id, channel`` that sold."""
    lines = lines_in_scope(refs).where(F.col("sale_date").between(F.lit(min(days)), F.lit(max(days))))
    summed = lines.groupBy("sale_date", "market_id", "channel").agg(
        F.count_distinct("order_id").alias("orders"),
        F.count_distinct("customer_id").alias("customers"),
        F.sum("quantity").cast(MONEY).alias("units"),
        _money(F.sum("gross_amount"), "gross_sales"),
        _money(F.sum(F.col("gross_amount") - F.col("net_amount")), "discounts"),
        _money(F.sum("net_amount"), "net_sales"),
    )
    return summed.withColumn("average_order_value", _ratio(F.col("net_sales"), F.col("orders"), MONEY))


def executive_kpis(refs: References, days: Sequence[date]) -> DataFrame:
    """One row a ``sale_date, currency`` that sold. New customers are those whose first published sale ever is that day's.

    ``quality_score`` = 100 × published / rows in over silver's sales tables of the day; ``stock_outs`` counts (warehouse, sku) that were out of
    stock at the end of the day, NULL on a day without a snapshot; both are the company's, the same for each currency.
    """
    lines = lines_in_scope(refs)
    first_sale = _first_sales(lines)
    shown = lines.where(F.col("sale_date").between(F.lit(min(days)), F.lit(max(days)))).join(first_sale, "customer_id", "left")
    is_new = F.col("_first_sale") == F.col("sale_date")
    totals = shown.groupBy("sale_date", "currency").agg(
        _money(F.sum("net_amount"), "net_sales"),
        F.count_distinct("order_id").alias("orders"),
        F.count_distinct(F.when(is_new, F.col("customer_id"))).alias("new_customers"),
        F.count_distinct(F.when(~is_new, F.col("customer_id"))).alias("returning_customers"),
    )
    by_sku = shown.groupBy("sale_date", "currency", "sku").agg(F.sum("net_amount").alias("_sales"))
    best = Window.partitionBy("sale_date", "currency").orderBy(F.col("_sales").desc(), "sku")
    top = by_sku.withColumn("_rank", F.row_number().over(best)).where("_rank = 1").select("sale_date", "currency", F.col("sku").alias("top_sku"))
    return totals.join(top, ["sale_date", "currency"], "left").join(_stock_outs(refs), "sale_date", "left").join(_quality(refs), "sale_date", "left")


def new_customers(refs: References) -> DataFrame:
    """Customers by the day and currency of their first published sale: ``sale_date, currency, new_customers``, as the KPIs count them."""
    lines = lines_in_scope(refs)
    first = lines.join(_first_sales(lines), "customer_id").where("sale_date = _first_sale")
    return first.groupBy("sale_date", "currency").agg(F.count_distinct("customer_id").alias("new_customers"))


def _first_sales(lines: DataFrame) -> DataFrame:
    return lines.where("customer_id is not null").groupBy("customer_id").agg(F.min("sale_date").alias("_first_sale"))


def _stock_outs(refs: References) -> DataFrame:
    on_hand, reserved = (F.sum(F.col(name).try_cast("bigint")) for name in ("on_hand", "reserved"))
    by_sku = (
        refs["bronze.inventory"]
        .groupBy(F.col("_partition_date").alias("sale_date"), "warehouse_id", "sku")
        .agg((on_hand - reserved).alias("_available"))
    )
    return by_sku.groupBy("sale_date").agg(F.count_if(F.col("_available") <= 0).alias("stock_outs"))


def _quality(refs: References) -> DataFrame:
    rows = (
        refs["ops.quality"]
        .groupBy(F.col("business_day").alias("sale_date"))
        .agg(F.sum("published").alias("_published"), F.sum("rows_in").alias("_rows_in"))
    )
    return rows.select("sale_date", _ratio(F.col("_published") * 100, F.col("_rows_in"), RATIO).alias("quality_score"))


def _money(amount: SparkColumn, name: str) -> SparkColumn:
    return amount.cast(MONEY).alias(name)


def _ratio(numerator: SparkColumn, denominator: SparkColumn, type_: str, operand: str = MONEY) -> SparkColumn:
    """The quotient, half-up, NULL where the denominator is 0 or NULL and where the quotient has no room in its type. Decimals only: a float loses cents.

    Of two ``decimal(38,8)`` Spark gives a quotient of 6 digits, rounded, which a second rounding to 4 made 0.0001 too much; of two of
    ``decimal(18,4)`` it gives 20.
    """
    scale = int(type_.rstrip(")").split(",")[1])
    quotient = numerator.cast(operand) / F.nullif(denominator.cast(operand), F.lit(0).cast(operand))
    return F.round(quotient, scale).try_cast(type_)


def lookback_of(days: Sequence[date], lookback_days: int) -> tuple[date, date]:
    """First and last day whose silver rows are needed for gold's ``days``."""
    return min(days) - timedelta(days=lookback_days), max(days)
