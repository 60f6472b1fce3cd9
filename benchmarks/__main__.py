"""``make bench``: six months through Dagster against one plain script, a day alone, and what a start costs.

The plain script calls the same transforms, rules, quarantine and commits without Dagster (``workloads.plain``): the ratio is what Dagster costs.

Results go to ``benchmarks/results/<day>.json`` and, as a table, to the screen. Nothing else should run on the machine meanwhile.
"""

# ruff: noqa: PLC0415  what is imported is part of what is measured
from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
TARGETS = {
    "dagster_over_plain": "at most 1.5, target 1.15",
    "one_day_warm_s": "at most 60, target 25",
    "one_day_cold_s": "at most 120",
    "run_a_day_over_range_warm": "at least 15",
    "run_a_day_over_range_cold": "at least 50",
    "validate_s": "under 5",
    "peak_memory_gib": "at most 8",
}


def main() -> None:
    """Measure, write and show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="where to put sandbox and lakes (default: a temporary folder)")
    parser.add_argument("--days", type=int, default=181, help="days of the range")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="globalbev-bench-") as folder:
        figures = measure((given.home or Path(folder)).absolute(), given.days)
    RESULTS.mkdir(exist_ok=True)
    place = RESULTS / f"{time.strftime('%Y-%m-%d')}.json"
    place.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    show(figures)
    print(f"written to {place.relative_to(ROOT)}")


def measure(home: Path, days_wanted: int) -> dict[str, Any]:
    """All figures, in one run of one machine."""
    import sandbox

    status = sandbox.up(home, env_file=home / "bench.env")
    os.environ.update(_env_of(home / "bench.env"))
    from benchmarks.memory import PeakMemory
    from benchmarks.parts import parts
    from benchmarks.workloads import plain, through_dagster
    from partitions.days import DayRange
    from resources.dagster_home import prepare_dagster_home
    from resources.settings import load_settings
    from resources.spark_server import ensure_server, stop_server

    os.environ["DAGSTER_HOME"] = str(prepare_dagster_home(home))
    os.environ["DAGSTER_EVENT_BATCH_SIZE"] = "200"
    last = status.last_day
    days = DayRange(last - timedelta(days=days_wanted - 1), last)
    settings = load_settings(home / "bench.env")
    figures: dict[str, Any] = {"machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores", "days": len(days)}
    try:
        started = time.monotonic()
        server = ensure_server(settings)
        figures["server_start_s"] = time.monotonic() - started
        memory = PeakMemory([server.pid])
        memory.start()
        _use_lake(home / "lake-warm-up")
        plain(load_settings(home / "bench.env"), list(DayRange(last - timedelta(days=6), last)))  # both sides meet a server that has worked
        # By turns, for the server gets faster with what it has done: the plain script first, then Dagster, then the script again.
        figures["plain_first_s"] = _plain(home, "lake-plain", days)
        _use_lake(home / "lake-dagster")
        settings = load_settings(home / "bench.env")
        figures["dagster_s"], results = through_dagster(settings, days)
        with parts() as seconds:
            figures["plain_second_s"] = _plain(home, "lake-plain-2", days)
        figures["parts_thread_s"] = {part: round(taken, 1) for part, taken in seconds.items()}
        figures["plain_s"] = (figures["plain_first_s"] + figures["plain_second_s"]) / 2
        _use_lake(home / "lake-dagster")
        figures["dagster_by_layer_s"] = {result.stage.layer: result.seconds for result in results}
        figures["succeeded"] = all(result.succeeded for result in results)
        day = last - timedelta(days=len(days) // 2)
        figures["one_day_warm_s"], _ = through_dagster(settings, DayRange(day, day))
        figures["one_day_only_warm_s"] = _single_days(settings, [last - timedelta(days=offset) for offset in (1, 2, 3)])
        figures["peak_memory_gib"] = memory.stop() / 2**30
        stop_server(settings)
        started = time.monotonic()
        figures["one_day_cold_s"] = _in_new_process(_BACKFILL, day)
        stop_server(settings)
        figures["one_day_only_cold_s"] = _in_new_process(_ONE_DAY, last - timedelta(days=4))
        stop_server(settings)
    finally:
        stop_server(settings)
        sandbox.remove(home)
    figures["validate_s"] = _validate()
    return _with_ratios(figures)


def _plain(home: Path, lake: str, days: Any) -> float:
    from benchmarks.workloads import plain
    from resources.settings import load_settings

    _use_lake(home / lake)
    return plain(load_settings(home / "bench.env"), list(days))


def _single_days(settings: Any, days: list[Any]) -> float:
    """Seconds of one run a day over all layers' own day (no look-ahead of gold): the mean of some days."""
    from globalbev_assets.operations.backfill import Stage, execute
    from partitions.days import DayRange
    from resources.lakehouse_resource import book_of

    book = book_of(settings)
    started = time.monotonic()
    for day in days:
        execute(
            [Stage(layer, tuple(str(contract.name) for contract in book.layer(layer)), DayRange(day, day)) for layer in ("bronze", "silver", "gold")]
        )
    return (time.monotonic() - started) / len(days)


_BACKFILL = ("-c", "import sys; from globalbev_assets.operations.cli import main; sys.argv[1:] = ['backfill', *sys.argv[1:] * 2]; main()")
_ONE_DAY = ("-c", "import sys; from benchmarks.__main__ import one_day_only; one_day_only(sys.argv[1])")


def _in_new_process(program: Sequence[str], day: Any) -> float:
    started = time.monotonic()
    subprocess.run([sys.executable, *program, str(day)], cwd=ROOT, check=True, capture_output=True)
    return time.monotonic() - started


def one_day_only(day: str) -> None:
    """One run a layer for that day and no other: what a scheduler that knows no ranges would start."""
    from partitions.days import parse_day
    from resources.settings import load_settings

    _single_days(load_settings(), [parse_day(day)])


def _validate() -> float:
    started = time.monotonic()
    subprocess.run([str(Path(sys.executable).parent / "dagster"), "definitions", "validate"], cwd=ROOT, check=True, capture_output=True)
    return time.monotonic() - started


def _use_lake(lake: Path) -> None:
    os.environ["GLOBALBEV_LAKE"] = str(lake)


def _env_of(path: Path) -> dict[str, str]:
    from dotenv import dotenv_values

    return {name: value for name, value in dotenv_values(path).items() if value is not None}


def _with_ratios(figures: dict[str, Any]) -> dict[str, Any]:
    days = figures["days"]
    ratios = {
        "dagster_over_plain": figures["dagster_s"] / figures["plain_s"],
        "dagster_alone_s": figures["dagster_s"] - figures["plain_s"],
        "run_a_day_over_range_warm": figures["one_day_only_warm_s"] * days / figures["dagster_s"],
        "run_a_day_over_range_cold": figures["one_day_only_cold_s"] * days / (figures["dagster_s"] + figures["server_start_s"]),
    }
    return {name: round(value, 2) if isinstance(value, float) else value for name, value in {**figures, **ratios}.items()}


def show(figures: dict[str, Any]) -> None:
    """Print the figures with what was asked for."""
    table = Table("figure", "measured", "wanted")
    for name, value in figures.items():
        table.add_row(name, json.dumps(value) if isinstance(value, dict) else str(value), TARGETS.get(name, ""))
    Console().print(table)


if __name__ == "__main__":
    main()
