"""From bronze rows to judged silver rows: the same few steps for every table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from globalbev_assets.contracts.model import Contract, Rule
from globalbev_assets.transforms.outcomes import DAY, VERSION, with_outcomes
from globalbev_assets.transforms.registry import Transform
from globalbev_assets.transforms.rules import RAW, known_column, with_rules
from globalbev_assets.transforms.typed import typed

DIGITS = 20
READ_AT = "yyyy-MM-dd'T'HH:mm:ss.SSSSSS"


def _uncut(frame: DataFrame) -> DataFrame:
    return frame


def judged(  # noqa: PLR0913  the last three are options
    contract: Contract,
    bronze: DataFrame,
    transform: Transform,
    refs: Mapping[str, DataFrame],
    *,
    is_delivered: bool,
    held: DataFrame | None = None,
    cut: Callable[[DataFrame], DataFrame] = _uncut,
) -> DataFrame:
    """Give every bronze row its typed columns, its broken rules and its one outcome.

    Args:
        contract: the silver table's.
        bronze: rows of the days to process, as stored.
        transform: what the contract cannot say.
        refs: the tables that the contract or the transform refers to, by ``layer.table``.
        is_delivered: whether the day of a bronze row says how new it is (files, snapshots), or the time of its reading does (full reads).
        cut: gives a frame a short plan of its own; asked for where the plan is about to become deeper than Spark Connect takes.
        held: see :func:`globalbev_assets.transforms.outcomes.with_outcomes`.
    """
    text_columns = [name for name in bronze.columns if not name.startswith("_")]
    # Of two full reads on one day the later says how things are: a date would make them equal, and every key would be published twice.
    arrived = F.col(DAY).cast("string") if is_delivered else F.date_format("_ingested_at", READ_AT)
    frame = bronze.withColumns({VERSION: version(contract, bronze.columns, arrived), RAW: F.struct(*text_columns)})
    if transform.prepare:
        frame = transform.prepare(frame, refs)
    frame = typed(frame, contract)
    if transform.finish:
        frame = cut(transform.finish(cut(frame), refs))
    frame = _with_raw_text(frame, contract)
    for rule in contract.rules:
        if rule.kind == "reference":
            frame = _with_known(frame, rule, refs)
    return with_outcomes(with_rules(frame, contract), contract, held)


def version(contract: Contract, columns: list[str], arrived: SparkColumn) -> SparkColumn:
    """A text that sorts as the newness of a row.

    What the contract names, then the day; else ``arrived``, the day of delivery (files) or the time of the reading (database), then
    ``updated_at`` and the position.
    """
    position = F.lpad(F.col("_source_position"), DIGITS, "0")
    named = contract.source.options.get("version_by")
    if named:
        return F.concat_ws("|", *[F.lpad(F.coalesce(F.col(name), F.lit("")), DIGITS, "0") for name in named], F.col(DAY).cast("string"))
    changed = F.rpad(F.coalesce(F.col("updated_at"), F.lit("")), 32, " ") if "updated_at" in columns else F.lit("")
    return F.concat_ws("|", arrived, changed, position)


def _with_raw_text(frame: DataFrame, contract: Contract) -> DataFrame:
    """Keep the raw text beside each value that could not be read, where the contract has a column for it."""
    kept = {}
    for column in contract.columns:
        if column.raw_of:
            target = contract.column(column.raw_of)
            raw = F.col(f"{RAW}.{target.source or target.name}")
            kept[column.name] = F.when(F.col(target.name).isNull() & (F.trim(raw) != ""), raw)
    return frame.withColumns(kept) if kept else frame


def _with_known(frame: DataFrame, rule: Rule, refs: Mapping[str, DataFrame]) -> DataFrame:
    """Add ``_known_<column>``: true where the reference's key exists, else NULL."""
    name, key = known_column(rule), f"_key_{rule.column}"
    keys = refs[str(rule.reference)].select(F.col(rule.reference_column or "").alias(key)).where(F.col(key).isNotNull()).distinct()
    return frame.join(F.broadcast(keys.withColumn(name, F.lit(True))), F.col(rule.column or "") == F.col(key), "left")
