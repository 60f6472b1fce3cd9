"""Staged rows and their figures: computed once, so that what was judged is what is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from globalbev_assets.contracts.model import Contract
from globalbev_assets.transforms.outcomes import row_key
from globalbev_assets.transforms.rules import ERROR_TYPE
from resources.spark import make_active

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


SUM_TYPE = "decimal(38,8)"


@dataclass
class DayFigures:
    """What was observed of one business day of one table, in source rows."""

    day: date
    rows_in: int = 0
    published: int = 0
    quarantined: int = 0
    deduplicated: int = 0
    superseded: int = 0
    warned: int = 0
    content_hash: str = ""
    amount: Decimal = Decimal(0)
    distinct_keys: int | None = None
    nulls: dict[str, int] = field(default_factory=dict)
    sums: dict[str, Decimal] = field(default_factory=dict)
    by_rule: dict[str, int] = field(default_factory=dict)

    @property
    def accounted(self) -> int:
        """Rows with an outcome."""
        return self.published + self.quarantined + self.deduplicated + self.superseded


def stage(frame: DataFrame) -> DataFrame:
    """Compute the rows once and cut their plan: a lost block then fails the job instead of reading a changed source again."""
    make_active(frame.sparkSession)
    return frame.localCheckpoint(eager=True)


def without_rules(frame: DataFrame) -> DataFrame:
    """Rows that no rule judges (bronze, gold): all are to be published."""
    from pyspark.sql import functions as F  # noqa: PLC0415  PySpark is imported with the first session, not with the definitions

    judged = frame.withColumn("_outcome", F.lit("published")).withColumn("_errors", F.array().cast(ERROR_TYPE))
    return judged.withColumn("_warnings", F.array().cast("array<string>"))


def rule_ids(contract: Contract) -> tuple[str, ...]:
    """All ids that a row may carry: the contract's rules and those of its dedupe."""
    dedupe = contract.source.options.get("dedupe")
    extra = ((dedupe["rule"],) if dedupe else ()) + ("duplicate_key",)
    return tuple(rule.id for rule in contract.rules) + extra


def summed_columns(contract: Contract) -> list[str]:
    """Columns whose sum by day is compared with the source's."""
    return [limit.metric.removeprefix("sum_difference:") for limit in contract.limits if limit.metric.startswith("sum_difference:")]


def figures(staged: DataFrame, contract: Contract, total: str | None = None) -> dict[date, DayFigures]:
    """Count the staged rows by business day (``_partition_date``), outcome and rule, in one job; the result is a row a day.

    ``total`` is a column, or an expression over columns, whose sum by day is wanted too.
    """
    from pyspark.sql import functions as F  # noqa: PLC0415  PySpark is imported with the first session, not with the definitions

    ids = rule_ids(contract)
    counted: list[Column] = [
        F.count(F.lit(1)).alias("rows_in"),
        F.count_if((F.col("_outcome") == "published") & (F.size("_warnings") > 0)).alias("warned"),
    ]
    counted += [F.count_if(F.col("_outcome") == outcome).alias(outcome) for outcome in ("published", "quarantined", "deduplicated", "superseded")]
    content = [column.name for column in contract.business_columns if column.name in staged.columns]
    if row_key(contract) != contract.key and "_raw" in staged.columns:
        content.append("_raw")  # the columns are made after this, of what the source row says
    hashed = F.xxhash64(*content).cast("decimal(38,0)")
    counted.append(F.sum(F.when(F.col("_outcome") == "published", hashed)).alias("content_hash"))
    # Which rows are kept aside, and why, is content too: as many others would leave the old ones in quarantine and the new ones nowhere.
    places = [name for name in ("_source", "_source_position") if name in staged.columns]
    aside = F.xxhash64(*places, F.col("_errors.rule_id")).cast("decimal(38,0)")
    counted.append(F.sum(F.when(F.col("_outcome") == "quarantined", aside)).alias("aside_hash"))
    is_published = F.col("_outcome") == "published"
    has_key = (
        contract.layer != "bronze" and bool(contract.key) and set(row_key(contract)) == set(contract.key) and set(contract.key) <= set(staged.columns)
    )
    counted.append((F.count_distinct(F.when(is_published, F.struct(*contract.key))) if has_key else F.lit(None).cast("long")).alias("distinct_keys"))
    counted += [F.sum(F.when(is_published, F.col(name).try_cast(SUM_TYPE))).alias(f"sum_{name}") for name in summed_columns(contract)]
    nullable = [limit.metric.removeprefix("null_ratio:") for limit in contract.limits if limit.metric.startswith("null_ratio:")]
    counted += [F.count_if(is_published & F.col(name).isNull()).alias(f"null_{name}") for name in nullable]
    counted.append((F.sum(F.expr(total)) if total else F.lit(0)).alias("amount"))
    broken = F.array_union(F.col("_errors.rule_id"), F.col("_warnings"))
    flagged = staged.withColumn("_broken", broken)
    counted += [F.count_if(F.array_contains("_broken", rule_id)).alias(f"rule_{index}") for index, rule_id in enumerate(ids)]
    return {row["_partition_date"]: _of_row(row.asDict(), ids) for row in flagged.groupBy("_partition_date").agg(*counted).collect()}


def _of_row(row: dict[str, object], ids: Sequence[str]) -> DayFigures:
    def number(name: str) -> int:
        return int(str(row[name]))

    return DayFigures(
        day=row["_partition_date"],  # type: ignore[arg-type]
        rows_in=number("rows_in"),
        published=number("published"),
        quarantined=number("quarantined"),
        deduplicated=number("deduplicated"),
        superseded=number("superseded"),
        warned=number("warned"),
        amount=Decimal(str(row["amount"] or 0)),
        content_hash=f"{row['published']}:{_text(row['content_hash'])}" + (f":{_text(row['aside_hash'])}" if row["quarantined"] else ""),
        distinct_keys=None if row["distinct_keys"] is None else number("distinct_keys"),
        sums={name.removeprefix("sum_"): Decimal(str(row[name] or 0)) for name in row if name.startswith("sum_")},
        nulls={name.removeprefix("null_"): number(name) for name in row if name.startswith("null_")},
        by_rule={rule_id: number(f"rule_{index}") for index, rule_id in enumerate(ids) if row[f"rule_{index}"]},
    )


def _text(value: object) -> str:
    return str(value) if isinstance(value, Decimal) else "0"
