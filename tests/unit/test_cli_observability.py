"""``globalbev logs`` and ``globalbev metrics``: what they print, ship and refuse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from partitions.days import today
from resources.ledger import Ledger
from resources.logs.shipping import spool_of
from resources.settings import load_settings
from tests.unit.cli_runs import document, make_home, run
from tests.unit.log_receiver import receiving
from tests.unit.test_metrics import row

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith(("GLOBALBEV_LOG", "GLOBALBEV_METRICS")):
            monkeypatch.delenv(name)
    return make_home(tmp_path, monkeypatch)


def wait_in_spool(lines: int) -> None:
    spool = spool_of(load_settings())
    for number in range(lines):
        spool.write(json.dumps({"Event": "x", "number": number}).encode())
    spool.seal()


def test_the_status_says_how_many_lines_wait() -> None:
    wait_in_spool(3)
    said = document("logs", "status")
    assert (said["lines"], said["shipping"]) == (3, False)
    assert run("logs", "status").stdout.startswith("3 lines wait (")


def test_what_a_dead_process_left_is_shipped_by_hand(home: Path) -> None:
    wait_in_spool(5)
    with receiving() as receiver:
        given = {"LOG_ENDPOINT": receiver.url, "LOG_AUTHORITY": receiver.url, "LOG_RULE": "dcr-1", "LOG_TENANT": "t", "LOG_CLIENT_ID": "c"}
        environment = os.environ | {f"GLOBALBEV_{name}": value for name, value in given.items()} | {"GLOBALBEV_LOG_CLIENT_SECRET": "secret-4711"}
        done = subprocess.run(
            [sys.executable, "-m", "globalbev_assets.operations.cli", "logs", "ship"],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(each["number"] for each in receiver.rows) == list(range(5))


def test_without_a_receiver_shipping_and_pushing_say_so() -> None:
    for words, code in ((("logs", "ship"), "GB-2403"), (("metrics", "--push"), "GB-2413")):
        done = run(*words)
        assert (done.exit_code, done.stderr.split()[0]) == (2, code)


def test_metrics_are_printed_as_prometheus_reads_them(home: Path) -> None:
    Ledger(str(home / "lake")).append([row("silver.orders", 2, rows_in=4, published=3, quarantined=1)])
    done = run("metrics")
    assert done.exit_code == 0
    found = {family.name: family.samples for family in text_string_to_metric_families(done.stdout)}
    assert found["globalbev_quarantine_ratio"][0].value == 0.25
    assert found["globalbev_freshness_lag_seconds"][0].value > 0
    (lag,) = [each for each in document("metrics") if each["name"] == "globalbev.freshness.lag"]
    assert (lag["unit"], lag["globalbev.table"]) == ("s", "silver.orders")
    assert lag["value"] < (today().toordinal() - 700_000) * 86_400
