"""Sources to change and break, without Spark: the shop's tables in the embedded PostgreSQL, a small landing zone, an API of one page.

The database server starts once a session (0.5 s); each test has its own database, folder and lake.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
from deltalake import write_deltalake
from psycopg import sql

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.names import TableName
from resources.drift.comparing import Comparison
from resources.drift.record import DriftRow
from resources.drift.sources import InstalledSources
from resources.drift.tick import Cursor, Tick, run_tick
from resources.settings import Settings
from resources.shop import as_text
from sandbox.layout import Layout
from sandbox.postgres import Postgres
from sandbox.processes import free_port
from sandbox.sales import SQL
from tests.unit.contract_files import packaged

DAY, NEXT_DAY = date(2026, 6, 1), date(2026, 6, 8)
TOKEN = "t" * 24
ROWS = """
    insert into shop.markets select 'M' || n, 'Market ' || n, 'North', 'US', 'USD', now() from generate_series(1, 4) n;
    insert into shop.stores select n, 'M1', 'Store ' || n, case n % 2 when 0 then 'web' else 'retail' end, date '2020-01-01' + n::int, now()
        from generate_series(1, 20) n;
    insert into shop.products select 'BEV-' || n, 'Drink ' || n, 'Brand', 'Maker', 'Beer', 'Ale', '500ml', n, 'USD', date '2020-01-01', null, now()
        from generate_series(1, 10) n;
    insert into shop.lots select 'L' || n, 'BEV-1', date '2026-01-01', date '2027-01-01', 'P', now() from generate_series(1, 10) n;
    insert into shop.customers select n, 'Somebody', 'a@b.example', null, '1980-05-' || lpad((n % 28 + 1)::text, 2, '0'), null, null, null, null, 'US',
        'gold', true, now(), now() from generate_series(1, 40) n;
    insert into shop.orders select n, n, 1 + n % 20, timestamptz '2026-06-01 10:00+00' + n * interval '1 minute', 'placed',
        case n % 3 when 0 then 'web' when 1 then 'retail' else 'wholesale' end, 'USD', now() from generate_series(1, 60) n;
    insert into shop.order_lines select n, 1, 'BEV-1', 'L1', n, n * 1.25, 0, now() from generate_series(1, 60) n;
    insert into shop.payments select n, n, 'card', '1234', n * 2, 'USD', 'captured', timestamptz '2026-06-01 11:00+00', now()
        from generate_series(1, 60) n;
