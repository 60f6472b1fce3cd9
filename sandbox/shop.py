"""The shop's database: its tables made and filled, on the embedded server or on one that the user named."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from globalbev_assets.errors import TerminalError

from .sales import CATALOG_TABLES, SALES_TABLES, SQL, Sales

TABLES = ("markets", "stores", "products", "lots", "customers", "orders", "order_lines", "payments")
BLOCK_BYTES = 1 << 20
Connection = psycopg.Connection[tuple[Any, ...]]


def connect(dsn: str) -> Connection:
    """Connect in UTC.

    Raises:
        TerminalError: GB-6003, when the server does not answer; the DSN is not shown.
    """
    try:
        return psycopg.connect(dsn, connect_timeout=10, options="-c timezone=UTC", application_name="globalbev-sandbox")
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[0].replace(dsn, "…")[:200] if str(error).strip() else type(error).__name__
        raise TerminalError(
            "GB-6003", "The shop's PostgreSQL does not answer.", got=reason, valid="a running server", todo="Check GLOBALBEV_SHOP_DSN."
        ) from None


def make_database(maintenance_dsn: str, name: str) -> None:
    """Make the database where it is missing."""
    with connect(maintenance_dsn) as connection:
        connection.autocommit = True
        if not connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))


def mark(dsn: str) -> str | None:
    """What the schema ``shop`` says about itself: its comment, which may be empty; none when there is no such schema.

    The catalogue is asked, for ``information_schema`` shows neither an empty schema nor tables that this user may not read.
    """
    with connect(dsn) as connection:
        found = connection.execute("select coalesce(obj_description(oid, 'pg_namespace'), '') from pg_namespace where nspname = 'shop'").fetchone()
    return str(found[0]) if found else None


def fill(connection: Connection, sales: Sales, customers: Iterable[Sequence[Any]], made_by: str) -> None:
    """Make the schema and load everything, in the caller's transaction; what stands there is dropped."""
    connection.execute("drop schema if exists shop cascade")
    connection.execute((SQL / "shop.sql").read_bytes())
    connection.execute(sql.SQL("comment on schema shop is {}").format(sql.Literal(made_by)))
    copy_rows(connection, "markets", (row[:5] + row[6:] for row in sales.rows("market")))
    copy_rows(connection, "customers", customers)
    load(connection, sales, (*CATALOG_TABLES, *SALES_TABLES))


def analyse(dsn: str) -> None:
    """Let the planner know the new tables."""
    with connect(dsn) as connection:
        connection.autocommit = True
        connection.execute("analyze")


def load(connection: Connection, sales: Sales, tables: Iterable[str]) -> None:
    """Append tables of the making, as they are named there (``shop_orders``), to the shop."""
    with tempfile.TemporaryDirectory(prefix="globalbev-") as folder:
        for table in tables:
            exported = Path(folder) / f"{table}.csv"
            sales.export(table, exported)
            _copy_file(connection, table.removeprefix("shop_").removeprefix("new_"), exported)


def copy_rows(connection: Connection, table: str, rows: Iterable[Sequence[Any]]) -> None:
    """Append rows that Python made."""
    with connection.cursor() as cursor, cursor.copy(sql.SQL("copy shop.{} from stdin").format(sql.Identifier(table))) as copy:
        for row in rows:
            copy.write_row(row)


def counts(dsn: str) -> dict[str, int]:
    """Rows by table."""
    one = sql.SQL("(select count(*) from shop.{})")
    with connect(dsn) as connection:
        row = connection.execute(sql.SQL("select ") + sql.SQL(", ").join(one.format(sql.Identifier(table)) for table in TABLES)).fetchone()
    return dict(zip(TABLES, row or (), strict=True))


def _copy_file(connection: Connection, table: str, exported: Path) -> None:
    statement = sql.SQL("copy shop.{} from stdin with (format csv)").format(sql.Identifier(table))
    with exported.open("rb") as stream, connection.cursor() as cursor, cursor.copy(statement) as copy:
        while block := stream.read(BLOCK_BYTES):
            copy.write(block)
