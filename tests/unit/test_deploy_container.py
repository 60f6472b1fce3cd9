"""The container image's files: Dagster takes the configuration, and the Dockerfile copies what the code needs and nothing that it must not have."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._config import process_config, resolve_to_config_type
from dagster._core.instance.config import dagster_instance_config, dagster_instance_config_schema
from dagster._core.workspace.config_schema import process_workspace_config
from typer.main import get_command

from globalbev_assets.operations.cli import app
from resources.run_workers import GONE_AFTER_S

ROOT = Path(__file__).parents[2]
CONTAINER = ROOT / "deploy" / "container"
VARIABLES = {
    "DAGSTER_POSTGRES_HOST": "host", "DAGSTER_POSTGRES_USER": "user", "DAGSTER_POSTGRES_PASSWORD": "secret", "DAGSTER_POSTGRES_DB": "dagster",
    "DAGSTER_LOGS_ACCOUNT": "account", "DAGSTER_LOGS_CONTAINER": "logs", "DAGSTER_CODE_HOST": "code",
}  # fmt: skip


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


def configuration() -> dict[str, Any]:
    return yaml.safe_load((CONTAINER / "dagster.yaml").read_text())  # type: ignore[no-any-return]


def dockerfile() -> str:
    return (CONTAINER / "Dockerfile").read_text()


def test_dagster_takes_the_instances_configuration() -> None:
    found, _ = dagster_instance_config(str(CONTAINER), "dagster.yaml")
    done = process_config(resolve_to_config_type(dagster_instance_config_schema()), found)
    assert done.success, done.errors


@pytest.mark.parametrize("wrong", [{"storige": {}}, {"run_monitoring": {"poll_seconds": 1}}])
def test_dagster_refuses_what_it_does_not_know(wrong: dict[str, Any]) -> None:
    assert not process_config(resolve_to_config_type(dagster_instance_config_schema()), {**configuration(), **wrong}).success


def test_postgres_storage_takes_its_part_and_talks_psycopg2_over_tls() -> None:
    from dagster_postgres import DagsterPostgresStorage  # noqa: PLC0415
    from dagster_postgres.utils import pg_url_from_config  # noqa: PLC0415

    done = process_config(DagsterPostgresStorage.config_type(), configuration()["storage"]["postgres"])
    assert done.success, done.errors
    assert pg_url_from_config(done.value) == "postgresql+psycopg2://user:secret@host:5432/dagster?sslmode=require"  # type: ignore[arg-type]


def test_the_compute_logs_take_their_part_without_a_key() -> None:
    from dagster_azure.blob.compute_log_manager import AzureBlobComputeLogManager  # noqa: PLC0415

    part = configuration()["compute_logs"]
    assert (part["module"], part["class"]) == (AzureBlobComputeLogManager.__module__, AzureBlobComputeLogManager.__name__)
    done = process_config(AzureBlobComputeLogManager.config_type(), part["config"])
    assert done.success, done.errors
    assert not {"access_key_or_sas_token", "secret_credential"} & part["config"].keys()
    assert not process_config(AzureBlobComputeLogManager.config_type(), part["config"] | {"bucket": "x"}).success


def test_dagster_takes_the_workspace() -> None:
    done = process_workspace_config(yaml.safe_load((CONTAINER / "workspace.yaml").read_text()))
    assert done.success, done.errors


def test_every_variable_of_the_configuration_is_set_by_terraform() -> None:
    """A container that misses one would end at its first start, in the cloud."""
    read = set(re.findall(r"env: (\w+)", "".join((CONTAINER / name).read_text() for name in ("dagster.yaml", "workspace.yaml"))))
    modules = ROOT / "deploy" / "terraform" / "modules"
    written = "".join((modules / name / "main.tf").read_text() for name in ("dagster", "platform"))
    assert read == VARIABLES.keys()
    assert {name for name in read if not re.search(rf"^ +{name} += ", written, re.MULTILINE)} == set()


def test_the_image_has_our_packages_but_the_sandbox() -> None:
    packages = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    copied = set(re.findall(r"^COPY (\w+) \./\1$", dockerfile(), re.MULTILINE))
    assert copied == packages - {"sandbox"}
    ignored = (CONTAINER / "Dockerfile.dockerignore").read_text().splitlines()
    assert ignored[1] == "*"
    assert {line[1:] for line in ignored if line.startswith("!")} == {*copied, "pyproject.toml", "uv.lock", "README.md", "deploy/container/dagster.yaml",
                                                                      "deploy/container/workspace.yaml"}  # fmt: skip


def test_the_image_runs_as_nobody_special_from_the_lock() -> None:
    text = dockerfile()
    assert "--frozen --no-default-groups" in text
    assert text.rindex("USER 10001:10001") > text.rindex("RUN ")
    stages = re.findall(r"^FROM (\S+) AS (\w+)$", text, re.MULTILINE)
    assert stages == [("${BASE}", "build"), ("${BASE}", "run")]


def test_its_python_is_the_databricks_runtimes() -> None:
    """Steps and events travel as pickles; another minor version cannot read them (dagster-io/dagster#9039)."""
    pythons = {"15.4": "3.11", "16.4": "3.12", "17.3": "3.12"}
    variables = (ROOT / "deploy" / "terraform" / "modules" / "compute" / "variables.tf").read_text()
    runtime = re.search(r'default     = "(\d+\.\d+)\.x-scala', variables)[1]  # type: ignore[index]
    assert re.search(r"^ARG BASE=python:(\d+\.\d+)-slim", dockerfile(), re.MULTILINE)[1] == pythons[runtime]  # type: ignore[index]


def test_its_command_is_the_code_locations() -> None:
    arguments = '["dagster", "api", "grpc", "-h", "0.0.0.0", "-p", "4000", "-m", "globalbev_assets.definitions"]'
    assert f"CMD {arguments}" in dockerfile()
    assert f"args = {arguments}" in terraform()


def test_the_heartbeats_command_is_one() -> None:
    arguments = json.loads(re.search(r"heartbeat = .*args = (\[.*\])", terraform())[1])  # type: ignore[index]
    assert arguments[:3] == ["python", "-m", "globalbev_assets.operations.cli"]
    command: Any = get_command(app)
    heartbeat = command.commands[arguments[3]]
    assert heartbeat.make_context("heartbeat", arguments[4:]).params["every"] == 120


def test_a_run_is_given_up_after_the_container_that_may_still_have_it() -> None:
    grace = re.search(r"termination_grace_period_seconds = (\d+)", terraform())
    assert grace is not None
    assert int(grace[1]) < GONE_AFTER_S


def terraform() -> str:
    return (ROOT / "deploy" / "terraform" / "modules" / "dagster" / "main.tf").read_text()
