"""A small installation for freshness: a lake with a ledger, and sources that answer as a test wants."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import dagster as dg
import pytest

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.calendar import due_at
from resources.ledger import Ledger, LedgerRow
from resources.settings import load_settings
from sensors.freshness import look
from tests.unit.contract_files import packaged

DAY = date(2026, 11, 24)  # a Tuesday
MORNING = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
INVENTORY, PANEL = "bronze.inventory", "bronze.market_panel"


def book(*names: str) -> ContractBook:
    """Some of the packaged contracts."""
    return ContractBook(packaged().parse(name) for name in names)


def loaded(*names: str, last: date = DAY, count: int = 30) -> None:
    """Days of tables, each loaded the morning after it."""
    days = [last - timedelta(days=back) for back in range(count)]
    rows = [LedgerRow(name, day, "run", "published", due_at(day, "03:00"), "1.0.0", rows_in=7, published=7) for name in names for day in days]
    Ledger(load_settings().lake_root).append(rows)


def tick(instance: dg.DagsterInstance, tables: ContractBook, moment: datetime = MORNING) -> dict[tuple[str, str], str]:
    """One look of the sensor; the changes as (table, subject): state."""
    return {(row.table_name, row.subject): row.state for row in look(instance, load_settings(), tables, moment)}


def evaluations(instance: dg.DagsterInstance, name: str) -> list[tuple[str | None, bool, str]]:
    """What Dagster was told of a table's freshness, oldest first: day, whether it passed, why."""
    key = dg.AssetCheckKey(dg.AssetKey(name.split(".")), "freshness")
    records = instance.event_log_storage.get_asset_check_execution_history(key, limit=100)
    found = [record.evaluation for record in reversed(records)]
    return [(one.partition, one.passed, one.description or "") for one in found if one is not None]


def deliver(landing: Path, day: date, name: str = "panel.csv", rows: int = 2, at: datetime = MORNING - timedelta(hours=2)) -> None:
    """A whole file of the market panel."""
    path = landing / "market_panel" / str(day) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"2026-11-16,US-OH,BEV-{day:%j}{number:03d},1,2.00,2.0000,0,0" for number in range(rows)]
    path.write_text("\n".join(["week_start,market_id,sku,units,sales_value,avg_price,display,feature", *lines]) + "\n")
    (path.parent / f"{name}.done").touch()
    os.utime(path, (at.timestamp(), at.timestamp()))


class Api:
    """The inventory API: what it answers may be changed between two looks."""

    def __init__(self) -> None:
        self.clock = MORNING
        self.status = 200
        self.items: list[Mapping[str, Any]] = [{"warehouse_id": "W1"}]
        self.as_of: str | None = None
        self.asked: list[str] = []

    def answer(self, path: str) -> bytes:
        self.asked.append(path)
        asked = path.partition("as_of=")[2][:10]
        return json.dumps({"as_of": self.as_of or f"{asked}T23:59:59Z", "total": len(self.items), "items": self.items}).encode()


@contextmanager
def serving(patch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The API on a port of its own, and the settings pointing to it."""
    api = Api()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = api.answer(self.path)
            self.send_response_only(api.status)
            self.send_header("Date", format_datetime(api.clock, usegmt=True))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    patch.setenv("GLOBALBEV_INVENTORY_URL", f"http://127.0.0.1:{server.server_port}")
    patch.setenv("GLOBALBEV_INVENTORY_TOKEN", "a-token-of-a-test")
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