"""
CRM_HEADER = "contact_id,first_name,last_name,email,phone,address_line,city,state,zip,country,loyalty_tier,last_seen,shop_customer_id"
PANEL_HEADER = "week_start,market_id,sku,units,sales_value,avg_price,display,feature"
ITEM = {"warehouse_id": "W1", "on_hand": 5, "reserved": 1, "reorder_point": 3, "sequence": 7, "updated_at": "2026-06-01T10:00:00Z"}


def crm(header: str = CRM_HEADER, *, seen: str = "2026-05-{:02d}") -> str:
    rows = [f"C{n},A,B,a@b.example,,1 Road,Town,OH,43004,US,gold,{seen.format(n)},{n}" for n in range(1, 21)]
    return "\n".join([header, *rows, ""])


def panel(header: str = PANEL_HEADER, *, week: str = "2026-06-{:02d}", value: str = "{}.50") -> str:
    rows = [f"{week.format(n)},M1,BEV-{n},{n},{value.format(n)},2.00,0,0" for n in range(1, 21)]
    return "\n".join([header, *rows, ""])


@dataclass
class Api:
    """One page of stock; ``items`` may be changed, ``status`` too."""

    items: list[dict[str, Any]] = field(default_factory=lambda: [{**ITEM, "sku": f"BEV-{n}", "lot_id": f"L{n}"} for n in range(1, 11)])
    status: int = 200
    asked: int = 0
    port: int = 0


@contextmanager
def serving(api: Api) -> Iterator[Api]:
    """Answer for so long."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            api.asked += 1
            body = json.dumps({"items": api.items, "total": len(api.items), "next_page_token": None, "as_of": "2026-06-01"}).encode()
            self.send_response(api.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class World:
    """One installation's sources, settings and lake."""

    settings: Settings
    dsn: str
    api: Api
    book: ContractBook
    cursor: Cursor = field(default_factory=Cursor)

    @property
    def comparison(self) -> Comparison:
        return Comparison(self.settings, self.book)

    def shop(self, statement: str) -> None:
        with psycopg.connect(self.dsn) as connection:
            connection.execute(statement.encode())

    def deliver(self, feed: str, day: date, name: str, content: str | bytes) -> Path:
        folder = self.settings.landing_root / feed / str(day)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.with_name(f"{name}.done").touch()
        return path

    def tick(self) -> Tick:
        """One tick that goes on from the last."""
        tick = run_tick(self.comparison, InstalledSources(self.settings), self.cursor)
        self.cursor = Cursor.parse(tick.cursor.text())
        return tick

    def rows(self) -> list[DriftRow]:
        return self.comparison.drifts.rows()

    def open(self, table: str) -> list[tuple[str, str, str, bool]]:
        """Kind, column, what was found, and whether it breaks, of a table's open differences."""
        return [(row.kind, row.column_name, row.found, row.is_breaking) for row in self.rows() if row.is_open and row.table_name == table]

    def load_bronze(self, table: str) -> None:
        """Bronze as a step would have left it, by hand: the shop's rows as text."""
        contract = self.book[TableName.parse(table)]
        relation, names = str(contract.source.options["relation"]), [column.name for column in contract.business_columns]
        types = {column.name: column.source_type or "text" for column in contract.business_columns}
        query = sql.SQL("select {} from {} as t").format(
            sql.SQL(", ").join(as_text(name, types[name]) for name in names), sql.Identifier(*relation.split("."))
        )
        with psycopg.connect(self.dsn, options="-c timezone=UTC") as connection:
            rows = connection.execute(query).fetchall()
        self.write_bronze(table, [dict(zip(names, row, strict=True)) for row in rows])

    def write_bronze(self, table: str, rows: Sequence[Mapping[str, str | None]]) -> None:
        columns = {name: pa.array([row[name] for row in rows], pa.string()) for name in rows[0]}
        written = pa.table({**columns, "_partition_date": pa.array([DAY] * len(rows), pa.date32())})
        write_deltalake(f"{self.settings.lake_root}/{table.replace('.', '/')}", written, mode="append")


@contextmanager
def shop_server(folder: Path) -> Iterator[str]:
    """A PostgreSQL with the shop's tables and some rows in the database ``template_shop``; its DSN without a database."""
    layout = Layout(folder)
    layout.root.mkdir(parents=True)
    server = Postgres(layout, "embedded-only")
    port = free_port(0)
    server.start(port)
    try:
        with psycopg.connect(server.dsn(port, "postgres"), autocommit=True) as connection:
            connection.execute("create database template_shop")
        with psycopg.connect(server.dsn(port, "template_shop")) as connection:
            connection.execute((SQL / "shop.sql").read_bytes())
            connection.execute(ROWS.encode())
        yield server.dsn(port, "")
    finally:
        server.stop()
        server.remove()


@contextmanager
def making(server: str, folder: Path, book: ContractBook | None = None, contracts: Path | None = None) -> Iterator[World]:
    """A world of its own, in which nothing differs from the contracts."""
    name = f"w_{abs(hash(str(folder))) % 10**10}"
    with psycopg.connect(server + "postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("create database {} template template_shop").format(sql.Identifier(name)))
    (folder / "landing").mkdir(parents=True, exist_ok=True)
    with serving(Api()) as api:
        settings = Settings(
            _env_file=None, home=folder, lake=None, landing=None, shop_dsn=server + name, inventory_url=f"http://127.0.0.1:{api.port}",
            inventory_token=TOKEN, contracts=str(contracts) if contracts else None,
        )  # fmt: skip
        world = World(settings, server + name, api, book or packaged())
        world.deliver("crm_contacts", DAY, f"contacts_{DAY}.csv", crm())
        world.deliver("market_panel", DAY, "panel_W22.csv", panel())
        for number in range(4):
            document = {"sku": f"BEV-{number}", "nutrition": {"basis": "per_100ml"}, "allergens": ["milk"]}
            world.deliver("product_nutrition", DAY, f"BEV-{number}.json", json.dumps(document))
        yield world
    with psycopg.connect(server + "postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
