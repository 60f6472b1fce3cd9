"""The freshness sensor when it is killed, misled, or cannot reach anybody."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread

import dagster as dg
import pytest

from resources.freshness import FreshnessLog
from resources.settings import load_settings
from tests.unit.cli_runs import make_home
from tests.unit.freshness_lake import DAY, INVENTORY, MORNING, PANEL, book, deliver, evaluations, loaded, tick

KILLED = """
import dagster as dg, datetime, sys
from tests.unit.freshness_lake import PANEL, MORNING, book, tick
with dg.DagsterInstance.local_temp(sys.argv[1]) as instance:
    tick(instance, book(PANEL))
"""
ORDERS = "bronze.orders"


@pytest.fixture(autouse=True)
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "landing"
    place.mkdir()
    make_home(tmp_path, monkeypatch)
    monkeypatch.setenv("GLOBALBEV_LANDING", str(place))
    return place


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def test_a_tick_killed_between_telling_and_recording_is_made_up_for(tmp_path: Path, landing: Path) -> None:
    """The change is told again, rather than never."""
    loaded(PANEL, last=DAY - timedelta(days=7), count=1)
    (tmp_path / "dagster").mkdir()
    variables = os.environ | {"GLOBALBEV_FAILPOINT": "freshness.after_report:kill"}
    done = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path / "dagster"],
        env=variables,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert FreshnessLog(load_settings().lake_root).latest(MORNING) == {}
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as instance:
        assert tick(instance, book(PANEL))[PANEL, "partition"] == "late"
        assert tick(instance, book(PANEL), MORNING + timedelta(minutes=1)) == {}
        assert [(day, passed) for day, passed, _ in evaluations(instance, PANEL)] == [(str(DAY), False)] * 2


def test_a_source_that_cannot_be_reached_is_no_news_and_stops_no_other(
    landing: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    monkeypatch.setenv("GLOBALBEV_SHOP_DSN", f"postgresql://somebody:a-secret@127.0.0.1:{port}/shop")
    monkeypatch.setenv("GLOBALBEV_INVENTORY_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("GLOBALBEV_INVENTORY_TOKEN", "a-token-of-a-test")
    loaded(ORDERS, INVENTORY)
    loaded(PANEL, last=DAY - timedelta(days=7), count=1)
    deliver(landing, DAY)
    started = time.monotonic()
    changed = tick(instance, book(ORDERS, INVENTORY, PANEL))
    assert time.monotonic() - started < 5
    assert changed == {
        (ORDERS, "partition"): "fresh", (INVENTORY, "partition"): "fresh", (PANEL, "partition"): "late", (PANEL, "source"): "fresh",
    }  # fmt: skip
    for name in (ORDERS, INVENTORY):
        ((_, passed, why),) = evaluations(instance, name)
        assert passed and "could not be asked" in why
        assert "secret" not in why and "token" not in why and str(port) not in why
    assert tick(instance, book(ORDERS, INVENTORY, PANEL), MORNING + timedelta(minutes=1)) == {}


def test_an_api_that_drips_and_a_landing_zone_that_is_gone_cost_seconds_and_no_tick(
    landing: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing.rmdir()
    with socket.create_server(("127.0.0.1", 0)) as dripping:
        monkeypatch.setenv("GLOBALBEV_INVENTORY_URL", f"http://127.0.0.1:{dripping.getsockname()[1]}")
        monkeypatch.setenv("GLOBALBEV_INVENTORY_TOKEN", "a-token-of-a-test")
        Thread(target=_drip, args=(dripping,), daemon=True).start()
        loaded(INVENTORY, PANEL, last=DAY - timedelta(days=1))
        started = time.monotonic()
        changed = tick(instance, book(INVENTORY, PANEL))
        assert time.monotonic() - started < 5
    assert changed[INVENTORY, "partition"] == "late"
    assert (INVENTORY, "source") not in changed and (PANEL, "source") not in changed


def _drip(server: socket.socket) -> None:
    try:
        connection, _ = server.accept()
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(60):
            connection.sendall(b" ")
            time.sleep(0.5)
    except OSError:
        return
