"""Gold: sums of silver, a day replaced as a whole, reconciled with what silver has in scope.

Days outside the step's may depend on them: a week's panel is delivered after the week, an order is paid after its day. They are built with the
step's where they were built before, and told of where something changed in them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import TableName
from globalbev_assets.transforms import gold_operations, gold_sales
from globalbev_assets.transforms.gold_sales import lookback_of
from partitions.days import DayRange
from resources.delta_sql import days_predicate
from resources.gate import Gate
from resources.gold_reach import SALES, days_of_first_sales, days_of_panel, days_paid
from resources.publishing import Batch, TableResult, newest_only
from resources.staging import without_rules
from resources.steps import Step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Build = Callable[[Mapping[str, "DataFrame"], Sequence[date]], "DataFrame"]
Amounts = Callable[[Mapping[str, "DataFrame"]], "DataFrame"]


@dataclass(frozen=True)
class Total:
    """What is reconciled: the sum by day of an expression over gold's rows, with what silver says it must be.

    Attributes:
        expression: SQL over the gold table's columns.
        amounts: references → ``day, amount``, from silver alone.
        reads_days: tables that it reads, of the days only.
        reads: tables that it reads whole.
    """

    expression: str
    amounts: Amounts
    reads_days: tuple[str, ...]
    reads: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gold:
    """How a gold table is built.

    Attributes:
        build: references and days → rows.
        reads: tables read whole.
        reads_days: tables of which the days and the contract's look-back are read.
        needs: tables whose day must be readable for the day to be built.
        total: what is reconciled with silver by day; None where nothing is.
        also: days outside the step's whose rows depend on the step's days; None where none do, or the look-back says which.
    """

    build: Build
    reads: tuple[str, ...]
    needs: tuple[str, ...]
    reads_days: tuple[str, ...] = ()
    total: Total | None = None
    also: Callable[[Step], list[date]] | None = None


_DATED = ("silver.orders", "silver.order_lines")
_NET_SALES = Total("net_sales", gold_sales.in_scope_amounts, _DATED, ("silver.products",))
_PAID = Total(" + ".join(f"{state} + {state}_elsewhere" for state in gold_operations.PAID_STATES), gold_operations.paid_amounts, ("silver.payments",))
TABLES: dict[str, Gold] = {
    "fact_sku_market_performance": Gold(
        gold_sales.fact_sku_market_performance, ("silver.products", "silver.market_panel"), _DATED, _DATED, _NET_SALES, also=days_of_panel
    ),
    "fact_daily_sales": Gold(gold_sales.fact_daily_sales, ("silver.products",), _DATED, _DATED, _NET_SALES),
    "executive_kpis": Gold(gold_sales.executive_kpis, (*SALES, "bronze.inventory", "ops.quality"), _DATED, (), _NET_SALES, days_of_first_sales),
    "inventory_position": Gold(
        gold_operations.inventory_position, (*SALES, "silver.inventory_levels", "bronze.inventory"), ("silver.inventory_levels",)
    ),
    "finance_daily_payments": Gold(
        gold_operations.finance_daily_payments,
        ("silver.payments", "silver.orders", "silver.order_lines"),
        ("silver.payments",),
        total=_PAID,
        also=days_paid,
    ),
}


def publish_gold(step: Step, contract: Contract) -> TableResult:
    """Publish one gold table for the step's days."""
    gold = TABLES[contract.table]
    step.latest |= step.lake.ledger.latest(gold.needs)
    asked = set(step.days)
    step = _reaching(step, contract, gold)
    refused = {day: why for name in gold.needs for day, why in step.unreadable(TableName.parse(name)).items()}
    days = [day for day in step.days if day not in refused]
    if contract.is_snapshot and days and not newest_only(days, step.history(contract.name)):
        days = []  # a newer day stands there: this one has nothing to show
    refs = _references(step, contract, gold, days)
    frame = _as_published(contract, _dated(contract, gold.build(refs, days or step.days), days))
    if contract.date_column is not None:  # a build shows all days from the first to the last, and a commit takes none but the step's
        frame = frame.where(days_predicate("_partition_date", days or step.days))
    gate = Gate(contract, step.history(contract.name), None, refused, _amounts(step, gold.total, days) if gold.total and days else {})
    result = step.publisher.publish(
        Batch(contract, frame, step.days, gate, total=gold.total.expression if gold.total else None, against=step.seen_of(contract))
    )
    return _telling(result, asked)


def _reaching(step: Step, contract: Contract, gold: Gold) -> Step:
    """The step, with the days beside its own that depend on them: those that the table has, and whose inputs may be read."""
    if not gold.also:
        return step
    known = step.history(contract.name)
    needed = [step.history(TableName.parse(name)) for name in gold.needs]
    found = {day for day in gold.also(step) if day in known and all(day in rows and rows[day].is_readable for rows in needed)}
    return replace(step, days=sorted({*step.days, *found}))


def _telling(result: TableResult, asked: Collection[date]) -> TableResult:
    """The result without the days beside the step's in which nothing changed."""
    quiet = {row.business_day for row in result.rows if row.business_day not in asked and row.state in ("unchanged", "no_source_data")}
    rows = [row for row in result.rows if row.business_day not in quiet]
    return replace(result, rows=rows, results=[line for line in result.results if line.business_day not in quiet])


def _references(step: Step, contract: Contract, gold: Gold, days: Sequence[date]) -> dict[str, DataFrame]:
    found = {name: step.lake.read(TableName.parse(name)) for name in gold.reads if name != "ops.quality"}
    if "ops.quality" in gold.reads:
        found["ops.quality"] = _quality(step)
    if not days:
        return found | {name: step.lake.read(TableName.parse(name), []) for name in gold.reads_days}
    first, last = lookback_of(days, contract.lookback_days)
    return found | {name: step.lake.read(TableName.parse(name), list(DayRange(first, last))) for name in gold.reads_days}


def _quality(step: Step) -> DataFrame:
    """Rows in and published of silver's sales tables by day: a few hundred rows of the ledger."""
    rows = step.lake.ledger.latest(["silver.orders", "silver.order_lines", "silver.payments"]).values()
    return step.lake.spark.createDataFrame(
        [(row.business_day, row.rows_in, row.published) for row in rows], "business_day date, rows_in long, published long"
    )


def _dated(contract: Contract, frame: DataFrame, days: Sequence[date]) -> DataFrame:
    from pyspark.sql import functions as F  # noqa: PLC0415

    if contract.date_column is None:
        return frame.withColumn("_partition_date", F.lit(max(days)) if days else F.lit(None).cast("date"))
    return frame.withColumn("_partition_date", F.col(contract.date_column))


def _as_published(contract: Contract, frame: DataFrame) -> DataFrame:
    from pyspark.sql import functions as F  # noqa: PLC0415

    cast = frame.select(*[F.col(column.name).cast(column.type).alias(column.name) for column in contract.business_columns], "_partition_date")
    return without_rules(cast)


def _amounts(step: Step, total: Total, days: Sequence[date]) -> dict[date, Decimal]:
    """By day: what the total must be, says silver."""
    refs = {name: step.lake.read(TableName.parse(name), days) for name in total.reads_days}
    refs |= {name: step.lake.read(TableName.parse(name)) for name in total.reads}
    found = {row["day"]: row["amount"] for row in total.amounts(refs).collect()}
    return {day: found.get(day, Decimal(0)) for day in days}
