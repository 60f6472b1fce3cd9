"""Who may read what: privileges by group, from a contract's layer, owner and classification. Nobody but the pipeline writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from globalbev_assets.contracts.masking import masks_of
from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import LAYERS
from globalbev_assets.governance.principals import Groups
from globalbev_assets.governance.sql import Sql, principal, qualified, sql
from globalbev_assets.governance.tables import table_of

PIPELINE = ("SELECT", "MODIFY", "CREATE TABLE", "APPLY TAG")


def catalog_grants(catalog: str, groups: Groups, contracts: Iterable[Contract]) -> Iterator[Sql]:
    """Who may enter the catalog and its schemas; entering shows nothing yet."""
    readers = {schema: _readers_of(schema, groups, contracts) for schema in LAYERS}
    everybody = {group for found in readers.values() for group in found} | {groups.role("etl")}
    for group in sorted(everybody):
        yield sql("GRANT USE CATALOG ON CATALOG", qualified(catalog), "TO", principal(group))
    for schema in LAYERS:
        for group in sorted({*readers[schema], groups.role("etl")}):
            yield sql("GRANT USE SCHEMA ON SCHEMA", qualified(catalog, schema), "TO", principal(group))
        for privilege in PIPELINE:
            yield sql("GRANT", privilege, "ON SCHEMA", qualified(catalog, schema), "TO", principal(groups.role("etl")))


def table_grants(contract: Contract, catalog: str, groups: Groups) -> Iterator[Sql]:
    """Who may read the table. Table by table, so that the salt and the list of markets, which lie in ``ops``, are read by nobody."""
    for group in readers(contract, groups):
        yield sql("GRANT SELECT ON TABLE", table_of(catalog, contract.name), "TO", principal(group))


def readers(contract: Contract, groups: Groups) -> tuple[str, ...]:
    """The groups that may read a table: engineers and its own team any, analysts those of silver and gold in which nothing restricted is unmasked."""
    found = [groups.role("engineers"), groups.team(contract.team)] if contract.team else [groups.role("engineers")]
    masks = masks_of(contract)
    is_open = contract.layer in {"silver", "gold"} and all(of.classification != "restricted" or of.name in masks for of in contract.columns)
    return (*found, groups.role("analysts")) if is_open else tuple(found)


def _readers_of(schema: str, groups: Groups, contracts: Iterable[Contract]) -> set[str]:
    return {group for contract in contracts if contract.layer == schema for group in readers(contract, groups)}
