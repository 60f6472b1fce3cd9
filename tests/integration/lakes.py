"""A lakehouse for the integration tests: the sandbox's sources, the last weeks of its history through all layers, on one warm Spark server.

The session's lake is made once and only read. A test that changes a source or breaks something takes a copy: a database made from the shop's, the
landing zone and the lake as folders, a Dagster home of its own; the Spark server, which is the dearest part, is everybody's.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import psycopg
import pytest
from deltalake import DeltaTable
from psycopg import sql

import sandbox
from globalbev_assets.operations.backfill import StageResult, execute, plan
from partitions.days import DayRange
from resources.dagster_home import prepare_dagster_home
from resources.delta_dataset import dataset_of
from resources.settings import PROJECT, Settings, load_settings
from resources.spark_server import stop_server
from sandbox.layout import Layout
from sandbox.state import load_state

LOADED_DAYS = 35
IN_USE = "GLOBALBEV_TEST_LAKE_IN_USE"
DEFINITIONS = "globalbev_assets.definitions"
LAYERS = ("bronze", "silver", "gold", "quarantine", "ops")
MENTIONED = re.compile(rf"\b(?:{'|'.join(LAYERS)})\.[a-z0-9_]+")
Row = dict[str, Any]


@dataclass(frozen=True)
class Lake:
    """One lake with its sources, and what was loaded into it."""

    home: Path
    folder: Path
    days: DayRange
    variables: Mapping[str, str]
    results: Sequence[StageResult] = field(default=())

    @property
    def root(self) -> Path:
        """Where its tables lie."""
        return Path(self.variables["GLOBALBEV_LAKE"])

    @property
    def landing(self) -> Path:
        """Its landing zone."""
        return Path(self.variables["GLOBALBEV_LANDING"])

    @property
    def dsn(self) -> str:
        """Its shop."""
        return self.variables["GLOBALBEV_SHOP_DSN"]

    @property
    def settings(self) -> Settings:
        """The settings of this process, which are this lake's while its fixture lasts."""
        return load_settings()

    def table(self, name: str) -> Path:
        """Where ``layer.table`` lies."""
        return self.root / name.replace(".", "/")

    def backfill(self, days: DayRange, select: Sequence[str] = ()) -> list[StageResult]:
        """Plan and carry out, as ``globalbev backfill`` does."""
        return execute(plan(self.settings, days, select))

    def query(self, text: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Rows of a query over the lake's tables as they are now."""
        return fetched(
            self.duck(sorted({found for found in MENTIONED.findall(text) if (self.table(found) / "_delta_log").exists()})), text, parameters
        )

    def duck(self, tables: Sequence[str] | None = None) -> duckdb.DuckDBPyConnection:
        """A DuckDB with a view ``<layer>.<table>`` on each table, or on some."""
        connection = duckdb.connect()
        connection.execute("set timezone = 'UTC'")
        for name in self.tables() if tables is None else tables:
            schema, table = name.split(".")
            connection.register(f"_{schema}_{table}", dataset_of(str(self.table(name))))
            connection.execute(f"create schema if not exists {schema}")
            connection.execute(f"create view {name} as select * from _{schema}_{table}")
        return connection

    def tables(self) -> list[str]:
        """The tables that are there."""
        return sorted(f"{log.parent.parent.name}.{log.parent.name}" for layer in LAYERS for log in (self.root / layer).glob("*/_delta_log"))

    def versions(self) -> dict[str, int]:
        """The newest version of each table."""
        return {name: DeltaTable(str(self.table(name)), without_files=True).version() for name in self.tables()}

    def shop(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement in the shop's database."""
        with psycopg.connect(self.dsn) as connection:
            cursor = connection.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def latest(self, run_ids: Sequence[str] = ()) -> list[Row]:
        """The newest ledger row of each table and day, of some runs only if given."""
        chosen = f"where run_id in ({', '.join(['?'] * len(run_ids))})" if run_ids else ""
        newest = "row_number() over (partition by table_name, business_day order by recorded_at desc) = 1"
        text = f"select * from ops.ledger {chosen} qualify {newest}"
        return self.query(text, list(run_ids))


def fetched(connection: duckdb.DuckDBPyConnection, text: str, parameters: Sequence[Any] = ()) -> list[Row]:
    """Rows of a query by column name."""
    cursor = connection.execute(text, list(parameters))
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]


def make_lake(home: Path) -> Lake:
    """Make the sandbox of ``home``; nothing is loaded yet. Every setting is said, for the project's own ``.env`` would fill in the others."""
    jars = next((found for found in (PROJECT / ".globalbev" / "jars",) if (found / "complete.json").exists()), None)
    if jars and not (home / "jars").exists():
        shutil.copytree(jars, home / "jars")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("GLOBALBEV_SHOP_DSN", raising=False)
        sandbox.up(home, env_file=home / ".env")
    state = load_state(Layout(home))
    assert state
    written = dict(line.split("=", 1) for line in (home / ".env").read_text().splitlines())
    more = {
        "GLOBALBEV_LAKE": str(home / "lake"),
        "GLOBALBEV_CONTRACTS": "",
        "GLOBALBEV_END_DATE": str(state.last + timedelta(days=1)),
        "GLOBALBEV_SPARK": "server",
        "GLOBALBEV_SPARK_MEMORY": "2g",
        "GLOBALBEV_SPARK_IDLE_MINUTES": "30",
        "DAGSTER_HOME": str(prepare_dagster_home(home)),
        "DAGSTER_EVENT_BATCH_SIZE": "200",
    }
    return Lake(home, home, DayRange(state.last - timedelta(days=LOADED_DAYS - 1), state.last), written | more)


def remove_lake(lake: Lake) -> None:
    """Stop its servers and throw the sandbox away."""
    with settings_of(lake):
        stop_server(lake.settings)
    sandbox.remove(lake.home)


@contextmanager
def settings_of(lake: Lake) -> Iterator[None]:
    """This process's settings are the lake's for so long; the definitions are loaded with them. One lake at a time: two would take turns by chance."""
    if in_use := os.environ.get(IN_USE):
        pytest.fail(f"The lake {in_use} is this process's already: a module's tests take `lake` or `own_lake`, not both.")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SPARK_CONNECT_MODE_ENABLED", raising=False)
        patch.setenv("SPARK_CONNECT_MODE_ENABLED", "")  # what a session of the server sets is taken back at the end
        patch.delenv("SPARK_CONNECT_MODE_ENABLED")
        for name, value in {**lake.variables, IN_USE: str(lake.root)}.items():
            patch.setenv(name, value)
        patch.delitem(sys.modules, DEFINITIONS, raising=False)
        yield
        sys.modules.pop(DEFINITIONS, None)


@contextmanager
def copied(lake: Lake, folder: Path, more: Mapping[str, str] | None = None) -> Iterator[Lake]:
    """A copy of the lake and of its sources to change and break, with a Dagster home without history."""
    database = f"copy_{folder.name}".replace("-", "_").lower()
    with psycopg.connect(lake.dsn.replace("/shop", "/postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("create database {} template shop").format(sql.Identifier(database)))
    for name, source in (("lake", lake.root), ("landing", lake.landing)):
        shutil.copytree(source, folder / name)
    variables = dict(lake.variables) | {
        "GLOBALBEV_LAKE": str(folder / "lake"),
        "GLOBALBEV_LANDING": str(folder / "landing"),
        "GLOBALBEV_SHOP_DSN": lake.dsn.replace("/shop", f"/{database}"),
        "DAGSTER_HOME": str(prepare_dagster_home(folder)),
    }
    other = replace(lake, folder=folder, variables=variables | dict(more or {}))
    with settings_of(other):
        yield other
    with psycopg.connect(lake.dsn.replace("/shop", "/postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(database)))


def evaluations(check: dg.AssetCheckKey) -> list[Any]:
    """The check's executions in the instance, newest first."""
    with dg.DagsterInstance.get() as instance:
        return list(instance.event_log_storage.get_asset_check_execution_history(check, limit=1000))


def environment(lake: Lake) -> dict[str, str]:
    """The variables for a process of its own."""
    return dict(os.environ) | dict(lake.variables)
