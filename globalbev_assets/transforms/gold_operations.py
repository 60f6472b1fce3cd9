"""What the business reads of stock and of money received."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from globalbev_assets.transforms.gold_sales import MONEY, lines_in_scope, orders_in_scope
from globalbev_assets.transforms.registry import References

COVER_DAYS = 28
PAID_STATES = ("captured", "refunded", "failed")


def inventory_position(refs: References, days: Sequence[date]) -> DataFrame:
    """One row a ``warehouse_id, sku``: the stock of silver, the company's units a day shared out by stock, days of cover, out of stock since.

    ``stocked_out_since`` is the first of the unbroken snapshots, up to the newest, in which nothing was available.
    """
    last = max(days)
    levels = refs["silver.inventory_levels"].select("warehouse_id", "sku", "on_hand", "reserved", "available", "reorder_point", "is_stocked_out")
    sold = lines_in_scope(refs).where(F.col("sale_date").between(F.lit(last - timedelta(days=COVER_DAYS - 1)), F.lit(last)))
    units = sold.groupBy("sku").agg(F.sum("quantity").cast("decimal(18,4)").alias("_company_units"))
    stock = Window.partitionBy("sku")
    positive = F.greatest(F.col("on_hand"), F.lit(0))
    total = F.sum(positive).over(stock)
    joined = levels.join(units, "sku", "left").withColumn("_company_units", F.coalesce("_company_units", F.lit(0).cast("decimal(18,4)")))
    # One quotient, rounded once: a share of six digits made the rate of a large seller wrong in the fifth, and its days of cover by some hundredths.
    part = F.when(total > 0, F.col("_company_units") * positive).otherwise(F.col("_company_units"))
    whole = F.lit(COVER_DAYS) * F.when(total > 0, total).otherwise(F.count(F.lit(1)).over(stock))
    per_day = F.round(part.cast("decimal(38,8)") / whole.cast("decimal(38,8)"), 6).try_cast("decimal(18,6)")
    cover = F.when(F.col("units_per_day") > 0, F.round(F.greatest(F.col("available"), F.lit(0)).cast(MONEY) / F.col("units_per_day"), 2)).try_cast(
        "decimal(18,6)"
    )
    result = joined.withColumn("units_per_day", per_day).withColumn("days_of_cover", cover)
    return result.join(_stocked_out_since(refs, last), ["warehouse_id", "sku"], "left").drop("_company_units").withColumn("as_of", F.lit(last))


def _stocked_out_since(refs: References, last: date) -> DataFrame:
    on_hand, reserved = (F.sum(F.col(name).try_cast("bigint")) for name in ("on_hand", "reserved"))
    history = refs["bronze.inventory"].where(F.col("_partition_date") <= F.lit(last))
    daily = history.groupBy("warehouse_id", "sku", F.col("_partition_date").alias("day")).agg((on_hand - reserved).alias("_available"))
    latest = daily.groupBy("warehouse_id", "sku").agg(
        F.max(F.when(F.col("_available") > 0, F.col("day"))).alias("_last_in_stock"),
        F.min("day").alias("_first"),
        F.max_by("_available", "day").alias("_now"),
    )
    out_since = daily.where("_available <= 0").join(latest.where("_now <= 0"), ["warehouse_id", "sku"])
    since = (
        out_since.where("_last_in_stock is null or day > _last_in_stock").groupBy("warehouse_id", "sku").agg(F.min("day").alias("stocked_out_since"))
    )
    return since.select("warehouse_id", "sku", "stocked_out_since")


def finance_daily_payments(refs: References, days: Sequence[date]) -> DataFrame:
    """One row a ``paid_date, currency, method``: captured, refunded and failed amounts and what does not reconcile with the orders.

    Of the orders that gold is about, as all its tables; what was paid for the others, cancelled or of an unknown status, stands in
    ``captured_elsewhere``, ``refunded_elsewhere`` and ``failed_elsewhere``: with it the day's amounts are the payment provider's.
    ``unreconciled_amount`` = captured − refunded − order total of the order, booked on the day, currency and method of its last payment.
    """
    keys, shown_days = ["paid_date", "currency", "method"], F.col("paid_date").between(F.lit(min(days)), F.lit(max(days)))
    in_scope = orders_in_scope(refs).select("order_id", F.lit(True).alias("_is_in_scope")).distinct()  # one whose date was corrected stands twice
    payments = refs["silver.payments"].join(in_scope, "order_id", "left").withColumn("_is_in_scope", F.coalesce("_is_in_scope", F.lit(False)))
    amounts = []
    for status in PAID_STATES:
        for name, is_ours in ((status, F.col("_is_in_scope")), (f"{status}_elsewhere", ~F.col("_is_in_scope"))):
            amount = F.sum(F.when((F.col("status") == status) & is_ours, F.col("amount")).otherwise(F.lit(0)))
            amounts.append(amount.cast(MONEY).alias(name))
    sums = payments.where(shown_days).groupBy(*keys).agg(*amounts)
    open_amounts = _unreconciled(payments.where("_is_in_scope"), refs["silver.order_lines"]).where(shown_days)
    booked = open_amounts.groupBy(*keys).agg(F.sum("_difference").cast(MONEY).alias("unreconciled_amount"))
    joined = sums.join(booked, [sums[key].eqNullSafe(booked[key]) for key in keys], "left").select(
        *[sums[name] for name in sums.columns], "unreconciled_amount"
    )
    return joined.withColumn("unreconciled_amount", F.coalesce("unreconciled_amount", F.lit(0).cast(MONEY)))


def paid_amounts(refs: References) -> DataFrame:
    """What a day's amounts, with those of orders out of scope, must add up to: ``day, amount`` over silver's payments of these states."""
    counted = refs["silver.payments"].where(F.col("status").isin(list(PAID_STATES)))
    return counted.groupBy(F.col("paid_date").alias("day")).agg(F.sum("amount").cast(MONEY).alias("amount"))


def _unreconciled(payments: DataFrame, lines: DataFrame) -> DataFrame:
    totals = lines.groupBy("order_id").agg(F.sum("net_amount").alias("_total"))
    signed = F.when(F.col("status") == "captured", F.col("amount")).when(F.col("status") == "refunded", -F.col("amount")).otherwise(F.lit(0))
    last = Window.partitionBy("order_id").orderBy(F.col("paid_at").desc(), F.col("payment_id").desc())
    received = F.sum(signed).over(Window.partitionBy("order_id"))
    latest = payments.withColumn("_received", received).withColumn("_rank", F.row_number().over(last)).where("_rank = 1")
    joined = latest.join(totals, "order_id", "left")
    return joined.select("paid_date", "currency", "method", (F.col("_received") - F.coalesce("_total", F.lit(0))).alias("_difference"))
