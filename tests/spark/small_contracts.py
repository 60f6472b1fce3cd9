"""A contract of a few columns, made without a file: rules of every kind on one table."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from globalbev_assets.contracts.model import Column, Contract, Rule, Source
from globalbev_assets.contracts.names import TableName

COLUMNS = (
    Column("id", "bigint", is_nullable=False, is_key=True),
    Column("code", "string"),
    Column("amount", "decimal(18,4)"),
    Column("state", "string"),
    Column("day", "date"),
)
RULES = (
    Rule("id_missing", "not_null", "quarantine", "id", passes_null=False),
    Rule("type:amount", "type", "quarantine", "amount"),
    Rule("type:day", "type", "warn", "day"),
    Rule("code_form", "pattern", "quarantine", "code", pattern="^[A-Z]{2}-\\d+$"),
    Rule("code_there", "length", "quarantine", "code", passes_null=False, minimum=Decimal(4), maximum=Decimal(6)),
    Rule("amount_range", "range", "quarantine", "amount", minimum=Decimal(0), maximum=Decimal(100)),
    Rule("state_known", "accepted_values", "warn", "state", passes_null=False, values=("open", "closed")),
    Rule("closed_has_amount", "expression", "quarantine", "amount", passes_null=False, expression="state <> 'closed' or amount is not null"),
)


def contract(kind: str = "by_day", rules: tuple[Rule, ...] = RULES, **options: object) -> Contract:
    """A silver table ``notes`` that is read from ``bronze.notes``."""
    columns = tuple(replace(column, is_key=column.name == "id") for column in COLUMNS)
    return Contract(
        TableName("silver", "notes"), "1.0.0", "sales", "", "x@globalbev.example", columns, Source(kind, {"table": "bronze.notes", **options}), rules
    )  # type: ignore[arg-type]
