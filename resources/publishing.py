"""Publishing: the only way into a table.

Staged rows are judged by day; then, in this order, quarantine, the table and (by the caller, once a step) the ledger are committed. A day that
may not be published keeps what it had; the other days go on. The table's commit carries the ledger's figures, so that a crash between
the commits loses nothing.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

from globalbev_assets.contracts.model import Contract
from globalbev_assets.errors import TransientError
from globalbev_assets.transforms.outcomes import group_key
from partitions.days import now
from resources.commits import DayContent, days_between, held_contents
from resources.delta_sql import days_predicate, merge
from resources.drift.record import DriftRow
from resources.failpoints import failpoint
from resources.gate import Day, Gate, results
from resources.lakehouse import Lakehouse
from resources.lease import Leases, NoLeases
from resources.ledger import DqResult, LedgerRow
from resources.logs.events import emit
from resources.quarantine import write_quarantine
from resources.spark import session_id, settle
from resources.staging import figures, stage
from resources.table_frames import load_table, save_table

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

Output = Callable[["DataFrame"], "DataFrame"]


@dataclass(frozen=True)
class Batch:
    """Rows of one table to publish, for exactly these days.

    ``frame`` holds the contract's columns and ``_partition_date`` (business day), ``_outcome``, ``_errors``, ``_warnings``. ``output`` makes table rows of
    published source rows where one becomes several or several one. ``replaced_sources``: files whose rows must leave the table, with the day of
    the delivery that replaces each. ``against``: the version of the table before anything was read for the frame, 0 where there was no table; None
    where nobody else may be writing.
    """

    contract: Contract
    frame: DataFrame
    days: Sequence[date]
    gate: Gate
    output: Output | None = None
    replaced_sources: Mapping[str, date] = field(default_factory=dict)
    total: str | None = None
    against: int | None = None


@dataclass
class TableResult:
    """What became of one table in a step."""

    contract: Contract
    rows: list[LedgerRow] = field(default_factory=list)
    results: list[DqResult] = field(default_factory=list)
    error: BaseException | None = None
    drift: Sequence[DriftRow] | None = None  # what is open of its schema drift, where the step tells it

    @property
    def failed_days(self) -> dict[date, str]:
        """Days that were not published, with the reason."""
        return {row.business_day: row.reason for row in self.rows if not row.is_readable}


@dataclass(frozen=True)
class Publisher:
    """Publishes batches into one lake, in the name of one run."""

    lake: Lakehouse
    leases: Leases | NoLeases
    run_id: str

    def publish(self, batch: Batch) -> TableResult:
        """Stage, judge and commit; the ledger rows are returned, not yet recorded."""
        started = time.monotonic()
        contract = batch.contract
        self.lake.refuse_when_ended()
        staged = stage(batch.frame)
        judged = batch.gate.judge(figures(staged, contract, batch.total), batch.days)
        good = {day for day, at_gate in judged.items() if not at_gate.reason}
        if contract.is_snapshot and good:  # of those that may be published: yesterday's picture is better than the one before
            good &= newest_only(good, batch.gate.history)
        self.lake.ensure_table(contract)
        spark = self.lake.spark
        with self.leases.hold(contract.name, session_id(spark), self.run_id, lambda: settle(self.lake.settings, spark)):
            # All that follows is in the lease, so that the order of the ledger's rows is the order of the commits.
            found = self.lake.version(contract.name)
            self.lake.evolve_table(contract)
            unchanged = self._unchanged(batch, judged, good)
            self._refuse_when_overtaken(batch, good - set(unchanged), found)
            version, expanded = self._commit(batch, staged, judged, good - set(unchanged))
            recorded_at = now()
        common = LedgerRow(
            str(contract.name),
            min(batch.days),
            self.run_id,
            "",
            recorded_at,
            contract.version,
            duration_s=(time.monotonic() - started) / max(len(judged), 1),
        )
        rows = [
            replace(
                _counted(common, at_gate),
                state=_state(day, at_gate, unchanged),
                delta_version=unchanged.get(day, version if day in good else None),
                expanded_to=expanded.get(day, 0),
            )
            for day, at_gate in judged.items()
        ]
        return TableResult(contract, rows, results(contract, judged, self.run_id, recorded_at, batch.gate.history))

    def _unchanged(self, batch: Batch, judged: Mapping[date, Day], days: Collection[date]) -> dict[date, int]:
        """Days of which the table has this very content, under this version of the contract, with the version that brought it."""
        contract = batch.contract
        if self._has_replaced_rows(batch, days):
            return {}
        held = held_contents(self.lake.path(contract.name), batch.gate.history, days, self.lake.log)
        staged = {day: judged[day].figures for day in days}
        same = {day: DayContent(contract.version, counted.quarantined, counted.warned, counted.content_hash) for day, counted in staged.items()}
        known = {day: held[day].version for day in days if day in held and held[day] == same[day]}
        if contract.is_snapshot:  # one content for the whole table: that of its last commit
            known = {day: version for day, version in known.items() if version == self.lake.version(contract.name)}
        return known

    def _has_replaced_rows(self, batch: Batch, days: Collection[date]) -> bool:
        """Whether the table still holds rows of a file that a good delivery of these days replaces."""
        gone = replaced_by(batch, days)
        if not gone or self.lake.is_empty(batch.contract.name):
            return False
        return not self.lake.read(batch.contract.name).where(_is_of(gone)).isEmpty()

    def _commit(self, batch: Batch, staged: DataFrame, judged: Mapping[date, Day], days: set[date]) -> tuple[int | None, dict[date, int]]:
        contract = batch.contract
        if not days:
            return None, {}
        self.lake.refuse_when_ended()
        chosen = staged.where(days_predicate("_partition_date", days)) if days != set(batch.days) else staged
        rejected = {day for day in days if judged[day].figures.quarantined}
        failpoint("publish.before_quarantine")
        if contract.layer == "silver":
            write_quarantine(self.lake, contract, chosen, days, has_rejected=bool(rejected), run_id=self.run_id, replaced=replaced_by(batch, days))
        failpoint("publish.after_quarantine")
        metadata = self._metadata(contract, judged, days)
        published, started = chosen.where("_outcome = 'published'"), time.monotonic()
        table_rows = stage(batch.output(published)) if batch.output else published
        if contract.is_keyed:
            self._merge(batch, published, table_rows, metadata, replaced_by(batch, days))
        else:
            self._replace(contract, table_rows, days, metadata)
        failpoint("publish.after_table")
        version = self.lake.version(contract.name)
        emit("table.committed", version=version, day_count=len(days), duration_s=time.monotonic() - started)
        return version, _expanded(table_rows) if batch.output else {}

    def _refuse_when_overtaken(self, batch: Batch, days: Collection[date], version: int | None) -> None:
        """The rows were read before the lease, which found the table at ``version``; a run that committed the same days in between may have read newer ones.

        Of a keyed table any commit counts: what the table held decided which versions of a key are superseded.
        """
        name = batch.contract.name
        if not days or batch.against is None or not version or version == batch.against:
            return
        if not batch.contract.is_keyed and not days_between(self.lake.path(name), batch.against, version, days, self.lake.log):
            return
        raise TransientError(
            "GB-1240",
            "Another writer committed to the table at the same time.",
            got=f"version {version} of {name}",
            valid=f"version {batch.against}, which the table had when reading began",
            todo="Run again.",
        )

    def _replace(self, contract: Contract, rows: DataFrame, days: Collection[date], metadata: str) -> None:
        """Replace exactly these days in one commit: clears a day that became empty, rejects a row of another day."""
        complete = self._columns(contract, rows)
        if contract.partition_column:  # else every task writes a file for every day
            complete = complete.hint("rebalance", contract.partition_column)
        writer = complete.write.format("delta").mode("overwrite").option("userMetadata", metadata)
        if contract.date_column is not None:
            writer = writer.option("replaceWhere", days_predicate(contract.date_column, days))
        save_table(writer, self.lake.path(contract.name))

    def _merge(self, batch: Batch, published: DataFrame, rows: DataFrame, metadata: str, replaced: Collection[str]) -> None:
        """Merge by key; an append while the table is empty (2 s less)."""
        from pyspark.sql import functions as F  # noqa: PLC0415

        contract, target = batch.contract, self.lake.path(batch.contract.name)
        complete = self._columns(contract, rows)
        if self.lake.is_empty(contract.name):
            save_table(complete.write.format("delta").mode("append").option("userMetadata", metadata), target)
            return
        source = complete.withColumn("_is_deleted", F.lit(False))
        gone = self._gone(batch, published, complete, replaced)
        if gone is not None:
            source = source.unionByName(gone.withColumn("_is_deleted", F.lit(True)))
        view = f"merge_{uuid.uuid4().hex}"
        source.createOrReplaceTempView(view)
        try:
            self.lake.spark.conf.set("spark.databricks.delta.commitInfo.userMetadata", metadata)
            self.lake.spark.sql(merge(target, view, contract.key, columns=contract.column_names, withdrawn=replaced))
        finally:
            self.lake.spark.conf.unset("spark.databricks.delta.commitInfo.userMetadata")
            self.lake.spark.catalog.dropTempView(view)

    def _gone(self, batch: Batch, published: DataFrame, rows: DataFrame, replaced: Collection[str]) -> DataFrame | None:
        """Rows of the table that the batch takes away: what a newer version of their group no longer has, and what a replaced file had brought.

        The groups are those of the published source rows, which may have become no table row at all.
        """
        from pyspark.sql import functions as F  # noqa: PLC0415

        contract, group = batch.contract, group_key(batch.contract)
        is_grouped = tuple(group) != contract.key
        if not is_grouped and not replaced:
            return None
        held = load_table(self.lake.spark, self.lake.path(contract.name))
        absent = held.join(rows.select(*contract.key).distinct(), list(contract.key), "left_anti")
        is_replaced = _is_of(replaced)
        if not is_grouped:
            return self._columns(contract, absent.where(is_replaced))
        groups = published.select(*group).distinct().withColumn("_in_batch", F.lit(True))
        joined = absent.join(groups, list(group), "left").where(F.coalesce("_in_batch", F.lit(False)) | is_replaced)
        return self._columns(contract, joined)

    def _columns(self, contract: Contract, rows: DataFrame) -> DataFrame:
        """Exactly the contract's columns, in order and of its types."""
        from pyspark.sql import functions as F  # noqa: PLC0415

        stamped = rows.withColumn("_run_id", F.lit(self.run_id))
        return stamped.select(*[F.col(column.name).cast(column.type).alias(column.name) for column in contract.columns])

    def _metadata(self, contract: Contract, judged: Mapping[date, Day], days: Collection[date]) -> str:
        """What the commit says of itself; ``doctor`` rebuilds lost ledger rows from it."""
        rows = {str(day): [judged[day].rows_in, *_counts(judged[day])] for day in sorted(days)}
        return json.dumps({"run_id": self.run_id, "table": str(contract.name), "contract": contract.version, "days": rows}, separators=(",", ":"))


