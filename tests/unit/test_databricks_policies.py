"""The deployed cluster policies: Terraform and the rehearsal's workspace read the same files, and what the deployed settings ask for passes them."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any, get_args

import dagster as dg
import pytest
from dagster_databricks import databricks_pyspark_step_launcher
from databricks.sdk.errors import InvalidParameterValue

from resources.databricks_launcher import launcher_config
from resources.databricks_settings import load_databricks_settings
from resources.settings import PROJECT, load_settings
from resources.upload import Upload
from sandbox.databricks import Workspace
from sandbox.databricks.deployed import PLACES, Kind, policy
from sandbox.databricks.ground import DRIVERS, NODES_POLICY, POOL, VALUES, make_workspace, variables
from tests.unit.contract_files import packaged

MODULES = PROJECT / "deploy" / "terraform" / "modules"
KINDS: tuple[Kind, ...] = get_args(Kind)
ALL = {**VALUES, "pipeline_client_id": "etl"}
NOTHING = Path(os.devnull)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """The rehearsal's own, but with this Python for its clusters, of which none gets so far as to start."""
    monkeypatch.setattr("sandbox.databricks.ground.cluster_python", lambda _: Path(sys.executable))
    for name in [name for name in os.environ if name.startswith(("GLOBALBEV_", "ARM_", "DATABRICKS_"))]:
        monkeypatch.delenv(name)
    with make_workspace(tmp_path, tmp_path / "workspace", {}, has_spark=False, start_s=600) as found:
        for name, value in variables(found, tmp_path / "landing").items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("GLOBALBEV_INVENTORY_URL", "http://127.0.0.1:9")
        yield found


def asked_for(workspace: Workspace) -> dict[str, Any]:
    """The cluster that Dagster's launcher gets when it submits what the settings say."""
    settings = load_settings(NOTHING)
    upload = Upload(Path("/srv/upload"), "0123456789abcdef" * 4, 300_000, 190)
    config = launcher_config(settings, load_databricks_settings(settings, NOTHING), upload, packaged())
    launcher = databricks_pyspark_step_launcher(dg.build_init_resource_context(config=config))
    run_id = launcher.databricks_runner.submit_run(launcher.run_config, {"spark_python_task": {"python_file": "dbfs:/main.py", "parameters": []}})
    return workspace.runs.get(run_id).cluster


def test_the_deployed_settings_get_a_cluster_of_the_pools(workspace: Workspace) -> None:
    found = asked_for(workspace)
    assert (found["instance_pool_id"], found["driver_instance_pool_id"]) == (POOL, DRIVERS)
    assert (found["data_security_mode"], found["runtime_engine"], found["enable_local_disk_encryption"]) == ("SINGLE_USER", "STANDARD", True)
    assert found["single_user_name"] == os.environ["GLOBALBEV_DATABRICKS_CLIENT_ID"]
    assert not {"azure_attributes", "node_type_id", "driver_node_type_id"} & found.keys(), "a pool's own"


def test_without_a_pool_they_get_spot_machines_with_a_fallback(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOBALBEV_DATABRICKS_POLICY_ID", NODES_POLICY)
    monkeypatch.delenv("GLOBALBEV_DATABRICKS_POOL_ID")
    found = asked_for(workspace)
    assert found["azure_attributes"]["availability"] == "SPOT_WITH_FALLBACK_AZURE"
    assert found["driver_node_type_id"] == "Standard_DS3_v2"
    assert found["custom_tags"].items() >= {"team": "data-platform", "cost_center": "globalbev"}.items()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("GLOBALBEV_DATABRICKS_RUN_AS", "somebody", "single_user_name"),
        ("GLOBALBEV_DATABRICKS_POOL_ID", "another", "instance_pool_id, the value must be globalbev-pool"),
        ("GLOBALBEV_DATABRICKS_WORKERS", "1-5", "autoscale.max_workers, the value must be at most 4"),
        ("GLOBALBEV_DATABRICKS_WORKERS", "3", "num_workers, the value must not be present"),
        ("GLOBALBEV_DATABRICKS_RUNTIME", "other", "spark_version"),
        ("GLOBALBEV_DATABRICKS_POLICY_ID", NODES_POLICY, "instance_pool_id, the value must not be present"),
    ],
)
def test_the_pools_policy_refuses_what_it_refuses_on_azure(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidParameterValue, match=said):
        asked_for(workspace)


@pytest.mark.parametrize("gone", [POOL, DRIVERS])
def test_a_pool_that_is_gone_is_named(workspace: Workspace, gone: str) -> None:
    workspace.pools.remove(gone)
    with pytest.raises(InvalidParameterValue, match=gone):
        asked_for(workspace)


def test_terraform_reads_these_files_and_hands_over_what_they_ask_for() -> None:
    text = (MODULES / "compute" / "main.tf").read_text()
    assert 'templatefile("${path.module}/policies/${kind}.json.tftpl", merge(var.cost_tags, {' in text
    assert re.search(r"for kind in \[(.+?)\]", text)[1] == ", ".join(f'"{kind}"' for kind in KINDS)  # type: ignore[index]
    assert set(re.findall(r'local\.policies\["(\w+)"\]', text)) == set(KINDS)
    given = set(re.findall(r"^      (\w+) += ", text.split("merge(var.cost_tags, {")[1].split("}")[0], re.MULTILINE))
    tags = (MODULES / "platform" / "main.tf").read_text().split("cost_tags = {")[1].split("}")[0]
    given |= set(re.findall(r"^    (\w+) += ", tags, re.MULTILINE))
    assert {path.name.partition(".")[0] for path in PLACES[0].iterdir()} == set(KINDS)
    wanted = {name for path in PLACES[0].iterdir() for name in Template(path.read_text()).get_identifiers()}
    assert wanted == given == ALL.keys()


def test_the_two_policies_of_the_pipeline_differ_in_where_machines_come_from_alone() -> None:
    job, pool = policy("job", ALL), policy("pool", ALL)
    of_machines = {
        name for name in {*job, *pool} if name.startswith(("azure_attributes.", "custom_tags.")) or name.endswith(("pool_id", "node_type_id"))
    }
    assert {name: rule for name, rule in job.items() if name not in of_machines} == {n: rule for n, rule in pool.items() if n not in of_machines}
    assert job["cluster_type"]["value"] == pool["cluster_type"]["value"] == "job"
    assert {rule["type"] for kind in KINDS for rule in policy(kind, ALL).values()} <= {"fixed", "range", "forbidden"}


def test_the_settings_name_the_pools_policy_and_the_workers_pool_unless_told_otherwise() -> None:
    text = (MODULES / "platform" / "main.tf").read_text()
    chosen = text.split("cluster_settings = var.has_pool ? {")[1].split("\n  # ")[0]
    with_pool, without = chosen.split(" : ")
    assert re.findall(r"module\.compute\.(.+)", with_pool) == ['policy_ids["pool"]', 'pool_ids["workers"]']
    assert re.findall(r"module\.compute\.(.+?) }", without) == ['policy_ids["job"]']
    assert "settings = merge(local.cluster_settings, {" in text
    for environment in ("dev", "test", "prod"):
        assert re.search(r"has_pool += true", (MODULES.parent / "environments" / environment / "main.tf").read_text())


def test_a_wheel_carries_them_where_they_are_looked_for() -> None:
    included = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert PROJECT / included[PLACES[0].relative_to(PROJECT).as_posix()] == PLACES[1]
