"""What a rehearsal stands on: the environment of its clusters, a workspace with a policy, a pool and secrets, and the variables that lead to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock

from globalbev_assets.errors import TerminalError
from resources.jars import ensure_jars
from resources.java import ensure_java
from resources.settings import PROJECT

from .cluster import Runtime
from .deployed import policy
from .principals import Principals
from .workspace import Workspace

RUNTIME = "rehearsal-4.2.x-scala2.13"
# As the deployed settings have it, the policy is the pools' one; the other is what a deployment without pools names.
POLICY, NODES_POLICY, POOL, DRIVERS = "globalbev-jobs", "globalbev-nodes", "globalbev-pool", "globalbev-drivers"
SCOPE, CATALOG, READERS = "globalbev", "spark_catalog", "globalbev-engineers"
CONTAINER, ACCOUNT = "lake", "globalbevrehearsal.dfs.core.windows.net"
ENVIRONMENT_S = 600
# What deploy/terraform hands over to the policies' files.
VALUES: Mapping[str, object] = {
    "spark_version": RUNTIME,
    "node_type": "Standard_DS3_v2",
    "most_workers": 4,
    "workers_pool": POOL,
    "drivers_pool": DRIVERS,
    "team": "data-platform",
    "env": "test",
    "cost_center": "globalbev",
    "data_product": "globalbev-lakehouse",
}


def cluster_python(home: Path) -> Path:
    """The Python of the clusters: the locked packages without this project, hard-linked from uv's cache; made once, and again when the lock changed.

    Raises:
        TerminalError: GB-3040, when it cannot be made.
    """
    folder = home.absolute() / "databricks" / "cluster-env"
    folder.parent.mkdir(parents=True, exist_ok=True)
    stamp, lock = folder / "lock", (PROJECT / "uv.lock").read_text(encoding="utf-8")
    with FileLock(folder.parent / ".cluster-env.lock", timeout=ENVIRONMENT_S):
        if not stamp.is_file() or stamp.read_text(encoding="utf-8") != lock:
            _sync(folder)
            stamp.write_text(lock, encoding="utf-8")
    return folder / "bin" / "python"


def make_workspace(home: Path, folder: Path, secrets: Mapping[str, str], *, has_spark: bool = True, start_s: float = 1.0) -> Workspace:
    """A workspace in an empty folder.

    Args:
        home: where the cluster's environment and the JARs are kept.
        folder: of this workspace; its storage is below it, where the host's settings do not lead.
        secrets: of the scope, by key.
        has_spark: whether drivers start Spark.
        start_s: how long a cluster takes to start.
    """
    principals = Principals()
    values = {**VALUES, "pipeline_client_id": principals.new_client()[0]}
    runtime = Runtime(
        python=cluster_python(home),
        jars=ensure_jars(home) if has_spark else (),
        hidden=(PROJECT,),
        shown=(home.absolute() / "landing", home.absolute() / "jars", folder),
        java=ensure_java(home).path if has_spark else None,
    )
    return Workspace(
        folder,
        runtime,
        start_s=start_s,
        has_spark=has_spark,
        storage={f"{CONTAINER}@{ACCOUNT}": folder / "storage"},
        policies={POLICY: policy("pool", values), NODES_POLICY: policy("job", values)},
        pools={POOL, DRIVERS},
        clusters={"1125-000000-existing"},
        secrets={SCOPE: dict(secrets)},
        principals=principals,
    )


def variables(workspace: Workspace, landing: Path) -> dict[str, str]:
    """What the process that runs Dagster is told, as a deployment would say it: a service principal signs in, a pool gives the machines."""
    ((client, secret),) = workspace.principals.clients.items()
    return {
        "GLOBALBEV_ENV": "test",
        "GLOBALBEV_LAKE": f"abfss://{CONTAINER}@{ACCOUNT}",
        "GLOBALBEV_LANDING": str(landing),
        "GLOBALBEV_DATABRICKS_HOST": workspace.host,
        "GLOBALBEV_DATABRICKS_AUTH": "oauth",
        "GLOBALBEV_DATABRICKS_CLIENT_ID": client,
        "GLOBALBEV_DATABRICKS_CLIENT_SECRET": secret,
        "GLOBALBEV_DATABRICKS_POLICY_ID": POLICY,
        "GLOBALBEV_DATABRICKS_POOL_ID": POOL,
        "GLOBALBEV_DATABRICKS_RUN_AS": client,
        "GLOBALBEV_DATABRICKS_RUNTIME": RUNTIME,
        "GLOBALBEV_DATABRICKS_CATALOG": CATALOG,  # the only one that Spark has without Unity Catalog: tables by name, for as long as a cluster lives
        "GLOBALBEV_DATABRICKS_SCOPE": SCOPE,
        "GLOBALBEV_DATABRICKS_READERS": READERS,
        "GLOBALBEV_DATABRICKS_HOME": str(workspace.volumes.local(f"/Volumes/{CATALOG}/ops/state")),
        "GLOBALBEV_DATABRICKS_POLL_S": "0.5",
        "GLOBALBEV_DATABRICKS_RETRY_WAIT_S": "0",
        "GLOBALBEV_DATABRICKS_PARALLEL": "1",
        "NO_PROXY": "127.0.0.1,localhost",
    }


def _sync(folder: Path) -> None:
    uv = shutil.which("uv") or next((str(path) for path in (PROJECT / ".uv" / "bin" / "uv",) if path.is_file()), None)
    if uv is None:
        raise _not_made("uv was not found")
    command = [uv, "sync", "--quiet", "--frozen", "--no-install-project", "--no-dev", "--project", str(PROJECT), "--python", sys.executable]
    environment = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(folder)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=ENVIRONMENT_S, check=False)
    if done.returncode:
        raise _not_made((done.stderr.strip() or "no reason given").splitlines()[-1][:300])


def _not_made(got: str) -> TerminalError:
    return TerminalError(
        "GB-3040",
        "The environment of the rehearsal's clusters cannot be made.",
        got=got,
        valid="uv on PATH or in .uv (`make setup` puts it there), and the packages of uv.lock in its cache or from the network",
        todo="Run `make setup`, then again.",
    )
