"""The settings of a workspace: all that is missing is said at once, and nothing that could not work is let through."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from globalbev_assets.errors import TerminalError
from globalbev_assets.operations.rehearsal import MOST_SUBMISSIONS
from resources.databricks_settings import RUNTIME_PYTHONS, load_databricks_settings
from resources.settings import PROJECT, load_settings

NOTHING = Path(os.devnull)
WHOLE = {
    "GLOBALBEV_ENV": "prod",
    "GLOBALBEV_LAKE": "abfss://lake@globalbevprod.dfs.core.windows.net",
    "GLOBALBEV_DATABRICKS_HOST": "https://adb-1234567890123456.7.azuredatabricks.net",
    "GLOBALBEV_DATABRICKS_CLIENT_ID": "11111111-2222-3333-4444-555555555555",
    "GLOBALBEV_DATABRICKS_CLIENT_SECRET": "dose-very-secret",
    "GLOBALBEV_DATABRICKS_POLICY_ID": "ABC123",
    "GLOBALBEV_DATABRICKS_CATALOG": "globalbev_prod",
    "GLOBALBEV_DATABRICKS_SCOPE": "globalbev",
    "GLOBALBEV_DATABRICKS_HOME": "/Volumes/globalbev_prod/ops/state",
    "GLOBALBEV_DATABRICKS_RUNTIME": "other.x-scala2.13",
}


@pytest.fixture(autouse=True)
def whole(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GLOBALBEV_")]:
        monkeypatch.delenv(name)
    for name, value in WHOLE.items():
        monkeypatch.setenv(name, value)


def refused() -> TerminalError:
    with pytest.raises(TerminalError) as raised:
        load_databricks_settings(load_settings(NOTHING), NOTHING)
    assert "very-secret" not in str(raised.value)
    return raised.value


def test_settings_that_are_whole_are_taken() -> None:
    found = load_databricks_settings(load_settings(NOTHING), NOTHING)
    assert (found.auth, found.worker_range, found.is_loopback) == ("oauth", (1, 4), False)


def test_all_that_is_missing_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GLOBALBEV_LAKE", "GLOBALBEV_DATABRICKS_HOST", "GLOBALBEV_DATABRICKS_CLIENT_SECRET", "GLOBALBEV_DATABRICKS_POLICY_ID"):
        monkeypatch.delenv(name)
    error = refused()
    assert error.code == "GB-3001"
    assert str(error.got).split(", ") == [
        "GLOBALBEV_DATABRICKS_HOST",
        "GLOBALBEV_DATABRICKS_CLIENT_SECRET",
        "GLOBALBEV_DATABRICKS_POLICY_ID",
        "GLOBALBEV_LAKE",
    ]


def test_a_cluster_that_runs_needs_no_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLOBALBEV_DATABRICKS_POLICY_ID")
    monkeypatch.setenv("GLOBALBEV_DATABRICKS_CLUSTER_ID", "1125-123456-abcdefgh")
    assert load_databricks_settings(load_settings(NOTHING), NOTHING).cluster_id == "1125-123456-abcdefgh"


def test_serverless_compute_needs_neither_a_policy_nor_the_same_python(monkeypatch: pytest.MonkeyPatch) -> None:
    other = next(key for key, python in RUNTIME_PYTHONS.items() if python != sys.version_info[:2])
    monkeypatch.setenv("GLOBALBEV_DATABRICKS_RUNTIME", f"{other}.x-scala2.12")
    monkeypatch.delenv("GLOBALBEV_DATABRICKS_POLICY_ID")
    monkeypatch.setenv("GLOBALBEV_COMPUTE", "pipes")
    assert load_databricks_settings(load_settings(NOTHING), NOTHING).volume_path == "/Volumes/globalbev_prod/ops/pipes"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("GLOBALBEV_DATABRICKS_HOST", "adb-1234.7.azuredatabricks.net", "GB-3002"),
        ("GLOBALBEV_DATABRICKS_HOST", "http://adb-1234.7.azuredatabricks.net", "GB-3002"),
        ("GLOBALBEV_DATABRICKS_WORKERS", "4-1", "GB-3002"),
        ("GLOBALBEV_DATABRICKS_WORKERS", "many", "GB-3002"),
        ("GLOBALBEV_DATABRICKS_AUTH", "password", "GB-3002"),
        ("GLOBALBEV_DATABRICKS_STAGING", "relative", "GB-3002"),
        ("GLOBALBEV_DATABRICKS_VOLUME", "/dbfs/pipes", "GB-3002"),
        ("GLOBALBEV_DATABRICKS_VOLUME", "/Volumes/globalbev_prod", "GB-3002"),
        ("GLOBALBEV_LAKE", "/home/me/lake", "GB-3003"),
        ("GLOBALBEV_LAKE", "s3://lake", "GB-3003"),
        ("GLOBALBEV_DATABRICKS_HOME", "/tmp/state", "GB-3003"),
    ],
)
def test_what_could_not_work_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str, code: str) -> None:
    monkeypatch.setenv(name, value)
    error = refused()
    assert error.code == code
    assert name in error.what


def test_a_runtime_with_another_python_is_refused_before_anything_is_uploaded(monkeypatch: pytest.MonkeyPatch) -> None:
    other = next(key for key, python in RUNTIME_PYTHONS.items() if python != sys.version_info[:2])
    monkeypatch.setenv("GLOBALBEV_DATABRICKS_RUNTIME", f"{other}.x-scala2.12")
    error = refused()
    assert error.code == "GB-3004"
    assert f"Python {sys.version_info[0]}.{sys.version_info[1]} here" in str(error.got)
    (named,) = re.findall(r"\((deploy/\S+)\)", error.todo)
    assert (PROJECT / named).is_file()


LOADED = """
import json
import sys
from globalbev_assets.definitions import defs
assets = sorted(key.to_user_string() for node in defs.assets for key in node.keys)
checks = sorted(str(key) for node in defs.asset_checks for key in node.check_keys)
partitions = sorted({str(node.partitions_def) for node in defs.assets})
print(assets, checks, sorted(defs.resources), partitions)
steps = [node.op.name for node in (*defs.assets, *defs.asset_checks) if "pyspark_step_launcher" in node.required_resource_keys]
others = [node.op.name for node in defs.asset_checks if "pyspark_step_launcher" in node.required_resource_keys]
others += [sensor.name for sensor in defs.sensors if "pyspark_step_launcher" in sensor.required_resource_keys]
print(json.dumps({"assets": len(assets), "steps": steps, "others": others}))
print(sorted(name for name in sys.modules if name.split(".")[0] in ("databricks", "dagster_databricks", "azure", "dagster_azure", "pandera")), file=sys.stderr)
"""


def loaded(more: dict[str, str]) -> tuple[str, str]:
    return _loaded(tuple(more.items()))


@cache
def _loaded(more: tuple[tuple[str, str], ...]) -> tuple[str, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GLOBALBEV_")} | dict(more)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOADED], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr.strip().splitlines()[-1]


DAYS = {"GLOBALBEV_START_DATE": "2026-01-01", "GLOBALBEV_END_DATE": "2026-02-01"}


def test_a_daily_run_of_all_tables_is_at_most_ten_submissions_and_nothing_else_is_submitted() -> None:
    """A domain's tables of a layer share a step, and a step is a cluster's start: minutes, whatever it does."""
    found = json.loads(loaded({"GLOBALBEV_ENV": "local", **DAYS})[0].splitlines()[1])
    assert found["others"] == []
    assert 3 <= len(found["steps"]) <= MOST_SUBMISSIONS == 10
    assert found["assets"] > 2 * len(found["steps"])


def test_every_environment_has_the_same_assets_checks_resources_and_partitions() -> None:
    local, imported = loaded({"GLOBALBEV_ENV": "local", **DAYS})
    assert imported == "[]", "local imports nothing of azure and databricks"
    for more in ({"GLOBALBEV_ENV": "dev"}, {"GLOBALBEV_ENV": "test"}, {}, {"GLOBALBEV_COMPUTE": "pipes"}):
        elsewhere, _ = loaded(WHOLE | DAYS | more)
        assert elsewhere == local
    on_cluster, imported = loaded({"GLOBALBEV_ENV": "prod", "GLOBALBEV_SPARK": "cluster", "GLOBALBEV_LAKE": WHOLE["GLOBALBEV_LAKE"], **DAYS})
    assert (on_cluster, imported) == (local, "[]"), "a cluster has none of the workspace's settings"
