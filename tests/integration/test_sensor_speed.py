"""A tick of the automation and of freshness over all tables and half a year: seconds, and little memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import psutil
import pytest

from tests.integration.automation_ticks import YESTERDAY, Ticks, definitions, tables
from tests.unit.cli_runs import make_home
from tests.unit.contract_files import packaged
from tests.unit.freshness_lake import loaded, tick

DAYS, MOST_S, MOST_BYTES = 181, 5.0, 300_000_000


def cost(call: Callable[[], object]) -> tuple[float, int]:
    """Seconds of work (a busy machine is no reason to fail), and bytes that the process has grown by."""
    process = psutil.Process()
    before, started = process.memory_info().rss, time.process_time()
    call()
    return time.process_time() - started, process.memory_info().rss - before


@pytest.mark.slow
def test_a_tick_of_the_automation_over_the_whole_history() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        definitions()
        ticks = Ticks(instance)
        ticks.come(*tables(), days=DAYS, tags={"dagster/backfill": "six-months"})
        spent = [cost(ticks.tick) for _ in range(3)]  # the first sees all of it as new, the others nothing
        print([(round(seconds, 2), grown // 1_000_000) for seconds, grown in spent])
        assert max(seconds for seconds, _ in spent) < MOST_S, spent
        assert sum(grown for _, grown in spent) < MOST_BYTES, spent


@pytest.mark.slow
def test_a_tick_of_freshness_over_the_whole_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_home(tmp_path, monkeypatch)
    monkeypatch.setenv("GLOBALBEV_LANDING", str(tmp_path))
    for name in packaged():
        loaded(str(name), last=YESTERDAY, count=DAYS)
    with dg.DagsterInstance.ephemeral() as instance:
        spent = [cost(lambda: tick(instance, packaged(), datetime.now(UTC))) for _ in range(3)]
        print([(round(seconds, 2), grown // 1_000_000) for seconds, grown in spent])
        assert max(seconds for seconds, _ in spent) < MOST_S, spent
        assert sum(grown for _, grown in spent) < MOST_BYTES, spent
