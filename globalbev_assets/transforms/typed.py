"""From the source's text to the contract's types: trim, clean, ``try_cast``; never a cast that fails the job."""

from __future__ import annotations

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from globalbev_assets.contracts.model import Column, Contract
from globalbev_assets.transforms.cleaners import clean


def typed(frame: DataFrame, contract: Contract) -> DataFrame:
    """The contract's columns, typed, and every column of the frame whose name starts with ``_``."""
    helpers = [name for name in frame.columns if name.startswith("_")]
    wanted = [column for column in contract.business_columns if not column.derive]
    result = frame.select(*[_value(column, frame.columns).alias(column.name) for column in wanted], *helpers)
    for column in contract.business_columns:
        if column.derive:
            result = result.withColumn(column.name, F.expr(column.derive).try_cast(column.type))
    return result


def _value(column: Column, available: list[str]) -> SparkColumn:
    if column.logic:
        return F.expr(column.logic).try_cast(column.type)
    source = column.source or column.name
    if source not in available:
        return F.lit(None).cast(column.type)
    text = F.trim(F.col(source))
    text = F.when(text != "", text)
    return clean(column.clean, text).try_cast(column.type) if column.type != "string" else clean(column.clean, text)
