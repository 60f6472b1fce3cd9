"""DuckDB over the tables that an operation needs: each a view on its Delta log's files, without a JVM and unmasked."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb
from deltalake.exceptions import TableNotFoundError

from globalbev_assets.contracts.names import TableName
from resources.delta_dataset import dataset_of


def connect(lake_root: str, tables: Iterable[TableName]) -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB with a view ``<layer>.<table>`` for each of the tables that is there."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    for name in tables:
        try:
            data = dataset_of(f"{lake_root}/{name.layer}/{name.table}")
        except TableNotFoundError:
            continue
        connection.register(f"_{name.layer}_{name.table}", data)
        connection.execute(f"create schema if not exists {name.layer}")
        connection.execute(f"create view {name.layer}.{name.table} as select * from _{name.layer}_{name.table}")  # noqa: S608  parsed names
    return connection
