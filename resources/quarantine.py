"""Quarantine: one row a rejected source row, with every rule that it broke; a re-run keeps when it was first seen."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import date
from typing import TYPE_CHECKING

from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import TableName
from globalbev_assets.contracts.operations import quarantine_contract
from resources.delta_log import FolderLog
from resources.delta_sql import days_predicate, quoted, table_at, text_literal
from resources.lakehouse import Lakehouse
from resources.table_frames import save_table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MASKED = "***"
DECISION = ("decided_by", "decided_at", "decision")


def write_quarantine(  # noqa: PLR0913  they are the parts of one statement
    lake: Lakehouse,
    contract: Contract,
    staged: DataFrame,
    days: Collection[date],
    *,
    has_rejected: bool,
    run_id: str,
    replaced: Collection[str] = (),
) -> None:
    """Merge the rejected rows of these days; rows of these days, and of ``replaced`` files, that are rejected no more become ``replayed``.

    Only where something is or was in it: no commit otherwise.
    """
    from pyspark.sql import functions as F  # noqa: PLC0415

    shape = quarantine_contract(contract)
    name = TableName("quarantine", contract.table)
    lake.ensure_table(shape)
    lake.log.add_missing_columns(lake.path(name), shape)
    is_empty = lake.is_empty(name)
    if is_empty and not has_rejected:
        return
    rejected = staged.where("_outcome = 'quarantined'").select(
        F.lit(str(contract.name)).alias("table_name"),
        F.col("_source").alias("source"),
        F.col("_source_position").alias("source_position"),
        F.col("_partition_date").alias("partition"),
        F.col("_errors").alias("errors"),
        _record(contract, staged).alias("record"),
        F.lit("open").alias("state"),
        F.current_timestamp().alias("first_seen"),
        F.current_timestamp().alias("last_seen"),
        F.lit(1).alias("attempts"),
        F.lit(contract.version).alias("contract_version"),
        F.lit(run_id).alias("run_id"),
        *[F.lit(None).cast(column.type).alias(column.name) for column in shape.columns if column.name in DECISION],
    )
    if is_empty:
        save_table(rejected.write.format("delta").mode("append"), lake.path(name))
        return
    view = f"rejected_{uuid.uuid4().hex}"
    rejected.createOrReplaceTempView(view)
    try:
        lake.spark.sql(_merge(lake.path(name), view, days, replaced))
    finally:
        lake.spark.catalog.dropTempView(view)


def add_missing_columns(path: str, shape: Contract) -> None:
    """For a table in a folder: see :meth:`resources.delta_log.DeltaLog.add_missing_columns`."""
    FolderLog().add_missing_columns(path, shape)


def _record(contract: Contract, staged: DataFrame):  # type: ignore[no-untyped-def]
    """The source row as JSON for reading, personal data masked; a replay takes the row from bronze."""
    from pyspark.sql import functions as F  # noqa: PLC0415

    personal = {column.source or column.name for column in contract.columns if column.is_pii}
    personal |= {name.removeprefix("raw_") for name in personal} | set(contract.source.options.get("personal", ()))
    names = staged.schema["_raw"].dataType.fieldNames()  # type: ignore[attr-defined]
    fields = [
        F.when(F.col(f"_raw.{name}").isNotNull(), F.lit(MASKED)).alias(name) if name in personal else F.col(f"_raw.{name}").alias(name)
        for name in names
    ]
    return F.to_json(F.struct(*fields))


def _merge(target: str, view: str, days: Collection[date], replaced: Collection[str]) -> str:
    """What somebody discarded stays discarded while row and errors are the same; another row, or another error, wants another look.

    Rows of these days, and of replaced files, that are not among the rejected are rejected no more.
    """
    is_over = days_predicate("partition", days).replace("`partition`", "t.`partition`")
    if replaced:
        is_over = f"({is_over} OR t.source IN ({', '.join(text_literal(source) for source in sorted(replaced))}))"
    updated = ("errors", "record", "contract_version", "run_id", "last_seen", "partition")
    values = ", ".join(f"t.{quoted(name)} = s.{quoted(name)}" for name in updated)
    is_as_decided = "t.state = 'discarded' AND t.record <=> s.record AND t.errors <=> s.errors"
    return "\n".join(
        [
            f"MERGE INTO {table_at(target)} t USING {view} s ON t.source = s.source AND t.source_position = s.source_position",
            f"WHEN MATCHED THEN UPDATE SET {values}, t.attempts = t.attempts + 1, t.state = CASE WHEN {is_as_decided} THEN t.state ELSE 'open' END",
            "WHEN NOT MATCHED THEN INSERT *",
            f"WHEN NOT MATCHED BY SOURCE AND t.state <> 'replayed' AND {is_over}",
            "THEN UPDATE SET t.state = 'replayed', t.last_seen = current_timestamp()",
        ]
    )
