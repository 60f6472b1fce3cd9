"""The sandbox's two servers: started when they do not run, on ports that are remembered, and stopped by their own pid files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil

from globalbev_assets.errors import TerminalError

from . import processes, shop
from .layout import Layout
from .postgres import DATABASE, Postgres
from .state import Secrets, State

PROJECT = Path(__file__).resolve().parent.parent
INVENTORY = "inventory"


def shop_dsn(layout: Layout, state: State, kept: Secrets) -> str:
    """How to reach the shop."""
    return kept.external_dsn if state.shop == "external" else Postgres(layout, kept.password).dsn(state.shop_port)


def is_shop_running(layout: Layout, state: State, kept: Secrets) -> bool:
    """Whether the shop's own server runs; a server that the user named is taken to."""
    return state.shop == "external" or Postgres(layout, kept.password).is_running()


def start_shop(layout: Layout, state: State, kept: Secrets) -> State:
    """Start the embedded server where it does not run, and give the state with its port."""
    server = Postgres(layout, kept.password)
    if state.shop == "external" or server.is_running():
        return state
    port = processes.free_port(state.shop_port)
    server.start(port)
    shop.make_database(server.dsn(port, "postgres"), DATABASE)
    return state.with_(shop_port=port)


def stop_shop(layout: Layout, kept: Secrets) -> bool:
    """Stop the embedded server."""
    return Postgres(layout, kept.password).stop()


def is_inventory_running(layout: Layout) -> bool:
    """Whether the inventory API's process runs."""
    return processes.find(layout.pid(INVENTORY)) is not None


def start_inventory(layout: Layout, state: State, misbehave: float) -> State:
    """Start the inventory API where it does not run, and give the state with its port.

    Raises:
        TerminalError: GB-6005, with the end of its log, when it does not come up.
    """
    if is_inventory_running(layout):
        return state
    port = processes.free_port(state.inventory_port)
    log = layout.log(INVENTORY)
    command = [sys.executable, "-m", "sandbox.inventory_server", "--home", str(layout.home), "--port", str(port), "--misbehave", str(misbehave)]
    with log.open("ab") as stream:
        started = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True)
    processes.remember(layout.pid(INVENTORY), started.pid)
    if not processes.wait_for_port(port, psutil.Process(started.pid)):
        processes.stop(layout.pid(INVENTORY))
        end = " | ".join(log.read_text(errors="replace").strip().splitlines()[-3:])
        raise TerminalError("GB-6005", "The inventory API did not start.", got=end[:400], valid="a server that listens", todo=f"Read {log}.")
    return state.with_(inventory_port=port)


def stop_inventory(layout: Layout) -> bool:
    """Stop the inventory API."""
    return processes.stop(layout.pid(INVENTORY))
