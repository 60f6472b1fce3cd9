"""A tick over 30 tables and 181 days of check results: under 5 s, under 300 MB more than the code server has anyway."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.events import DagsterEventType

from tests.alert_world import instance_in
from tests.dagster_events import entry, materialization

MEASURED = """
import resource, sys, time
from tests.alert_world import World, instance_in
from tests.integration.test_alerts_speed import report_six_months
from pathlib import Path

folder = Path(sys.argv[1])
import globalbev_assets.definitions
with instance_in(folder / "dagster") as instance:
    world = World(folder / "home", instance)
    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, used = time.monotonic(), time.process_time()
    result = world.tick()
    print(time.monotonic() - started, "s by the clock")
    print(result.events, time.process_time() - used, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - idle) / 1024)
"""
TABLES = [f"{layer}.table_{number}" for layer in ("bronze", "silver", "gold") for number in range(10)]
DAYS = [date(2026, 1, 1) + timedelta(days=number) for number in range(181)]
CHECKS = ("contract", "volume", "unique", "range", "freshness")


def report_six_months(folder: Path) -> None:
    """5 checks of 30 tables on 181 days, 27,150 results, one in a hundred of them failed, and a materialisation of each."""
    figures = {name: number for number, name in enumerate(("rows_in", "published", "quarantined", "deduplicated", "superseded", "unaccounted"))}
    with instance_in(folder / "dagster") as instance:
        for table in TABLES:
            key = dg.AssetKey(table.split("."))
            events = [materialization("run", key, str(day)) for day in DAYS]
            for number, (check, day) in enumerate((check, day) for check in CHECKS for day in DAYS):
                made = dg.AssetCheckEvaluation(key, check, number % 100 != 0, figures, partition=str(day), blocking=check == "contract")
                events.append(entry("run", DagsterEventType.ASSET_CHECK_EVALUATION, made))
            instance.event_log_storage.store_event_batch(_now(events))


def _now(events: list[Any]) -> list[Any]:
    return [event._replace(timestamp=datetime.now(UTC).timestamp()) for event in events]


@pytest.mark.slow  # 20 s to make the events
def test_a_tick_over_six_months_is_quick_and_small(tmp_path: Path) -> None:
    report_six_months(tmp_path)
    done = subprocess.run([sys.executable, "-c", MEASURED, str(tmp_path)], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    events, seconds, megabytes = (float(word) for word in done.stdout.split()[-3:])
    print(f"{events:.0f} events: {seconds:.1f} s of the processor, {megabytes:.0f} MB, {done.stdout.splitlines()[0]}")
    assert events == len(TABLES) * len(DAYS) * len(CHECKS)
    assert seconds < 5  # of the processor: a machine that is shared by seven people takes three times as long by the clock
    assert megabytes < 300
