"""A contract as a schema: for Spark, for Delta's log, for a CREATE TABLE statement. No session, and PySpark only where its types are asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from globalbev_assets.contracts.model import Column, Contract
from globalbev_assets.contracts.types import SqlType, delta_type, parse_type

if TYPE_CHECKING:
    from pyspark.sql.types import DataType, StructType

FILTER_TAG = "filter"
LOG_RETENTION_DAYS, FILE_RETENTION_DAYS = 30, 7


def struct_type(contract: Contract) -> StructType:
    """The table's columns, technical ones included, as Spark's type."""
    from pyspark.sql.types import StructField, StructType  # noqa: PLC0415

    return StructType([StructField(column.name, spark_type(column.type), column.is_nullable, _comment(column)) for column in contract.columns])


def spark_type(text: str) -> DataType:
    """A type's name as Spark's type, without asking a session."""
    from pyspark.sql.types import _parse_datatype_json_value  # noqa: PLC0415

    return _parse_datatype_json_value(delta_type(parse_type(text)))


def delta_schema_json(contract: Contract) -> str:
    """The schema as Delta's log writes it."""
    fields = [
        {"name": column.name, "type": delta_type(parse_type(column.type)), "nullable": column.is_nullable, "metadata": _comment(column)}
        for column in contract.columns
    ]
    return json.dumps({"type": "struct", "fields": fields})


def table_properties(contract: Contract) -> dict[str, str]:
    """Delta's table properties, each said rather than left to the engine: Databricks' defaults differ from the open-source ones.

    Statistics are kept on key, date and filter columns only, and never on personal data: they would keep an address in the log after its erasure.
    Deletion vectors are off: with them VACUUM removes no file that an erasure rewrote.
    """
    indexed = statistics_columns(contract)
    statistics = {"delta.dataSkippingStatsColumns": ",".join(indexed)} if indexed else {"delta.dataSkippingNumIndexedCols": "0"}
    return {
        **statistics,
        "delta.enableDeletionVectors": "false",
        "delta.enableChangeDataFeed": str(contract.has_change_feed).lower(),
        "delta.logRetentionDuration": f"interval {LOG_RETENTION_DAYS} days",
        "delta.deletedFileRetentionDuration": f"interval {FILE_RETENTION_DAYS} days",
    }


def statistics_columns(contract: Contract) -> tuple[str, ...]:
    """The columns on which Delta keeps statistics; its partition column has its own."""
    referring = {rule.column for rule in contract.rules if rule.reference}
    wanted = {*contract.key, contract.date_column, *referring}
    return tuple(column.name for column in contract.columns if (column.name in wanted or FILTER_TAG in column.tags) and _may_be_indexed(column))


def column_ddl(contract: Contract) -> str:
    """The column list of a CREATE TABLE statement, with NOT NULL and comments."""
    return ", ".join(_column_ddl(column) for column in contract.columns)


def nullable_column_ddl(column: Column) -> str:
    """A column as ALTER TABLE adds it: rows that are there have NULL in it."""
    return _column_ddl(replace(column, is_nullable=True))


def create_statement(contract: Contract, target: str) -> str:
    """CREATE TABLE IF NOT EXISTS.

    Args:
        contract: the table's.
        target: the table as SQL names it, quoted: ``delta.`/path``` or ``catalog.layer.table``.
    """
    properties = ", ".join(f"{_text(name)} = {_text(value)}" for name, value in table_properties(contract).items())
    parts = [f"CREATE TABLE IF NOT EXISTS {target} ({column_ddl(contract)}) USING DELTA"]
    parts += [f"PARTITIONED BY (`{contract.partition_column}`)"] if contract.partition_column else []
    parts += [f"COMMENT {_text(contract.description)}", f"TBLPROPERTIES ({properties})"]
    return "\n".join(parts)


def type_ddl(kind: SqlType) -> str:
    """The type as SQL writes it."""
    if kind.name == "decimal":
        return f"DECIMAL({kind.precision},{kind.scale})"
    if kind.name == "struct":
        fields = zip(kind.names, kind.parts, strict=True)
        return f"STRUCT<{', '.join(f'`{name}`: {type_ddl(part)}' for name, part in fields)}>"
    inner = ", ".join(type_ddl(part) for part in kind.parts)
    return f"{kind.name.upper()}<{inner}>" if inner else kind.name.upper()


def _column_ddl(column: Column) -> str:
    parts = [f"`{column.name}`", type_ddl(parse_type(column.type))]
    parts += [] if column.is_nullable else ["NOT NULL"]
    parts += [f"COMMENT {_text(column.description)}"] if column.description else []
    return " ".join(parts)


def _may_be_indexed(column: Column) -> bool:
    return not column.is_pii and not column.is_partition and parse_type(column.type).has_statistics


def _comment(column: Column) -> dict[str, Any]:
    return {"comment": column.description} if column.description else {}


def _text(value: str) -> str:
    """A string literal of Spark SQL."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"
