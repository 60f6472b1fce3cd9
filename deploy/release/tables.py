"""The tables of a catalog brought to their contracts, before the bundle puts tags, masks and grants on them. `python -m deploy.release.tables <environment>`.

A table that is missing is made; one that is there gets what it lacks, and no commit where it lacks nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from deploy.release.plan import AT_ONCE
from deploy.release.warehouse import StatementError, Warehouse
from globalbev_assets.contracts.loader import load_contracts
from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import LAYERS, TableName
from globalbev_assets.governance.changes import TableState, changes
from globalbev_assets.governance.scripts import unity_contracts
from globalbev_assets.governance.sql import Sql, column, commas, listed, qualified, sql, text
from globalbev_assets.governance.tables import table_of


def states(warehouse: Warehouse, names: Iterable[TableName]) -> dict[TableName, TableState]:
    """How those of the tables are that there are."""
    where = sql("WHERE", column("table_schema"), "IN", listed(map(text, LAYERS)))

    def asked(of: str, *names: str) -> list[list[str | None]]:
        shown = commas(map(column, ("table_schema", "table_name", *names)))
        return warehouse.ask(sql("SELECT", shown, "FROM", qualified(warehouse.catalog, "information_schema", of), where))

    comments = {(str(layer), str(table)): comment or "" for layer, table, comment in asked("tables", "comment")}
    columns: dict[tuple[str, str], dict[str, str]] = {}
    for layer, table, name, comment in asked("columns", "column_name", "comment"):
        columns.setdefault((str(layer), str(table)), {})[str(name)] = comment or ""
    there = [name for name in names if (name.layer, name.table) in comments]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        rows = list(pool.map(lambda name: warehouse.ask(sql("SHOW TBLPROPERTIES", table_of(warehouse.catalog, name))), there))
    return {
        name: TableState(comments[name.layer, name.table], columns.get((name.layer, name.table), {}), {str(key): str(value) for key, value in found})
        for name, found in zip(there, rows, strict=True)
    }


def plan(warehouse: Warehouse, contracts: Mapping[TableName, Contract], lake: str | None) -> dict[TableName, list[Sql]]:
    """The statements of each table that lacks something."""
    known = states(warehouse, contracts)
    planned = {name: list(changes(contract, warehouse.catalog, lake, known.get(name))) for name, contract in contracts.items()}
    return {name: statements for name, statements in planned.items() if statements}


def carry_out(warehouse: Warehouse, planned: Mapping[TableName, list[Sql]]) -> list[str]:
    """Execute them, tables side by side; what was refused, a line a table, whose later statements are left out."""

    def of_table(name: TableName) -> str:
        for statement in planned[name]:
            try:
                warehouse.ask(statement)
            except StatementError as refused:
                return f"{name}: {statement}\n  {str(refused)[:400]}"
        return ""

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [problem for problem in pool.map(of_table, planned) if problem]


def main() -> int:
    """Print what is lacking, and execute it unless it is only to be shown; 1 when the warehouse refused any of it."""
    parser = argparse.ArgumentParser(prog="python -m deploy.release.tables", description="The tables of a catalog brought to their contracts.")
    parser.add_argument("environment", choices=("dev", "test", "prod"))
    parser.add_argument("--dry-run", action="store_true")
    chosen = parser.parse_args()
    given = {name: os.environ.get(name, "") for name in ("WAREHOUSE_ID", "GLOBALBEV_LAKE")}
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise SystemExit(f"{', '.join(missing)} not set: `terraform output settings` has them. Nothing was done.")
    warehouse = Warehouse(f"globalbev_{chosen.environment}", given["WAREHOUSE_ID"])
    planned = plan(warehouse, unity_contracts(load_contracts()), given["GLOBALBEV_LAKE"])
    for statement in (one for statements in planned.values() for one in statements):
        sys.stdout.write(f"{statement}\n")
    problems = [] if chosen.dry_run else carry_out(warehouse, planned)
    sys.stdout.write(f"{len(planned)} tables lacked something\n")
    sys.stdout.write("".join(f"REFUSED {problem}\n" for problem in problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
