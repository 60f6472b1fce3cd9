"""From bronze rows to judged silver rows: the same few steps for every table."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from globalbev_assets.contracts.model import Contract, Rule
from globalbev_assets.transforms.outcomes import DAY, VERSION, with_outcomes
from globalbev_assets.transforms.registry import Transform
from globalbev_assets.transforms.rules import RAW, known_column, with_rules
from globalbev_assets.transforms.typed import typed, with_raw

DIGITS = 20


def judged(
    contract: Contract, bronze: DataFrame, transform: Transform, refs: Mapping[str, DataFrame], *, is_delivered: bool, held: DataFrame | None = None
) -> DataFrame:
    """Give every bronze row its typed columns, its broken rules and its one outcome.

    Args:
        contract: the silver table's.
        bronze: rows of the days to process, as stored.
        transform: what the contract cannot say.
        refs: the tables that the contract or the transform refers to, by ``layer.table``.
        is_delivered: whether the day of a bronze row says how new it is (files, snapshots), or the time of its reading does (full reads).
        held: see :func:`globalbev_assets.transforms.outcomes.with_outcomes`.
    """
    text_columns = tuple(name for name in bronze.columns if not name.startswith("_"))
    dated = bronze.withColumn("_read_day", F.col(DAY) if is_delivered else F.to_date("_ingested_at"))
    frame = with_raw(dated.withColumn(VERSION, version(contract, bronze.columns)), text_columns)
    if transform.prepare:
        frame = transform.prepare(frame, refs)
    frame = typed(frame, contract)
    if transform.finish:
        frame = transform.finish(frame, refs)
    frame = _with_raw_text(frame, contract)
    for rule in contract.rules:
        if rule.kind == "reference":
            frame = _with_known(frame, rule, refs)
    return with_outcomes(with_rules(frame, contract), contract, held)


def version(contract: Contract, columns: list[str]) -> SparkColumn:
    """A text that sorts as the newness of a row.

    What the contract names, then the day; else the day of delivery (files) or of the reading (database), the file's version,
    ``updated_at`` and the position.
    """
    position = F.lpad(F.col("_source_position"), DIGITS, "0")
    named = contract.source.options.get("versionBy")
    if named:
        return F.concat_ws("|", *[F.lpad(F.coalesce(F.col(name), F.lit("")), DIGITS, "0") for name in named], F.col(DAY).cast("string"))
    changed = F.rpad(F.coalesce(F.col("updated_at"), F.lit("")), 32, " ") if "updated_at" in columns else F.lit("")
    return F.concat_ws("|", F.greatest(F.col("_read_day"), F.col(DAY)).cast("string"), changed, position)


def _with_raw_text(frame: DataFrame, contract: Contract) -> DataFrame:
    """Keep the raw text beside each value that could not be read, where the contract has a column for it."""
    for column in contract.columns:
        if column.raw_of:
            target = contract.column(column.raw_of)
            raw = F.col(f"{RAW}.{target.source or target.name}")
            frame = frame.withColumn(column.name, F.when(F.col(target.name).isNull() & (F.trim(raw) != ""), raw))
    return frame


def _with_known(frame: DataFrame, rule: Rule, refs: Mapping[str, DataFrame]) -> DataFrame:
    """Add ``_known_<column>``: whether the reference's key exists."""
    keys = refs[str(rule.reference)].select(F.col(rule.reference_column or "").alias("_key")).where("_key is not null").distinct()
    joined = frame.join(F.broadcast(keys.withColumn("_found", F.lit(True))), F.col(rule.column or "") == F.col("_key"), "left")
    return joined.withColumn(known_column(rule), F.coalesce("_found", F.lit(False))).drop("_key", "_found")
