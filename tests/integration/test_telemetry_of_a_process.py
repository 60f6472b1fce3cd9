"""The whole way, in a process of its own: settings, logging, metrics, and what is sent before it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from resources.logs.columns import COLUMNS
from tests.unit.log_receiver import receiving
from tests.unit.test_metrics import otlp_receiver, sent

ROOT = Path(__file__).parents[2]
SECRET = "client-secret-4711"
RUN = (
    "from resources.settings import load_settings; from resources.telemetry import configure_telemetry; from resources.logs.events import emit, bound\n"
    "import sys; configure_telemetry(load_settings())\n"
    "with bound(asset='silver.orders', step='silver_sales'):\n"
    "    [emit('table.committed', version=1, day_count=1, duration_s=0.5) for _ in range(3)]\n"
    "print([name for name in sys.modules if name == 'opentelemetry'])\n"
)


def process(home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    given = os.environ | {"GLOBALBEV_HOME": str(home), "GLOBALBEV_ENV": "local"} | variables
    return subprocess.run([sys.executable, "-c", RUN], cwd=ROOT, env=given, capture_output=True, text=True, timeout=90, check=False)


def test_a_process_sends_what_it_counted_before_it_ends(tmp_path: Path) -> None:
    with otlp_receiver() as (url, got):
        done = process(tmp_path, GLOBALBEV_METRICS_OTLP=url)
    assert done.returncode == 0, done.stderr
    found = sent(got[-1][2])
    assert found["globalbev.commits"].sum.data_points[0].as_int == 3
    assert found["globalbev.commits"].sum.aggregation_temporality == 1, "what this process added: runs are short"
    assert found["globalbev.commit.duration"].histogram.data_points[0].count == 3


def test_a_receiver_that_is_down_holds_a_process_up_for_seconds_at_most(tmp_path: Path) -> None:
    began = time.monotonic()
    done = process(tmp_path, GLOBALBEV_METRICS_OTLP="http://127.0.0.1:9")
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 25


def test_nothing_is_imported_while_nothing_is_set(tmp_path: Path) -> None:
    assert process(tmp_path).stdout.strip() == "[]"


def test_a_process_ships_what_it_logs_before_it_ends(tmp_path: Path) -> None:
    """The whole way: settings, handler, thread, exit; redacted."""
    code = (
        "from resources.settings import load_settings; from resources.logs.setup import configure_logging; from resources.logs.events import emit, bound\n"
        "configure_logging(load_settings())\n"
        "import logging\n"
        "with bound(run_id='r1', asset='silver.orders', days='2026-05-01'):\n"
        "    emit('table.published', rows_in=5, published=4, quarantined=1, duration_s=1.5, delta_version=7)\n"
        "logging.getLogger('lib').warning('mail of jane@example.com')\n"
    )
    with receiving() as receiver:
        given = {"LOG_ENDPOINT": receiver.url, "LOG_RULE": "dcr-0123", "LOG_TENANT": "t", "LOG_CLIENT_ID": "c", "LOG_CLIENT_SECRET": SECRET}
        given |= {"LOG_AUTHORITY": receiver.url, "HOME": str(tmp_path), "LOG_FORMAT": "json", "ENV": "local"}
        environment = os.environ | {f"GLOBALBEV_{name}": value for name, value in given.items()}
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    published, library = receiver.rows
    assert {name: published[name] for name in ("Event", "RunId", "Asset", "Days", "RowsIn", "Quarantined", "DurationSeconds", "Environment")} == {
        "Event": "table.published", "RunId": "r1", "Asset": "silver.orders", "Days": "2026-05-01", "RowsIn": 5, "Quarantined": 1,
        "DurationSeconds": 1.5, "Environment": "local",
    }  # fmt: skip
    assert published["Properties"] == {"delta_version": 7}
    assert (library["Event"], library["Level"], library["Logger"]) == ("mail of ***", "warning", "lib")
    assert set(published) | set(library) <= set(COLUMNS)
    assert SECRET not in json.dumps(receiver.rows) + done.stdout + done.stderr
