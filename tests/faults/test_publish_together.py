"""Several who publish one table at once (F6, F7): the same day twice, and a range beside live days; every commit is somebody's, and none is lost."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from resources.delta_log import FolderLog
from resources.publishing import TableResult
from resources.settings import Settings

from .refunds import FIRST, ONE_DAY, Refunds, assert_sound, days, good, wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


def together(refunds: Refunds, go: Path, *runs: tuple[str, int, int]) -> dict[str, str]:
    """Start the runs (name, generation, days) as processes and let them off at once; the state of each run's first day."""
    processes: dict[str, subprocess.Popen[str]] = {}
    for name, generation, count in runs:
        processes[name] = refunds.start(name, generation, days(count), "--start-when", str(go), "--wait", "120")
    wait_for(lambda: all(Path(f"{go}.{name}").exists() for name, _, _ in runs), 120)
    go.touch()
    said = {name: process.communicate(timeout=200) for name, process in processes.items()}
    assert [process.returncode for process in processes.values()] == [0] * len(processes), said
    return {name: next(iter(json.loads(out)["states"].values())) for name, (out, _) in said.items()}


def the_generation(refunds: Refunds, candidates: tuple[int, ...]) -> int:
    """The one generation whose content the first day has."""
    rows = set(refunds.rows(ONE_DAY))
    found = [generation for generation in candidates if rows == good(refunds.kind, generation, FIRST)]
    assert found, "the day is a mixture"
    return found[0]


@pytest.mark.parametrize("rounds", [pytest.param(2, id="twice"), pytest.param(10, id="ten times", marks=pytest.mark.slow)])
def test_the_same_day_twice_at_once_is_one_run_after_the_other(rounds: int, refunds: Refunds, tmp_path: Path) -> None:
    """The very first round finds no table, no quarantine and no ledger."""
    for number in range(rounds):
        first, second = 2 * number + 1, 2 * number + 2
        runs = ((f"a{number}", first, 1), (f"b{number}", second, 1))
        states = together(refunds, tmp_path / f"go{number}", *runs)
        assert set(states.values()) == {"published"}
        winner = the_generation(refunds, (first, second)) if refunds.kind == "by_day" else second
        last = refunds.writers()[-1] if refunds.kind == "by_day" else f"b{number}"
        assert last == (f"a{number}" if winner == first else f"b{number}"), "the newest commit is not the one whose rows are there"
        assert sorted(refunds.writers()) == sorted(f"{run}{done}" for done in range(number + 1) for run in "ab"), "a commit was lost"
        if refunds.kind == "by_day":
            assert_sound(refunds, {FIRST: winner})


def test_two_runs_with_the_same_content_commit_it_once_and_the_second_says_so(settings: Settings, tmp_path: Path) -> None:
    refunds = Refunds(settings)
    states = together(refunds, tmp_path / "go", ("a", 1, 1), ("b", 1, 1))
    assert sorted(states.values()) == ["published", "unchanged"]
    assert len(refunds.commits()) == 1
    assert_sound(refunds, {FIRST: 1})


def overtaken(refunds: Refunds, by: Sequence[date]) -> tuple[TableResult, int]:
    """The result of a run that read the source before another one read it anew and published ``by``; and how often it read."""
    source, readings = [2], list[int]()

    def read() -> int:
        readings.append(source[-1])
        return source[-1]

    def another_run() -> None:
        if len(readings) == 1:
            source.append(3)
            assert refunds.publish("fast", 3, by).error is None

    return refunds.publish("slow", read, ONE_DAY, between=another_run), len(readings)


def test_what_was_read_earlier_does_not_take_the_place_of_what_was_read_later(refunds: Refunds) -> None:
    refunds.publish("before", 1, ONE_DAY)
    result, readings = overtaken(refunds, ONE_DAY)
    assert (result.error, readings, result.rows[0].state) == (None, 2, "unchanged")
    assert refunds.rows(ONE_DAY) == sorted(good(refunds.kind, 3, FIRST))


def test_a_commit_of_other_days_is_no_reason_to_read_again(settings: Settings) -> None:
    refunds = Refunds(settings)
    result, readings = overtaken(refunds, days(2)[1:])
    assert (result.error, readings, result.rows[0].state) == (None, 1, "published")
    assert refunds.rows(ONE_DAY) == sorted(good("by_day", 2, FIRST))


def test_a_column_that_the_run_itself_adds_is_nobody_elses_commit(refunds: Refunds) -> None:
    contract, readings = refunds.contract, list[int]()
    FolderLog().create(refunds.path, replace(contract, columns=tuple(column for column in contract.columns if column.name != "amount")))

    def read() -> int:
        readings.append(1)
        return 1

    result = refunds.publish("run", read, ONE_DAY)
    assert (result.error, len(readings), result.rows[0].state) == (None, 1, "published")
    assert refunds.rows(ONE_DAY) == sorted(good(refunds.kind, 1, FIRST))


def test_a_backfill_beside_live_runs_on_one_table_loses_no_commit(settings: Settings, tmp_path: Path) -> None:
    """Thirty days in one commit, while the last of them is published again and again."""
    refunds, month = Refunds(settings), days(30)
    backfill = refunds.start("backfill", 1, month, "--slow", "4", "--wait", "120")
    wait_for(lambda: list((settings.home / "leases").glob("*.json")), 120)
    for number in range(3):
        assert refunds.publish(f"live{number}", number + 2, month[-1:]).error is None
    assert backfill.wait(timeout=200) == 0, backfill.communicate()
    assert sorted(refunds.writers()) == ["backfill", "live0", "live1", "live2"]
    newest = {"backfill": 1, "live0": 2, "live1": 3, "live2": 4}[refunds.writers()[-1]]
    assert_sound(refunds, dict.fromkeys(month[:-1], 1) | {month[-1]: newest})


@pytest.mark.slow  # a minute of waiting; without Spark, test_lease.py has it
def test_who_waits_too_long_for_a_writer_says_whom_it_waited_for(settings: Settings) -> None:
    refunds = Refunds(settings, wait_s=1.0)
    refunds.publish("before", 1, ONE_DAY)
    client = refunds.start("slow", 2, ONE_DAY, "--slow", "12")
    wait_for(lambda: list((settings.home / "leases").glob("*.json")), 120)
    started = time.monotonic()
    result = refunds.publish("hasty", 3, ONE_DAY)
    assert f"process {client.pid} (run slow)" in str(result.error)
    assert result.rows[0].state == "failed"
    assert result.rows[0].reason.startswith("GB-1203")
    assert time.monotonic() - started < 60
    assert client.wait(timeout=100) == 0
    assert refunds.rows(ONE_DAY) == sorted(good("by_day", 2, FIRST))
