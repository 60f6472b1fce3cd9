"""The ordinary tools: ``dagster asset materialize`` in a process of its own, for a day and for a range where Dagster takes one."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from resources.settings import PROJECT
from tests.integration.lakes import Lake, environment

pytestmark = [pytest.mark.integration]


def materialize(lake: Lake, key: str, *when: str) -> subprocess.CompletedProcess[str]:
    """In a folder without a ``.env``: a developer's, in the project, would win over the variables of the test's lake."""
    dagster = Path(sys.executable).with_name("dagster")
    command = [str(dagster), "asset", "materialize", "-m", "globalbev_assets.definitions", "--select", f'key:"{key}"', *when]
    return subprocess.run(
        command, cwd=lake.folder, env=environment(lake) | {"PYTHONPATH": str(PROJECT)}, capture_output=True, text=True, timeout=300, check=False
    )


def test_a_day_of_one_asset(own_lake: Lake) -> None:
    day = own_lake.days.last
    done = materialize(own_lake, "bronze/markets", "--partition", str(day))
    assert done.returncode == 0, done.stderr[-2000:]
    newest = max((row for row in own_lake.query("select * from ops.ledger where table_name = 'bronze.markets'")), key=lambda row: row["recorded_at"])
    assert (newest["business_day"], newest["rows_in"], newest["state"]) == (day, 8, "unchanged")


def test_a_range_of_bronze_is_one_run(own_lake: Lake) -> None:
    first, last = own_lake.days.last - timedelta(days=2), own_lake.days.last
    done = materialize(own_lake, "bronze/orders", "--partition-range", f"{first}...{last}")
    assert done.returncode == 0, done.stderr[-2000:]
    rows = own_lake.query(
        "select run_id, business_day, recorded_at from ops.ledger where table_name = 'bronze.orders' order by recorded_at desc limit 3"
    )
    assert len({row["run_id"] for row in rows}) == 1
    assert {row["business_day"] for row in rows} == {first, first + timedelta(days=1), last}


def test_a_range_of_silver_is_refused_as_the_docs_say(own_lake: Lake) -> None:
    """Silver's policy is another than bronze's so that Dagster's backfill splits by layer; ``--partition-range`` takes ``single_run()`` alone."""
    before = own_lake.versions()
    done = materialize(own_lake, "silver/markets", "--partition-range", f"{own_lake.days.first}...{own_lake.days.last}")
    assert done.returncode != 0
    assert "single-run backfill policy" in done.stderr + done.stdout
    assert own_lake.versions() == before
    said = "".join(path.read_text() for path in (PROJECT / "README.md", *PROJECT.glob("docs/**/*.md")))
    assert "--partition-range" in said
    assert "single_run" in said
