"""The scripts that bring a catalog to what the contracts say, in the order in which they are executed; each may be executed again."""

from __future__ import annotations

from collections.abc import Iterator

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import LAYERS, TableName
from globalbev_assets.contracts.operations import operations_contracts, quarantine_contract
from globalbev_assets.governance.grants import catalog_grants, table_grants
from globalbev_assets.governance.maintenance import optimize_statements, vacuum_statements
from globalbev_assets.governance.masks import (
    ACCESS_TABLE,
    MASKS,
    SALT_TABLE,
    Enforcement,
    Names,
    column_masks,
    filter_functions,
    guarded_function,
    mask_function,
    policies,
)
from globalbev_assets.governance.principals import Groups
from globalbev_assets.governance.sql import Sql, call, column, described, listed, qualified, sql, text
from globalbev_assets.governance.tables import keys, table_of, table_statements

HEAD = "-- Made by `globalbev contract unity` from the contracts. Do not edit: change the contract and make it again.\n"
SCHEMAS = {
    "bronze": "What arrived, as it arrived.",
    "silver": "Clean, typed, one row a key.",
    "gold": "What the business reads.",
    "quarantine": "Rows that were rejected, with every rule that they broke.",
    "ops": "What the lakehouse keeps about itself.",
}
SECRET_SCOPE, SALT_KEY = "globalbev", "mask-salt"


def unity_contracts(book: ContractBook) -> dict[TableName, Contract]:
    """The contracts of all tables of a catalog: the book's, a quarantine a silver table, the lakehouse's own."""
    everything = [*book.values(), *(quarantine_contract(contract) for contract in book.layer("silver")), *operations_contracts()]
    return {contract.name: contract for contract in everything}


def unity_scripts(book: ContractBook, catalog: str, enforcement: Enforcement = "policies", lake: str | None = None) -> dict[str, str]:
    """File name → SQL, in the order of execution.

    Args:
        book: the contracts.
        catalog: name of the catalog, which Terraform has made; the groups' names follow it.
        enforcement: how masks are attached: ``policies`` by tags (Databricks Runtime 16.4 or serverless), ``columns`` by ``SET MASK``.
        lake: root of the lake (``abfss://…``): the tables are external, where the pipeline writes them; managed when it is not given.
    """
    contracts, groups = unity_contracts(book), Groups(catalog)
    scripts = {"00_schemas.sql": _schemas(catalog), "10_functions.sql": _functions(catalog, groups, enforcement)}
    for layer in LAYERS:
        for contract in (found for found in contracts.values() if found.layer == layer):
            scripts[f"20_tables/{layer}/{contract.table}.sql"] = table_statements(contract, catalog, lake)
    scripts["30_keys.sql"] = keys(contracts, catalog)
    scripts["40_masks.sql"] = _masks(catalog, contracts, groups, enforcement)
    scripts["50_grants.sql"] = _grants(catalog, contracts, groups)
    scripts["maintenance/optimize.sql"] = optimize_statements(contracts.values(), catalog)
    scripts["maintenance/vacuum.sql"] = vacuum_statements(contracts.values(), catalog)
    return {name: script(statements) for name, statements in scripts.items()}


def script(statements: Iterator[Sql]) -> str:
    """Statements as a file: a line or more each, ended by a semicolon."""
    return HEAD + "".join(f"{statement};\n" for statement in statements)


def names_in(catalog: str) -> Names:
    """How the functions and their tables are named: they lie in ``ops``."""
    return lambda name: qualified(catalog, "ops", name)


def _schemas(catalog: str) -> Iterator[Sql]:
    for name in LAYERS:
        yield sql("CREATE SCHEMA IF NOT EXISTS", qualified(catalog, name), "COMMENT", described(SCHEMAS[name]))


def _functions(catalog: str, groups: Groups, enforcement: Enforcement) -> Iterator[Sql]:
    names = names_in(catalog)
    salt, is_text = column("salt"), "STRING NOT NULL"
    yield sql("CREATE TABLE IF NOT EXISTS", names(SALT_TABLE), listed([sql(salt, is_text)]), "USING DELTA")
    has_salt = listed([sql("SELECT", salt, "FROM", names(SALT_TABLE))])
    yield sql("INSERT INTO", names(SALT_TABLE), "SELECT", call("secret", text(SECRET_SCOPE), text(SALT_KEY)), "WHERE NOT EXISTS", has_salt)
    access = listed([sql(column("principal"), is_text), sql(column("market_id"), is_text)])
    yield sql("CREATE TABLE IF NOT EXISTS", names(ACCESS_TABLE), access, "USING DELTA")
    for mask in MASKS.values():
        yield mask_function(mask, names) if enforcement == "policies" else guarded_function(mask, names, groups)
    plain, guarded = filter_functions(names, groups)
    yield plain if enforcement == "policies" else guarded


def _masks(catalog: str, contracts: dict[TableName, Contract], groups: Groups, enforcement: Enforcement) -> Iterator[Sql]:
    names = names_in(catalog)
    if enforcement == "policies":
        return policies(qualified(catalog), contracts.values(), names, groups)
    return (one for contract in contracts.values() for one in column_masks(contract, table_of(catalog, contract.name), names))


def _grants(catalog: str, contracts: dict[TableName, Contract], groups: Groups) -> Iterator[Sql]:
    yield from catalog_grants(catalog, groups, list(contracts.values()))
    for contract in contracts.values():
        yield from table_grants(contract, catalog, groups)
