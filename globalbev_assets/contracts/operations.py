"""Contracts of the tables that the lakehouse keeps about itself: one quarantine a silver table, the ledger, the rules' results."""

from __future__ import annotations

from globalbev_assets.contracts.model import Column, Contract, Source
from globalbev_assets.contracts.names import TableName

OWNER, TEAM = "data-platform@globalbev.example", "data-platform"
FIVE_YEARS = 5 * 365
ERRORS_TYPE = "array<struct<rule_id:string,severity:string,column:string>>"
VERSION = "1.0.0"


def quarantine_contract(contract: Contract) -> Contract:
    """The contract of a silver table's quarantine: one row a rejected source row."""
    return Contract(
        name=TableName("quarantine", contract.table),
        version=VERSION,
        domain=contract.domain,
        description=f"One row a source row that {contract.name} rejected, with every rule that it broke; a later run keeps when it was first seen.",
        owner=contract.owner,
        team=contract.team,
        columns=_QUARANTINE,
        source=Source("operations"),
        upstream=(contract.name,),
        date_column="partition",
        retention_days=contract.retention_days,
        erasure=contract.erasure,
        business="What has to be mended at the source, or decided by hand.",
    )


def operations_contracts() -> tuple[Contract, ...]:
    """The contracts of ``ops.ledger`` and ``ops.dq_results``."""
    return (
        _operations(
            "ledger", "One row a table, business day and run: what became of each source row.", _LEDGER, ("table_name", "business_day", "run_id")
        ),
        _operations("dq_results", "One row a rule or limit, table, business day and run: what it saw and whether that passed.", _DQ_RESULTS, ()),
    )


def _operations(table: str, description: str, columns: tuple[Column, ...], key: tuple[str, ...]) -> Contract:
    return Contract(
        name=TableName("ops", table),
        version=VERSION,
        domain="operations",
        description=description,
        owner=OWNER,
        team=TEAM,
        columns=tuple(_as_key(column) if column.name in key else column for column in columns),
        source=Source("operations"),
        date_column="business_day",
        retention_days=FIVE_YEARS,
        business="Whether the figures of a day may be trusted.",
    )


def _as_key(column: Column) -> Column:
    return Column(column.name, column.type, column.description, is_nullable=False, is_key=True)


_QUARANTINE = (
    Column("table_name", "string", "Table that rejected the row."),
    Column("source", "string", "File or query that the row came from.", is_nullable=False, is_key=True),
    Column("source_position", "string", "Record number in the file, or key of the database row.", is_nullable=False, is_key=True),
    Column("partition", "date", "Day under which Bronze stores the row."),
    Column("errors", ERRORS_TYPE, "Every rule that the row broke, with the rule's severity and column."),
    Column("record", "string", "The source row as JSON, personal data masked: for reading. A replay takes the row from Bronze."),
    Column("state", "string", "open, replayed (no longer rejected since) or discarded (given up by hand, until the row or its errors change)."),
    Column("first_seen", "timestamp", "When a run first rejected it."),
    Column("last_seen", "timestamp", "When a run last looked at it."),
    Column("attempts", "int", "Runs that have rejected it."),
    Column("contract_version", "string", "Version of the contract whose rules it broke."),
    Column("run_id", "string", "Run that last rejected it."),
    Column("decided_by", "string", "Who discarded the row or opened it again by hand."),
    Column("decided_at", "timestamp", "When that was."),
    Column("decision", "string", "Why, in that person's words."),
)
_LEDGER = (
    Column("table_name", "string", "Table, as layer.table."),
    Column("business_day", "date", "Business day."),
    Column("run_id", "string", "Run that did the work."),
    Column("state", "string", "published, unchanged (same content as before), held (a blocking limit broke), failed or no_source_data."),
    Column("recorded_at", "timestamp", "When this row was written."),
    Column("contract_version", "string", "Version of the contract that was applied."),
    Column("rows_in", "bigint", "Source rows of the day."),
    Column("published", "bigint", "Source rows that were published."),
    Column("quarantined", "bigint", "Source rows that were kept aside."),
    Column("deduplicated", "bigint", "Source rows that say the same as another one."),
    Column("superseded", "bigint", "Source rows of which there is a newer version."),
    Column("unaccounted", "bigint", "Source rows without an outcome: 0, or the day is held."),
    Column("expanded_to", "bigint", "Table rows that were made, where a source row becomes several."),
    Column("warned", "bigint", "Published source rows that break a rule which only warns."),
    Column("reason", "string", "Why the day is held or failed."),
    Column("delta_version", "bigint", "Version of the table that the day was published with."),
    Column("content_hash", "string", "Hash of what was published, without technical columns."),
    Column("duration_s", "double", "Seconds that the work took, shared among the days of its range."),
)
_FIGURE = "decimal(18,6)"
_DQ_RESULTS = (
    Column("table_name", "string", "Table, as layer.table."),
    Column("rule_id", "string", "The contract's name of the rule or limit."),
    Column("kind", "string", "row (observed counts rows) or day (observed is the figure)."),
    Column("column", "string", "Column that the rule is about."),
    Column("business_day", "date", "Business day."),
    Column("run_id", "string", "Run that judged it."),
    Column("severity", "string", "error or warn."),
    Column("observed", _FIGURE, "What was seen."),
    Column("limit_minimum", _FIGURE, "Least that is allowed."),
    Column("limit_maximum", _FIGURE, "Most that is allowed."),
    Column("previous", _FIGURE, "What was seen the time before."),
    Column("passed", "boolean", "Whether that is allowed."),
    Column("blocking", "boolean", "Whether the day is held when it is not."),
    Column("recorded_at", "timestamp", "When this row was written."),
)
