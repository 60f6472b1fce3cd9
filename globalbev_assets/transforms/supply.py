"""Production lots and stock levels."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from globalbev_assets.transforms.registry import Transform


def stock_by_sku(items: DataFrame) -> DataFrame:
    """Sum the lots of a snapshot: one row a warehouse and sku, of its newest day; a lot that left the snapshot no longer counts."""
    summed = items.groupBy("warehouse_id", "sku").agg(
        F.sum("on_hand").alias("on_hand"),
        F.sum("reserved").alias("reserved"),
        F.max("reorder_point").alias("reorder_point"),
        F.max("sequence").alias("sequence"),
        F.max("updated_at").alias("updated_at"),
        F.max("_partition_date").alias("_partition_date"),
        F.first("_source").alias("_source"),
        F.min("_source_position").alias("_source_position"),
        F.max("_version").alias("_version"),
        F.array_distinct(F.flatten(F.collect_list("_warnings"))).alias("_warnings"),
    )
    available = F.col("on_hand") - F.col("reserved")
    return summed.withColumn("available", available).withColumn("is_stocked_out", available <= 0)


TRANSFORMS: dict[str, Transform] = {"inventory_levels": Transform(output=stock_by_sku)}
