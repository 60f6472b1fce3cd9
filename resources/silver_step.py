"""Silver: bronze rows of the days that the ledger lets be read, judged and published, one row a key."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import TableName
from globalbev_assets.transforms.outcomes import REPLACED, group_key
from globalbev_assets.transforms.registry import Transform
from globalbev_assets.transforms.silver import judged
from globalbev_assets.transforms.tables import transform_of
from resources.drift.hold import held_by_drift
from resources.drift.record import Drifts
from resources.gate import Gate
from resources.publishing import Batch, TableResult
from resources.replays import with_replays
from resources.steps import Step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def publish_silver(step: Step, contract: Contract) -> TableResult:
    """Publish one silver table for the step's days, and for the days whose quarantined rows refer to what has come meanwhile."""
    return step.publisher.publish(silver_batch(step, contract))


def silver_batch(step: Step, contract: Contract) -> Batch:
    """What :func:`publish_silver` publishes: every bronze row with its outcome, and the gate."""
    from pyspark.sql import functions as F  # noqa: PLC0415

    source = TableName.parse(contract.source.options["table"])
    transform = transform_of(contract.name)
    step = with_replays(step, contract, transform.reads_days)
    bronze_contract = step.lake.book[source]
    replaced = _replaced_sources(step, source) if bronze_contract.source.kind == "file_feed" else {}
    if contract.is_keyed:
        step = replace(step, days=sorted({*step.days, *_held_elsewhere(step, contract, source, _taken_away(step, replaced))}))
    step.lake.ensure_table(contract)
    refused = _refused(step, source, transform)
    arrived = {day: row.published for day, row in step.history(source).items() if day in step.days and day not in refused}
    filled = sorted(day for day, rows in arrived.items() if rows)
    bronze = step.lake.read(source, filled)
    is_delivered = bronze_contract.source.kind != "database" or bronze_contract.source.options.get("mode") != "full"
    if bronze_contract.source.kind == "file_feed":
        bronze = bronze.withColumn(REPLACED, F.col("_source").isin(sorted(replaced)) if replaced else F.lit(False))
    refs = _references(step, contract, transform, filled)
    taken_away = _taken_away(step, replaced)
    frame = judged(contract, bronze, transform, refs, is_delivered=is_delivered, held=_held(step, contract, taken_away), cut=step.lake.cut)
    gate = Gate(contract, step.history(contract.name), arrived, refused)
    return Batch(contract, frame, step.days, gate, transform.output, taken_away, against=step.seen_of(contract))


def _refused(step: Step, source: TableName, transform: Transform) -> dict[date, str]:
    """Days whose rows, or whose parents' rows, may not be read, or that were read from a source that is not what its contract says."""
    needed = [source, *(TableName.parse(name) for name in transform.reads_days if name.startswith("silver."))]
    drifted = held_by_drift(Drifts(step.lake.settings.lake_root, log=step.lake.log).rows([str(source)]), step.history(source), step.days)
    return {day: why for name in reversed(needed) for day, why in step.unreadable(name).items()} | drifted


def _references(step: Step, contract: Contract, transform: Transform, days: list[date]) -> Mapping[str, DataFrame]:
    named = {rule.reference for rule in contract.rules if rule.reference} | {TableName.parse(name) for name in transform.reads}
    found = {str(name): step.lake.read(name) for name in named}
    return found | {name: step.lake.read(TableName.parse(name), days) for name in transform.reads_days}


def _taken_away(step: Step, replaced: Mapping[str, date]) -> dict[str, date]:
    """Of the replaced files, those whose correction was delivered in the step's days."""
    return {name: by for name, by in replaced.items() if by in step.days}


def _held_elsewhere(step: Step, contract: Contract, source: TableName, taken_away: Collection[str]) -> set[date]:
    """Days of bronze with other versions of what a correction takes away: one that leaves a key out lets the version before it come back.

    A key is told by its text, trimmed and in lower case, as it is in bronze.
    """
    from pyspark.sql import functions as F  # noqa: PLC0415

    if not taken_away or step.lake.is_empty(contract.name):
        return set()
    group = group_key(contract)
    names = {name: contract.column(name).source or name for name in group}
    gone = step.lake.read(contract.name).where(F.col("_source").isin(sorted(taken_away)))
    keys = gone.select(*[F.lower(F.col(name).cast("string")).alias(f"_key_{name}") for name in group]).distinct()
    bronze = step.lake.read(source).where(~F.col("_source").isin(sorted(taken_away)))
    rows = bronze.select("_partition_date", *[F.lower(F.trim(names[name])).alias(f"_key_{name}") for name in group])
    found = rows.join(F.broadcast(keys), [f"_key_{name}" for name in group], "left_semi").select("_partition_date").distinct().collect()
    known = step.history(source)
    return {row[0] for row in found if row[0] in known and known[row[0]].is_readable}


def _held(step: Step, contract: Contract, taken_away: Collection[str]) -> DataFrame | None:
    """Newest version of each group that the table holds and keeps; None for tables that are replaced by day, and while there is nothing."""
    if not contract.is_keyed:
        return None
    if step.lake.is_empty(contract.name):
        return None
    from pyspark.sql import functions as F  # noqa: PLC0415

    kept = step.lake.read(contract.name).where(~F.col("_source").isin(sorted(taken_away))) if taken_away else step.lake.read(contract.name)
    return kept.groupBy(*group_key(contract)).agg(F.max("_version").alias("_held_version"))


def _replaced_sources(step: Step, source: TableName) -> dict[str, date]:
    """Files that a later delivery of the same name replaces, with the day of that delivery; a list of file names, from bronze."""
    rows = step.lake.read(source).select("_source", "_partition_date").distinct().collect()
    newest: dict[str, tuple[date, str]] = {}
    for row in rows:
        name = row["_source"].rsplit("/", 1)[-1]
        newest[name] = max(newest.get(name, (date.min, "")), (row["_partition_date"], row["_source"]))
    return {
        row["_source"]: newest[row["_source"].rsplit("/", 1)[-1]][0] for row in rows if newest[row["_source"].rsplit("/", 1)[-1]][1] != row["_source"]
    }
