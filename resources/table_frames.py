"""A Delta table's rows as a frame and back, by its path or by its name in a catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resources.delta_sql import table_at
from resources.places import Catalogued

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, DataFrameWriter, SparkSession


def load_table(spark: SparkSession, table: str) -> DataFrame:
    """All its rows."""
    return spark.table(table_at(table)) if isinstance(table, Catalogued) else spark.read.format("delta").load(table)


def save_table(writer: DataFrameWriter, table: str) -> None:
    """Carry out a write that was prepared, with its mode and options."""
    if isinstance(table, Catalogued):
        writer.saveAsTable(table_at(table))
    else:
        writer.save(table)
