"""A table's statements: created from its contract, keyed, tagged. Each may be executed again, commits nothing to a table that is there, and drops none.

What does commit to it, new columns and CHECKs among it, depends on how the table is: :mod:`globalbev_assets.governance.changes`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from globalbev_assets.contracts.masking import RESCUED
from globalbev_assets.contracts.model import Contract, Rule
from globalbev_assets.contracts.names import TableName
from globalbev_assets.contracts.types import parse_type
from globalbev_assets.errors import TerminalError
from globalbev_assets.governance.masks import FILTER_TAG, MASK_TAG, effective_masks, filtered_column
from globalbev_assets.governance.sql import Sql, column, listed, number, qualified, sql, tags, text, unmistakable
from globalbev_assets.transforms.schemas import create_statement

RANKS = ("public", "internal", "confidential", "restricted")
PREFIX = "globalbev"
_ADLS = re.compile(r"abfss://[a-z0-9](-?[a-z0-9]){2,62}@[a-z0-9]{3,24}\.dfs\.core\.windows\.net(/[A-Za-z0-9_-]+)*/?\Z")


def table_of(catalog: str, name: TableName) -> Sql:
    """The table as Unity Catalog names it."""
    return qualified(catalog, name.layer, name.table)


def table_statements(contract: Contract, catalog: str, lake: str | None = None) -> Iterator[Sql]:
    """A table with its tags; its keys and its grants come when all tables are there.

    Args:
        contract: the table's.
        catalog: that it is to be in.
        lake: root of the lake, where the pipeline has the table's files; None for a managed table.
    """
    table = table_of(catalog, contract.name)
    yield created(plain(contract), catalog, lake)
    yield sql("ALTER TABLE", table, "SET TAGS", tags(table_tags(contract)))
    for name, values in column_tags(contract).items():
        yield sql("ALTER TABLE", table, "ALTER COLUMN", column(name), "SET TAGS", tags(values))


def created(contract: Contract, catalog: str, lake: str | None) -> Sql:
    """CREATE TABLE IF NOT EXISTS, where the pipeline writes it."""
    statement = Sql(create_statement(contract, str(table_of(catalog, contract.name))))
    return sql(statement, "LOCATION", location(lake, contract.name)) if lake else statement


def plain(contract: Contract) -> Contract:
    """The contract with descriptions as :func:`globalbev_assets.governance.sql.unmistakable` has them."""
    columns = [replace(one, description=unmistakable(one.description)) for one in contract.columns]
    return replace(contract, description=unmistakable(contract.description), columns=tuple(columns))


def location(lake: str, name: TableName) -> Sql:
    """Where the table's files lie.

    Raises:
        TerminalError: GB-3204, when the lake is not on ADLS.
    """
    if not _ADLS.match(lake):
        raise TerminalError(
            "GB-3204",
            "That is no place for a lake in Azure.",
            got=repr(lake)[:120],
            valid="abfss://container@account.dfs.core.windows.net, with a folder or without",
            todo="Give the value that GLOBALBEV_LAKE has in that environment.",
        )
    return text(f"{lake.rstrip('/')}/{name.layer}/{name.table}")


def keys(contracts: Mapping[TableName, Contract], catalog: str) -> Iterator[Sql]:
    """The tables' keys and references, as information for the optimiser and for people, one after the other: a key is referred to by other tables."""
    for contract in contracts.values():
        if _has_key(contract):
            table = table_of(catalog, contract.name)
            yield sql("ALTER TABLE", table, "DROP PRIMARY KEY IF EXISTS CASCADE")
            named = column(f"pk_{contract.table}")
            yield sql("ALTER TABLE", table, "ADD CONSTRAINT", named, "PRIMARY KEY", listed(map(column, contract.key)), "NOT ENFORCED")
    for contract in contracts.values():
        yield from _foreign_keys(contract, catalog, contracts)


