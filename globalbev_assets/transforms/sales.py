"""Orders, their lines and their payments."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from globalbev_assets.transforms.cleaners import clean
from globalbev_assets.transforms.registry import References, Transform

MONEY = "decimal(18,4)"


def with_store(orders: DataFrame, refs: References) -> DataFrame:
    """Add what the order's store says: ``_store_known, _store_market_id, _store_channel, _market_known, _market_currency``."""
    stores = refs["silver.stores"].select(
        F.col("store_id").alias("_store_id"),
        F.col("market_id").alias("_store_market_id"),
        F.col("channel").alias("_store_channel"),
        F.lit(True).alias("_is_store"),
    )
    markets = refs["silver.markets"].select(
        F.col("market_id").alias("_store_market_id"), F.col("currency").alias("_market_currency"), F.lit(True).alias("_is_market")
    )
    located = stores.join(F.broadcast(markets), "_store_market_id", "left")
    joined = orders.join(F.broadcast(located), F.trim(F.col("store_id")).try_cast("bigint") == F.col("_store_id"), "left")
    return (
        joined.withColumn("_store_known", F.coalesce("_is_store", F.lit(False)))
        .withColumn("_market_known", F.coalesce("_is_market", F.lit(False)))
        .drop("_store_id", "_is_store", "_is_market")
    )


def with_order_and_lot(lines: DataFrame, refs: References) -> DataFrame:
    """Add what the line's order and lot say: ``_order_exists, _order_published, _order_date, _order_status, _lot_known, _lot_manufactured_on``.

    A line is stored under its order's day, so the orders of the same days are enough.
    """
    joined = _with_order(lines, refs)
    lots = refs["silver.lots"].select(
        F.col("lot_id").alias("_lot_id"), F.col("manufactured_on").alias("_lot_manufactured_on"), F.lit(True).alias("_is_lot")
    )
    joined = joined.join(F.broadcast(lots), F.trim(F.col("lot_id")) == F.col("_lot_id"), "left")
    return joined.withColumn("_lot_known", F.coalesce("_is_lot", F.lit(False))).drop("_lot_id", "_is_lot")


def with_order_and_totals(payments: DataFrame, refs: References) -> DataFrame:
    """Add what the payment's order says and what was captured for it.

    ``_order_total`` is the sum of the published lines; ``_captured_total`` the order's captured amounts of all days that bronze holds;
    ``_capture_number`` counts the order's captured payments; ``_currency_named``: the payment has a currency of its own.
    """
    joined = _with_order(payments, refs).withColumn("_currency_named", F.coalesce(F.trim("currency"), F.lit("")) != "")
    lines = refs["silver.order_lines"]
    totals = lines.groupBy(F.col("order_id").alias("_total_order_id")).agg(F.sum("net_amount").cast(MONEY).alias("_order_total"))
    joined = joined.join(totals, F.trim(F.col("order_id")).try_cast("bigint") == F.col("_total_order_id"), "left").drop("_total_order_id")
    joined = joined.withColumn("_order_total", F.coalesce("_order_total", F.lit(0).cast(MONEY)))  # no published line: nothing to pay for
    return joined.join(_captures(refs["bronze.payments"]), F.col("payment_id") == F.col("_capture_payment_id"), "left").drop("_capture_payment_id")


def _captures(payments: DataFrame) -> DataFrame:
    newest = F.max_by(F.struct("order_id", "status", "paid_at", "amount"), F.struct("updated_at", "_partition_date"))
    current = payments.groupBy("payment_id").agg(newest.alias("_payment")).select("payment_id", "_payment.*")
    captured = current.where(clean("payment_status", F.col("status")) == "captured")
    in_order = Window.partitionBy("order_id").orderBy("paid_at", F.col("payment_id").try_cast("bigint"))
    return captured.select(
        F.col("payment_id").alias("_capture_payment_id"),
        F.row_number().over(in_order).alias("_capture_number"),
        F.sum(F.col("amount").try_cast(MONEY)).over(Window.partitionBy("order_id")).cast(MONEY).alias("_captured_total"),
    )


def _with_order(children: DataFrame, refs: References) -> DataFrame:
    exists = refs["bronze.orders"].select(F.trim(F.col("order_id")).try_cast("bigint").alias("_order_key"), F.lit(True).alias("_is_order")).distinct()
    # One row an order: one whose date was corrected stands on both days until the old one is run again.
    newest = F.max_by(F.struct("order_date", "status", "currency"), F.struct("updated_at", "order_date"))
    orders = refs["silver.orders"].groupBy(F.col("order_id").alias("_order_key")).agg(newest.alias("_order"))
    published = orders.select(
        "_order_key",
        F.col("_order.order_date").alias("_order_date"),
        F.col("_order.status").alias("_order_status"),
        F.col("_order.currency").alias("_order_currency"),
        F.lit(True).alias("_is_published"),
    )
    known = exists.join(published, "_order_key", "left")
    joined = children.join(known, F.trim(F.col("order_id")).try_cast("bigint") == F.col("_order_key"), "left")
    return (
        joined.withColumn("_order_exists", F.coalesce("_is_order", F.lit(False)))
        .withColumn("_order_published", F.coalesce("_is_published", F.lit(False)))
        .drop("_order_key", "_is_order", "_is_published")
    )


TRANSFORMS: dict[str, Transform] = {
    "orders": Transform(prepare=with_store, reads=("silver.stores", "silver.markets")),
    "order_lines": Transform(prepare=with_order_and_lot, reads=("silver.lots",), reads_days=("bronze.orders", "silver.orders")),
    "payments": Transform(prepare=with_order_and_totals, reads=("bronze.orders", "silver.orders", "silver.order_lines", "bronze.payments")),
}
