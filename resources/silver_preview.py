"""What publishing silver again would do to the rows in quarantine, found out by doing all of it but the commits.

Rows, rules and gate are those of :mod:`resources.silver_step`, so a preview cannot say other than the run. What it would publish of one table
is what the tables after it see in its place: an order that would come out of quarantine takes its lines along.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import TableName
from globalbev_assets.transforms.schemas import struct_type
from partitions.days import now
from resources.delta_sql import days_predicate
from resources.gate import Day
from resources.lakehouse import Lakehouse
from resources.lakehouse_resource import book_of
from resources.lease import Leases
from resources.ledger import LedgerRow
from resources.publishing import Batch, Publisher
from resources.settings import Settings
from resources.side_by_side import reads_of
from resources.silver_step import silver_batch
from resources.spark import close_session, interrupt_session, open_session
from resources.staging import figures, stage
from resources.steps import Step
from resources.table_frames import load_table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

RUN = "preview"


@dataclass(frozen=True)
class PreviewLine:
    """Rows of one day that would meet the same outcome; ``was_aside``: they are in quarantine now, ``rules``: those that would reject them."""

    day: date
    was_aside: bool
    is_chosen: bool
    outcome: str
    rules: tuple[str, ...]
    rows: int


@dataclass(frozen=True)
class Preview:
    """What would become of one table: the rows that are or would be kept aside, and the days that the gate would hold, with its reasons."""

    contract: Contract
    lines: tuple[PreviewLine, ...]
    held: dict[date, str]


@dataclass
class PreviewLake(Lakehouse):
    """A lake in which tables look as if the preview's had been published. Writes nothing, creates nothing."""

    shown: dict[TableName, tuple[DataFrame, Collection[date]]] = field(default_factory=dict)

    def ensure_table(self, contract: Contract) -> None:
        """Leave the lake as it is."""

    def read(self, name: TableName, days: Collection[date] | None = None) -> DataFrame:
        """The table's rows as they would be."""
        contract = self.book[name]
        if self.version(name) is None:
            return self.spark.createDataFrame([], struct_type(contract))
        stored = super().read(name, days)
        if name not in self.shown:
            return stored
        (new, shown_days), column = self.shown[name], contract.date_column
        if contract.is_keyed or column is None:
            return stored.join(new.select(*contract.key), list(contract.key), "left_anti").unionByName(new)
        kept = stored.where(f"NOT ({days_predicate(column, shown_days)})")
        return kept.unionByName(new if days is None else new.where(days_predicate(column, days)))


@contextmanager
def open_preview(settings: Settings, days: Sequence[date]) -> Iterator[Step]:
    """A step that can only be previewed, with a Spark session of its own."""
    lake = PreviewLake(settings, book_of(settings), lambda: open_session(settings, pool="live"))
    leases = Leases(settings.home / "leases", lambda session: interrupt_session(settings, session))
    try:
        yield Step(lake, Publisher(lake, leases, RUN), list(days))
    finally:
        if "spark" in vars(lake):
            close_session(lake.spark)


def preview(step: Step, contracts: Sequence[Contract], rule: str | None, chosen_days: Collection[date] | None) -> Iterator[Preview]:
    """Preview the tables in order; the first is the one whose rows are chosen, by rule and days (None: all).

    Args:
        step: of :func:`open_preview`.
        contracts: silver tables, each after those that it reads.
        rule: only rows that broke this rule are chosen.
        chosen_days: only rows of these days are chosen.
    """
    step.latest |= step.lake.ledger.latest({str(name) for contract in contracts for name in (contract.name, *reads_of(contract))})
    for contract in contracts:
        is_first = contract is contracts[0]
        yield _previewed(step, contract, rule if is_first else None, chosen_days if is_first else ())


def _previewed(step: Step, contract: Contract, rule: str | None, chosen_days: Collection[date] | None) -> Preview:
    batch = silver_batch(step, contract)
    staged = stage(batch.frame)
    judged = batch.gate.judge(figures(staged, contract, batch.total), batch.days)
    held = {day: at_gate.reason for day, at_gate in judged.items() if at_gate.reason}
    lines = _lines(step.lake, contract, staged, rule, chosen_days)
    _show(step, batch, staged, judged)
    return Preview(contract, tuple(lines), held)


def _lines(lake: Lakehouse, contract: Contract, staged: DataFrame, rule: str | None, chosen_days: Collection[date] | None) -> Iterator[PreviewLine]:
    """Counts, by a job over the staged rows: however many are kept aside, few lines come back."""
    from pyspark.sql import functions as F  # noqa: PLC0415

    is_chosen = F.col("state") == "open"
    if rule is not None:
        is_chosen &= F.exists("errors", lambda error: error["rule_id"] == rule)
    if chosen_days is not None:
        is_chosen &= F.expr(days_predicate("partition", chosen_days))
    name = TableName("quarantine", contract.table)
    aside = load_table(lake.spark, lake.path(name)).where("state <> 'replayed'")
    known = aside.select(F.col("source").alias("_source"), F.col("source_position").alias("_source_position"), is_chosen.alias("_is_chosen"))
    rows = staged.withColumn("_rules", F.array_sort(F.transform("_errors", lambda error: error["rule_id"])))
    joined = rows.join(F.broadcast(known), ["_source", "_source_position"], "left").where("_is_chosen IS NOT NULL OR _outcome = 'quarantined'")
    was_aside, chosen = F.col("_is_chosen").isNotNull().alias("was_aside"), F.coalesce("_is_chosen", F.lit(False)).alias("is_chosen")
    for row in joined.groupBy("_partition_date", was_aside, chosen, "_outcome", "_rules").count().collect():
        day, aside_before, picked, outcome, rules, count = row
        yield PreviewLine(day, aside_before, picked, outcome, tuple(rules), count)


def _show(step: Step, batch: Batch, staged: DataFrame, judged: dict[date, Day]) -> None:
    """Let the tables after this one see it as it would be: the days that would be published, with their rows."""
    from pyspark.sql import functions as F  # noqa: PLC0415

    contract, lake = batch.contract, step.lake
    good = [day for day, at_gate in judged.items() if not at_gate.reason]
    published = staged.where("_outcome = 'published'").where(days_predicate("_partition_date", good))
    rows = stage(batch.output(published)) if batch.output else published
    typed = rows.withColumn("_run_id", F.lit(RUN)).select(*[F.col(each.name).cast(each.type).alias(each.name) for each in contract.columns])
    if isinstance(lake, PreviewLake):
        lake.shown[contract.name] = (typed, good)  # of a day that would be held, what is there stays
    for day, at_gate in judged.items():
        state = "held" if at_gate.reason else "published"
        step.latest[str(contract.name), day] = LedgerRow(str(contract.name), day, RUN, state, now(), contract.version, reason=at_gate.reason)
