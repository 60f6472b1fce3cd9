"""A check that fails becomes a message within a minute, by the daemon that `dagster dev` starts and at the sensor's own interval. No Spark."""

from __future__ import annotations

import os
import time
from pathlib import Path

import dagster as dg
import pytest

from resources.dagster_home import prepare_dagster_home
from resources.settings import PROJECT
from tests.alert_world import World, lines
from tests.integration.dev_server import DevServer, dev_server, wait_for

WITHIN_S = 60.0
TICKS = """
    query Ticks($selector: SensorSelector!) {
      sensorOrError(sensorSelector: $selector) { ... on Sensor { sensorState { ticks(limit: 5) { status timestamp } } } }
    }
"""
ALERTS = {"repositoryLocationName": "globalbev", "repositoryName": "__repository__", "sensorName": "alerts"}


def has_ticked(server: DevServer) -> bool:
    ticks = server.ask(TICKS, selector=ALERTS)["sensorOrError"]["sensorState"]["ticks"]
    return any(tick["status"] in ("SUCCESS", "SKIPPED") for tick in ticks)


@pytest.mark.slow  # a minute of waiting
@pytest.mark.parametrize("moment_s", [2.0, 17.0], ids=["just after a tick", "between two"])
def test_a_failed_check_is_a_message_within_a_minute(tmp_path: Path, moment_s: float) -> None:
    home = tmp_path / "home"
    folder = prepare_dagster_home(home)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER", "GLOBALBEV"))}
    variables = kept | {"DAGSTER_HOME": str(folder), "GLOBALBEV_HOME": str(home), "PYTHONPATH": str(PROJECT)}
    with dg.DagsterInstance.from_config(str(folder)) as instance, dev_server(tmp_path, variables, PROJECT) as server:
        wait_for(lambda: has_ticked(server), 120, server.log)
        time.sleep(moment_s)
        World(home, instance).volume("bronze.orders")
        failed_at = time.monotonic()
        wait_for(lambda: bool(lines(home)), WITHIN_S, server.log)
        took = time.monotonic() - failed_at
    (message,) = lines(home)
    assert message["title"].startswith("warning: bronze.orders")
    print(f"{took:.1f} s from the failed check to its message")  # with -s
