"""Exactly one outcome a source row: published, quarantined, deduplicated or superseded."""

from __future__ import annotations

from collections.abc import Sequence

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
    return tuple(contract.source.options.get("row_key", contract.key))


def group_key(contract: Contract) -> tuple[str, ...]:
    """What is replaced as a whole by a newer version: the table's key, or the part of it that a source row and a table row share."""
    return tuple(contract.source.options.get("group_key", contract.key))


def with_outcomes(frame: DataFrame, contract: Contract, held: DataFrame | None = None) -> DataFrame:
    """Add ``_outcome``; few and flat operations, for Spark Connect's plans may nest 100 levels and each operation takes two.

    Args:
        frame: typed rows with ``_errors``, ``_warnings``, ``_version``, ``_partition_date`` and (files) ``_is_replaced``.
        contract: the table's.
        held: group key and ``_held_version`` of what a keyed table holds already; a newer version there supersedes.
    """
    replaced = F.col(REPLACED) if REPLACED in frame.columns else F.lit(False)
    is_good = (F.size(ERRORS) == 0) & ~replaced
    is_copy, is_twice, is_older = F.lit(False), F.col("_day_rank") > 1, F.lit(False)
    dedupe = contract.source.options.get("dedupe")
    if dedupe:
        frame = frame.withColumn("_copy", _number(is_good, [DAY, *dedupe["columns"]], [F.col(dedupe["keep"])]))
        is_copy = F.col("_copy") > 1
    frame = _ranked(frame, contract, is_good & ~is_copy)
    if held is not None:
        frame = frame.join(F.broadcast(held), list(group_key(contract)), "left")
        is_older = F.coalesce(F.col("_held_version") > F.col(VERSION), F.lit(False))
    warned = F.when(is_copy, F.array_append(WARNINGS, F.lit(dedupe["rule"] if dedupe else ""))).when(
        is_twice, F.array_append(WARNINGS, F.lit(DUPLICATE_KEY))
    )
    outcome = (
        F.when(replaced, SUPERSEDED)
        .when(F.size(ERRORS) > 0, QUARANTINED)
        .when(is_copy | is_twice, DEDUPLICATED)
        .when((F.col("_rank") > 1) | is_older, SUPERSEDED)
        .otherwise(PUBLISHED)
    )
    return frame.withColumns({OUTCOME: outcome, WARNINGS: warned.otherwise(F.col(WARNINGS))}).drop(
        "_copy", "_rank", "_day_rank", "_held_version", REPLACED
    )


def _ranked(frame: DataFrame, contract: Contract, is_candidate: SparkColumn) -> DataFrame:
    """Rank the candidates of one key: within their day, and (keyed tables) over all days, newest version first.

    Several rows of one key and day are told apart by version and position; over days a group's rows share their version.
    """
    newest = [F.col(VERSION).desc(), F.col("_source_position").desc(), F.col("_source").desc()]
    frame = frame.withColumn("_day_rank", _number(is_candidate, [*row_key(contract), DAY], newest))
    if not contract.is_keyed:
        return frame.withColumn("_rank", F.lit(1))
    if row_key(contract) != group_key(contract):
        frame = frame.withColumn(VERSION, F.max(VERSION).over(Window.partitionBy(is_candidate, *group_key(contract), DAY)))
    is_first = is_candidate & (F.col("_day_rank") == 1)
    over_days = Window.partitionBy(is_first, *group_key(contract)).orderBy(F.col(VERSION).desc(), F.col(DAY).desc())
    # Where a row is a group, one is first, whatever else is equal; the rows of a larger group share a version and a day, and are first together.
    number = F.row_number() if row_key(contract) == group_key(contract) else F.rank()
    return frame.withColumn("_rank", F.when(is_first, number.over(over_days)).otherwise(1))


def _number(is_candidate: SparkColumn, by: Sequence[str], order: Sequence[SparkColumn]) -> SparkColumn:
    """Number the candidates within ``by``; 1 for all others."""
    return F.when(is_candidate, F.row_number().over(Window.partitionBy(is_candidate, *by).orderBy(*order))).otherwise(1)
