"""The asset bundle's jobs, made of the real scripts: typed by databricks-bundles, in the right order, every script applied once."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from deploy.checks.terraform_check import read_module
from deploy.checks.terraform_files import TERRAFORM

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "deploy" / "bundle"
GOLDEN = ROOT / "tests" / "golden" / "unity"
VARIABLES = re.compile(r"\$\{var\.(\w+)\}")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The bundle's package, as the Databricks CLI imports it, with the golden files as what was generated."""
    monkeypatch.syspath_prepend(str(BUNDLE))
    package = importlib.import_module("globalbev_jobs")
    monkeypatch.setattr(package, "GENERATED", GOLDEN)
    return package


def jobs(made: Any) -> dict[str, dict[str, Any]]:
    from databricks.bundles.core import Bundle  # noqa: PLC0415

    return {name: job.as_dict() for name, job in made.load_resources(Bundle(target="dev")).jobs.items()}


def configuration() -> dict[str, Any]:
    return yaml.safe_load((BUNDLE / "databricks.yml").read_text())  # type: ignore[no-any-return]


def test_every_script_is_run_once(made: ModuleType) -> None:
    run = [task["sql_task"]["file"]["path"] for job in jobs(made).values() for task in job["tasks"]]
    assert sorted(run) == sorted(f"generated/{path.relative_to(GOLDEN).as_posix()}" for path in GOLDEN.rglob("*.sql"))


def test_nobody_may_read_a_table_before_its_masks_are_on(made: ModuleType) -> None:
    tasks = {task["task_key"]: {one["task_key"] for one in task.get("depends_on", ())} for task in jobs(made)["apply_contracts"]["tasks"]}
    tables = {key for key in tasks if key.startswith("20_tables-")}
    assert len(tables) > 30
    assert tasks["00_schemas"] == set()
    assert all(tasks[key] == {"10_functions"} for key in tables)
    assert tasks["30_keys"] == tables
    assert (tasks["40_masks"], tasks["50_grants"]) == ({"30_keys"}, {"40_masks"})


def test_the_owner_applies_and_the_pipeline_maintains(made: ModuleType) -> None:
    found = jobs(made)
    assert found["apply_contracts"]["run_as"] == {"service_principal_name": "${var.deployer_client_id}"}
    assert found["maintain_tables"]["run_as"] == {"service_principal_name": "${var.pipeline_client_id}"}
    assert [task["task_key"] for task in found["maintain_tables"]["tasks"]] == ["maintenance-optimize", "maintenance-vacuum"]
    assert all(job["max_concurrent_runs"] == 1 and job["email_notifications"]["on_failure"] for job in found.values())


def test_whoever_a_job_runs_as_may_use_the_warehouse(made: ModuleType) -> None:
    """Every task is SQL on that one warehouse; without it the first Sunday would be the first to tell."""
    compute = read_module(TERRAFORM / "modules" / "compute")
    rights = compute.resources["databricks_permissions", "warehouse"]["access_control"]
    allowed = {
        str(value)
        for right in rights
        if right["permission_level"] in ("CAN_USE", "IS_OWNER")
        for name, value in right.items()
        if name.endswith("_name")
    }
    entitled = compute.resources["databricks_service_principal", "this"]
    # The pipeline comes by its group, of which it is the member (modules/identity).
    by = {"${var.deployer_client_id}": "${var.deployer_client_id}", "${var.pipeline_client_id}": '${var.groups["etl"]}'}
    for name, job in jobs(made).items():
        who = job["run_as"]["service_principal_name"]
        assert by[who] in allowed, name
        assert who in entitled["for_each"].values(), name
    assert entitled["databricks_sql_access"] is True
    member = read_module(TERRAFORM / "modules" / "identity").resources["azuread_group_member", "pipeline_is_etl"]
    assert '["etl"]' in member["group_object_id"]
    assert '["pipeline"]' in member["member_object_id"]


def test_the_variables_are_declared_and_set(made: ModuleType) -> None:
    declared, used = configuration()["variables"].keys(), set(VARIABLES.findall(f"{jobs(made)} {configuration()['targets']}"))
    assert used <= declared
    targets = configuration()["targets"]
    assert set(targets) == {"dev", "test", "prod"}
    workflow = (ROOT / ".github" / "workflows" / "deploy-environment.yml").read_text()
    for name, target in targets.items():
        assert target["variables"] == {"catalog": f"globalbev_{name}"}
        assert target["permissions"] == [
            {"group_name": f"globalbev-{name}-engineers", "level": "CAN_VIEW"},
            {"service_principal_name": "${var.pipeline_client_id}", "level": "CAN_VIEW"},
        ]
        assert target["workspace"]["root_path"].startswith("/Workspace/Users/"), "everybody may write to /Workspace/Shared"
        assert {one for one in declared - target["variables"].keys() if f"BUNDLE_VAR_{one}:" not in workflow} == set()


def test_nothing_is_deployed_when_nothing_was_made(made: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(made, "GENERATED", tmp_path)
    with pytest.raises(SystemExit, match="globalbev contract unity"):
        jobs(made)


def test_a_field_that_there_is_not_is_refused() -> None:
    from databricks.bundles.jobs import Job  # noqa: PLC0415

    with pytest.raises(Exception, match="nmae"):
        Job.from_dict({"nmae": "x"})  # type: ignore[typeddict-unknown-key]
