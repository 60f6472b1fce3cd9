"""Exactly one outcome a source row: published, quarantined, deduplicated or superseded."""

from __future__ import annotations

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from globalbev_assets.contracts.model import Contract
from globalbev_assets.transforms.rules import ERRORS, WARNINGS

OUTCOME, DAY, VERSION, REPLACED = "_outcome", "_partition_date", "_version", "_is_replaced"
PUBLISHED, QUARANTINED, DEDUPLICATED, SUPERSEDED = "published", "quarantined", "deduplicated", "superseded"
DUPLICATE_KEY = "duplicate_key"


def row_key(contract: Contract) -> tuple[str, ...]:
    """What names a source row within a day; the table's key, unless a source row becomes several rows or several become one."""
    return tuple(contract.source.options.get("rowKey", contract.key))


def group_key(contract: Contract) -> tuple[str, ...]:
    """What is replaced as a whole by a newer version: the table's key, or the part of it that a source row and a table row share."""
    return tuple(contract.source.options.get("groupKey", contract.key))


def with_outcomes(frame: DataFrame, contract: Contract, held: DataFrame | None = None) -> DataFrame:
    """Add ``_outcome``.

    Args:
        frame: typed rows with ``_errors``, ``_warnings``, ``_version``, ``_partition_date`` and (files) ``_is_replaced``.
        contract: the table's.
        held: group key and ``_held_version`` of what a keyed table holds already; a newer version there supersedes.
    """
    replaced = F.col(REPLACED) if REPLACED in frame.columns else F.lit(False)
    result = frame.withColumn("_is_good", (F.size(ERRORS) == 0) & ~replaced)
    result = _numbered_copies(result, contract)
    result = _ranked(result, contract)
    is_older = F.lit(False)
    if held is not None:
        result = result.join(F.broadcast(held), list(group_key(contract)), "left")
        is_older = F.coalesce(F.col("_held_version") > F.col(VERSION), F.lit(False))
    outcome = (
        F.when(replaced, SUPERSEDED)
        .when(F.size(ERRORS) > 0, QUARANTINED)
        .when((F.col("_copy") > 1) | (F.col("_day_rank") > 1), DEDUPLICATED)
        .when((F.col("_rank") > 1) | is_older, SUPERSEDED)
        .otherwise(PUBLISHED)
    )
    return result.withColumn(OUTCOME, outcome).drop("_is_good", "_copy", "_rank", "_day_rank", "_held_version", REPLACED)


def _numbered_copies(frame: DataFrame, contract: Contract) -> DataFrame:
    """Number the good rows that differ in nothing but the column that the contract names, lowest first."""
    dedupe = contract.source.options.get("dedupe")
    if not dedupe:
        return frame.withColumn("_copy", F.lit(1))
    window = Window.partitionBy("_is_good", DAY, *dedupe["columns"]).orderBy(dedupe["keep"])
    numbered = frame.withColumn("_copy", F.when(F.col("_is_good"), F.row_number().over(window)).otherwise(1))
    return _warned(numbered, F.col("_copy") > 1, dedupe["rule"])


def _ranked(frame: DataFrame, contract: Contract) -> DataFrame:
    """Rank the good rows of one key: within their day, and (keyed tables) over all days, newest version first.

    Several rows of one key and day are told apart by version and position; over days a group's rows share their version.
    """
    ranked = frame.withColumn("_is_candidate", F.col("_is_good") & (F.col("_copy") == 1))
    in_day = Window.partitionBy("_is_candidate", *row_key(contract), DAY).orderBy(F.col(VERSION).desc(), F.col("_source_position").desc())
    ranked = ranked.withColumn("_day_rank", F.when(F.col("_is_candidate"), F.row_number().over(in_day)).otherwise(1))
    ranked = _warned(ranked, F.col("_day_rank") > 1, DUPLICATE_KEY)
    if not contract.is_keyed:
        return ranked.withColumn("_rank", F.lit(1)).drop("_is_candidate")
    if row_key(contract) != group_key(contract):
        in_group = Window.partitionBy("_is_candidate", *group_key(contract), DAY)
        ranked = ranked.withColumn(VERSION, F.max(VERSION).over(in_group))
    over_days = Window.partitionBy("_is_candidate", *group_key(contract)).orderBy(F.col(VERSION).desc())
    rank = F.when(F.col("_is_candidate"), F.rank().over(over_days)).otherwise(1)
    return ranked.withColumn("_rank", rank).drop("_is_candidate")


def _warned(frame: DataFrame, when: SparkColumn, rule: str) -> DataFrame:
    return frame.withColumn(WARNINGS, F.when(when, F.array_append(F.col(WARNINGS), F.lit(rule))).otherwise(F.col(WARNINGS)))
