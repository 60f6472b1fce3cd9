"""The way to a cluster and back with real Spark and Delta: two domains' steps, by the launcher and by Pipes, on the workspace of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

import sandbox
from resources.ledger import Ledger
from resources.settings import PROJECT

pytestmark = [pytest.mark.jvm, pytest.mark.integration, pytest.mark.spark, pytest.mark.timeout(900)]
TABLES = {"bronze.customers", "bronze.crm_contacts", "silver.customers", "silver.crm_contacts"}  # refer to no other domain


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """The sources of a home whose path the launcher's own exclusions do not match; environment and JARs are those of the project's home."""
    with TemporaryDirectory(prefix="globalbev-rehearsal-") as folder:
        made = Path(folder)
        for name in ("jars", "java"):
            if (PROJECT / ".globalbev" / name).exists():
                (made / name).symlink_to(PROJECT / ".globalbev" / name)
        sandbox.up(made, env_file=made / ".env")
        yield made
        sandbox.remove(made)


def rehearsed(home: Path, *arguments: str, tables: Collection[str] = TABLES) -> dict[str, Any]:
    command = [sys.executable, "-m", "globalbev_assets.operations.cli", "databricks", "rehearse", "--home", str(home), "--json"]
    command += [part for table in sorted(tables) for part in ("--select", table)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GLOBALBEV_")}
    done = subprocess.run([*command, *arguments], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False, timeout=800)
    assert done.stdout.lstrip().startswith("{"), done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["errors"] == []
    return found


@pytest.mark.parametrize("compute", ["launcher", pytest.param("pipes", marks=pytest.mark.slow)])
def test_two_layers_of_a_domain_go_to_a_cluster_and_come_back_by_day(home: Path, compute: str) -> None:
    found = rehearsed(home, "--compute", compute)
    assert found["is_good"]
    assert [step["result"] for step in found["steps"]] == ["SUCCESS", "SUCCESS"], "a submission a layer and domain, whatever the days"
    assert found["days_reported"] == dict.fromkeys(sorted(TABLES), 3)
    assert found["repeated"] == []
    assert found["checks"]["passed"] > 20
    assert found["broken"] == [], "what failed are warnings"
    assert found["host_jvms"] == 0
    assert found["leaks"] == []


@pytest.mark.slow
def test_days_that_one_way_has_published_are_unchanged_by_the_other(home: Path) -> None:
    """The launcher's step finds in the tables' own commits what Pipes published: the same content under the same contract."""
    rehearsed(home, "--compute", "pipes", "--days", "1")
    found = rehearsed(home, "--continue", "--days", "1")
    assert found["is_good"]
    assert found["days_reported"] == dict.fromkeys(sorted(TABLES), 1)
    weekly = {table for table in TABLES if table.endswith("crm_contacts")}  # delivers every seventh day: perhaps nothing on this one
    assert {table: days for table, days in found["unchanged"].items() if table not in weekly} == dict.fromkeys(sorted({*TABLES} - weekly), 1)


@pytest.mark.slow
@pytest.mark.parametrize("compute", ["launcher", "pipes"])
def test_days_of_a_cluster_that_was_lost_after_their_commit_are_published_once(home: Path, compute: str) -> None:
    """The machine goes as soon as the rows are in the table and before anybody was told: no ledger row, no event. The next attempt finds them."""
    tables = {"bronze.lots", "bronze.inventory"}
    found = rehearsed(home, "--compute", compute, "--evict", "bronze.lots", tables=tables)
    assert [step["result"] for step in found["steps"]] == ["FAILED", "SUCCESS"]
    assert found["is_good"]
    assert found["days_reported"] == dict.fromkeys(sorted(tables), 3)
    assert (found["repeated"], found["unreported"]) == ([], [])
    storage = home / "databricks" / "rehearsal" / "workspace" / "storage"
    assert {table: rows_committed(storage, table) for table in tables} == dict.fromkeys(tables, 1)
    ledger = [(row.table_name, row.business_day) for row in Ledger(str(storage)).of_runs(found["runs"].values())]
    assert len(ledger) == len(set(ledger)) == 3 * len(tables)


def rows_committed(storage: Path, table: str) -> int:
    """How many commits brought rows into a table."""
    logs = (storage / table.replace(".", "/")).glob("_delta_log/*.json")
    return sum('"add":' in log.read_text(encoding="utf-8") for log in logs)