def _foreign_keys(contract: Contract, catalog: str, contracts: Mapping[TableName, Contract]) -> Iterator[Sql]:
    """The references of a table to others; a target without that one key column has none."""
    table = table_of(catalog, contract.name)
    for rule in contract.rules:
        target = contracts.get(rule.reference) if rule.reference else None
        if target is None or not rule.column or not rule.reference_column or not _has_key(target) or target.key != (rule.reference_column,):
            continue
        name = column(f"fk_{contract.table}_{rule.column}")  # unique within its schema, as Databricks asks for
        yield sql("ALTER TABLE", table, "DROP CONSTRAINT IF EXISTS", name)
        yield sql(
            "ALTER TABLE", table, "ADD CONSTRAINT", name, "FOREIGN KEY", listed([column(rule.column)]),
            "REFERENCES", table_of(catalog, target.name), listed([column(rule.reference_column)]), "NOT ENFORCED",
        )  # fmt: skip


def table_tags(contract: Contract) -> dict[str, str]:
    """What people search the catalog by, and what the erasure and the clean-up look for."""
    values = {
        "contract_version": contract.version,
        "domain": contract.domain,
        "team": contract.team,
        "owner": contract.owner,
        "classification": classification_of(contract),
        "personal": "yes" if effective_masks(contract) else "no",
        "retention_days": str(contract.retention_days) if contract.retention_days else "",
    }
    return {f"{PREFIX}_{name}": value for name, value in values.items() if value}


def column_tags(contract: Contract) -> dict[str, dict[str, str]]:
    """The tags of each column that has any: its classification beyond the usual, its kind of personal data, its mask, what its rows are filtered by."""
    masks, filtered = effective_masks(contract), filtered_column(contract)
    found: dict[str, dict[str, str]] = {}
    for of in contract.columns:
        values = {} if of.classification == "internal" else {f"{PREFIX}_classification": of.classification}
        if of.name in masks:
            kinds = [tag for tag in of.tags if tag != "pii"]
            values |= {f"{PREFIX}_classification": "restricted", f"{PREFIX}_personal": kinds[0] if kinds else "other"}
            values[MASK_TAG] = masks[of.name].name
        values |= {FILTER_TAG: "market"} if of.name == filtered else {}
        if values:
            found[of.name] = values
    return found


def classification_of(contract: Contract) -> str:
    """The strictest classification of the table's columns."""
    kinds = {of.classification for of in contract.columns} | ({"restricted"} if RESCUED in effective_masks(contract) else set())
    return max(kinds, key=lambda kind: RANKS.index(kind) if kind in RANKS else len(RANKS))


def _has_key(contract: Contract) -> bool:
    """Whether the key can be a primary key: Unity Catalog takes only columns that are never empty."""
    return bool(contract.key) and all(not contract.column(name).is_nullable for name in contract.key)


def checks(contract: Contract) -> dict[str, Sql]:
    """Name → condition of the row rules that keep a row out and can be said in one column, enforced by Delta: nothing else writes the table, and that stays so.

    None for a table with a mask or a row filter: Databricks refuses the two beside each other (COLUMN_MASKS_FEATURE_NOT_SUPPORTED.CHECK_CONSTRAINT).
    """
    if effective_masks(contract) or filtered_column(contract) is not None:
        return {}
    conditions = {rule.id.replace(":", "_"): _condition(rule, contract) for rule in contract.rules}
    return {name: condition for name, condition in conditions.items() if condition is not None}


def _condition(rule: Rule, contract: Contract) -> Sql | None:
    """What holds for every published row. Delta takes an unknown for a violation, so that NULL has to be let pass in words."""
    if rule.action != "quarantine" or rule.column is None or contract.column(rule.column).is_output:
        return None
    of = column(rule.column)
    if rule.kind == "accepted_values" and parse_type(contract.column(rule.column).type).name == "string":
        condition = sql(of, "IN", listed(map(text, rule.values)))
    elif rule.kind == "range":
        bounds = [sql(of, ">=", number(rule.minimum))] if rule.minimum is not None else []
        bounds += [sql(of, "<=", number(rule.maximum))] if rule.maximum is not None else []
        condition = bounds[0] if len(bounds) == 1 else sql(bounds[0], "AND", bounds[1])
    else:
        return None
    return sql(of, "IS NULL OR", condition) if rule.passes_null else sql(of, "IS NOT NULL AND", condition)