def newest_only(days: Collection[date], history: Mapping[date, LedgerRow]) -> set[date]:
    """Of the days of a table that shows one day as a whole: the newest, unless a newer one was published before. An older day would take it away."""
    newest = max(days)
    later = [day for day, row in history.items() if day > newest and row.is_readable and row.published]
    return set() if later else {newest}


def replaced_by(batch: Batch, days: Collection[date]) -> list[str]:
    """The files whose rows leave the table with these days: only a delivery that is published itself replaces another."""
    return sorted(name for name, by in batch.replaced_sources.items() if by in days)


def _is_of(sources: Collection[str]) -> Column:
    from pyspark.sql import functions as F  # noqa: PLC0415

    return F.col("_source").isin(sorted(sources)) if sources else F.lit(False)


def _expanded(table_rows: DataFrame) -> dict[date, int]:
    """Rows of the table by business day, where one source row becomes several or several one."""
    return {row["_partition_date"]: row["count"] for row in table_rows.groupBy("_partition_date").count().collect()}


def _counted(row: LedgerRow, at_gate: Day) -> LedgerRow:
    counted = at_gate.figures
    return replace(
        row,
        business_day=counted.day,
        rows_in=at_gate.rows_in,
        published=counted.published,
        quarantined=counted.quarantined,
        deduplicated=counted.deduplicated,
        superseded=counted.superseded,
        unaccounted=at_gate.unaccounted,
        warned=counted.warned,
        reason=at_gate.reason,
        content_hash=counted.content_hash,
    )


def _state(day: date, at_gate: Day, unchanged: Collection[date]) -> str:
    if at_gate.reason:
        return "held"
    if at_gate.rows_in == 0 and at_gate.figures.rows_in == 0:
        return "no_source_data"
    return "unchanged" if day in unchanged else "published"


def _counts(at_gate: Day) -> list[int | str]:
    counted = at_gate.figures
    return [counted.published, counted.quarantined, counted.deduplicated, counted.superseded, counted.warned, counted.content_hash]
