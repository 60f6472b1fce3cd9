"""Contracts of the tables that the lakehouse keeps about itself: one quarantine a silver table, the ledger, the rules' results."""

from __future__ import annotations

from dataclasses import replace

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
    """The contracts of ``ops.ledger``, ``ops.dq_results`` and the records of the sensors."""
    return (
        _operations(
            "freshness",
            "One row whenever a table or its source turns late or fresh, or another day becomes due of it.",
            _FRESHNESS,
            ("table_name", "subject", "recorded_at"),
            "expected_day",
        ),
        _operations(
            "ledger", "One row a table, business day and run: what became of each source row.", _LEDGER, ("table_name", "business_day", "run_id")
        ),
        _operations("dq_results", "One row a rule or limit, table, business day and run: what it saw and whether that passed.", _DQ_RESULTS, ()),
        replace(
            _operations("alerts", "One row an incident or a message about one, in its newest state.", _ALERTS, ("alert_id",), "first_day"),
            retention_days=180,
            business="What the people on call were told, and what is still open.",
        ),
        schema_drift_contract(),
    )


def schema_drift_contract() -> Contract:
    """The contract of ``ops.schema_drift``."""
    return replace(
        _operations(
            "schema_drift",
            "One row a difference between a source and its contract, from when it was first seen until it is over.",
            _SCHEMA_DRIFT,
            ("drift_id", "opened_at"),
        ),
        date_column=None,
        business="Which days of silver wait for a decision, and for which.",
    )


def _operations(table: str, description: str, columns: tuple[Column, ...], key: tuple[str, ...], day: str = "business_day") -> Contract:
    return Contract(
        name=TableName("ops", table),
        version=VERSION,
        domain="operations",
        description=description,
        owner=OWNER,
        team=TEAM,
        columns=tuple(_as_key(column) if column.name in key else column for column in columns),
        source=Source("operations"),
        date_column=day,
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
    Column("previous", _FIGURE, "Rows that the day had in the run before; of limits on its rows and volume alone."),
    Column("passed", "boolean", "Whether that is allowed."),
    Column("blocking", "boolean", "Whether the day is held when it is not."),
    Column("recorded_at", "timestamp", "When this row was written."),
)
_FRESHNESS = (
    Column("table_name", "string", "Table, as layer.table."),
    Column("subject", "string", "partition (the table itself) or source (what the table is read from)."),
    Column("state", "string", "fresh (the expected day is there) or late."),
    Column("previous_state", "string", "What it was before; empty for the first row."),
    Column("reason", "string", "What was found."),
    Column("owner", "string", "Who owns the table."),
    Column("expected_day", "date", "Business day, or day of delivery, that was due."),
    Column("due_at", "timestamp", "When it was due."),
    Column("late_s", "double", "Seconds that it was late when this was recorded; counted from the first of the days in a row that did not come."),
    Column("recorded_at", "timestamp", "When the sensor saw it."),
)
_ALERTS = (
    Column("alert_id", "string", "Name of the incident or of the message; a message's is its idempotency key."),
    Column("kind", "string", "incident or message."),
    Column("state", "string", "Of an incident: open or over. Of a message: waiting or sent."),
    Column("table_name", "string", "Table whose rule is broken, as layer.table; empty for messages."),
    Column(
        "rule_id", "string", "The contract's name of the rule or limit, or what else happened: run_failed, run_too_long, freshness, schema_drift."
    ),
    Column("severity", "string", "error or warn."),
    Column("first_day", "date", "First day on which the rule was broken."),
    Column("last_day", "date", "Last day on which it was broken."),
    Column("days", "string", "All these days, as ranges."),
    Column("run_id", "string", "Newest run in which it was broken."),
    Column("opened_at", "timestamp", "When the incident was first seen, or the message was recorded."),
    Column("closed_at", "timestamp", "When the incident was over."),
    Column("title", "string", "First line of the message."),
    Column("attempts", "bigint", "Of an incident: reminders. Of a message: attempts to send it, over all channels."),
    Column("next_attempt_at", "timestamp", "When the message is tried again."),
    Column("recorded_at", "timestamp", "When this row was written."),
    Column("document", "string", "All of it as JSON, for the sensor; no values of rows, no addresses."),
)
_SCHEMA_DRIFT = (
    Column("drift_id", "string", "Short name of the difference; the same difference has it every time."),
    Column("table_name", "string", "Bronze table that is read from the source."),
    Column("kind", "string", "missing, renamed (proposed), retyped, format or added."),
    Column("column_name", "string", "The contract's column; the source's name for what was added."),
    Column("found", "string", "What is there now: a type, a form, the new name; never a value."),
    Column("expected", "string", "What the contract says."),
    Column("is_breaking", "boolean", "Whether silver's days of the table are held."),
    Column("evidence", "string", "Why it is thought to be so, in counts."),
    Column("affects", "string", "Silver columns that are made from the column."),
    Column("source", "string", "Table, file or API that was looked at."),
    Column("first_day", "date", "First day of delivery that has it; empty where the source is no files."),
    Column("last_day", "date", "Last day of delivery that was seen to have it."),
    Column("opened_at", "timestamp", "When it was first seen."),
    Column("last_seen_at", "timestamp", "When it was last seen; written once an hour at most while nothing changes."),
    Column("closed_at", "timestamp", "When it was over."),
    Column("closed_by", "string", "contract (it says so now) or source (it is back)."),
    Column("contract_version", "string", "Version of the contract that it was compared with."),
    Column("days", "string", "All days of delivery that have it; of these, silver's are held."),
)
