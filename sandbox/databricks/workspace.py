"""One workspace: its files, secrets, policies, pools, runs, and the server in front of them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from . import policy as policies
from .answers import ApiError, invalid, not_found
from .cluster import Driver, Runtime, start_driver
from .faults import Faults
from .files import Files
from .principals import Principals
from .runs import Run, Runs, StartFailedError, task_of


@dataclass(frozen=True)
class Call:
    """One request, as the log keeps it: never a body."""

    at: float
    method: str
    path: str
    about: str
    status: int
    size_bytes: int
    seconds: float
    agent: str
    principal: str


@dataclass
class Workspace:
    """A workspace that lives as long as its ``with`` block.

    Attributes:
        folder: everything of it.
        runtime: what its clusters have.
        start_s: how long a cluster takes to start; a real one takes minutes.
        minute_s: how long a minute of a run's time-out takes, for tests that cannot wait.
        has_spark: whether drivers start Spark; tests of the protocol need none.
        storage: folder by container and account, ``lake@account…``, which clusters see as ``abfss://lake@account…``.
    """

    folder: Path
    runtime: Runtime
    start_s: float = 0.0
    has_spark: bool = True
    minute_s: float = 60.0
    storage: dict[str, Path] = field(default_factory=dict)
    policies: dict[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    pools: set[str] = field(default_factory=set)
    clusters: set[str] = field(default_factory=set)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    principals: Principals = field(default_factory=Principals)
    faults: Faults = field(default_factory=Faults)
    calls: list[Call] = field(default_factory=list)
    permissions: list[tuple[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dbfs, self.volumes = Files(self.folder / "dbfs"), Files(self.folder / "volumes")
        self.runs = Runs(self._start, self.start_s, self._evict_after)
        self._cluster_token = self.principals.new_token("cluster")
        self._tokens: dict[str, int] = {}
        self.seen: set[str] = set()  # event files that were read with something in them

    def __enter__(self) -> Workspace:
        from .server import serve  # noqa: PLC0415  the server knows the workspace

        for place in (self.dbfs.root, self.volumes.root, *self.storage.values()):
            place.mkdir(parents=True, exist_ok=True)
        self._server: ThreadingHTTPServer = serve(self)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.runs.stop()
        self._server.shutdown()
        self._server.server_close()

    @property
    def host(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def submit(self, principal: str, body: Mapping[str, Any]) -> Run:
        """Take a submission, when policy, pool and cluster allow it."""
        self.principals.may_submit(principal)
        token = str(body.get("idempotency_token") or "")
        if token in self._tokens:
            return self.runs.get(self._tokens[token])
        timeout_s = float(body.get("timeout_seconds") or 0) * self.minute_s / 60
        run = self.runs.submit(body, self._cluster_of(task_of(body)), principal, timeout_s)
        if token:
            self._tokens[token] = run.run_id
        return run

    def secret(self, scope: str, key: str) -> str:
        """A secret's value."""
        if scope not in self.secrets:
            raise not_found(f"Scope {scope} does not exist!")
        if key not in self.secrets[scope]:
            raise not_found(f"Secret does not exist with scope: {scope} and key: {key}")
        return self.secrets[scope][key]

    def refuse_dbfs(self, path: str) -> None:
        """Answer as a workspace without DBFS does."""
        if self.faults.take("dbfs_off"):
            raise ApiError(403, "PERMISSION_DENIED", f"Public DBFS root is disabled. Access is denied on path: {path}")

    def _cluster_of(self, task: Mapping[str, Any]) -> dict[str, Any]:
        existing = task.get("existing_cluster_id")
        if existing and existing not in self.clusters:
            raise invalid(f"Cluster {existing} does not exist")
        if not task.get("new_cluster"):
            return {}
        cluster = dict(task["new_cluster"])
        policy_id = cluster.get("policy_id")
        if policy_id is not None and policy_id not in self.policies:
            raise invalid(f"Cluster policy {policy_id} does not exist or you have no permission to use it")
        found = policies.enforce(self.policies[policy_id], cluster) if policy_id else cluster
        for pool in (found.get("instance_pool_id"), found.get("driver_instance_pool_id")):
            if pool is not None and pool not in self.pools:
                raise invalid(f"Can't find an instance pool with the pool id: {pool}.")
        return found

    def _start(self, run: Run) -> Driver:
        slow = self.faults.take("slow_start")
        if slow and run.was_cancelled.wait(slow.seconds):
            raise StartFailedError("Run cancelled.", "USER_CANCELED")
        if self.faults.take("no_start"):
            reason = "CLOUD_PROVIDER_RESOURCE_STOCKOUT (CLOUD_FAILURE): no instance of this type is to be had in the region"
            raise StartFailedError(f"Unexpected failure while waiting for the cluster {run.cluster_id} to be ready: {reason}.", "CLOUD_FAILURE")
        pins = [{"pypi": {"package": pin}} for part in run.environments for pin in part.get("spec", {}).get("dependencies", [])]
        missing = self.runtime.missing([*(run.task.get("libraries") or []), *pins])
        missing += ["dagster==0.0.0"] if self.faults.take("missing_library") else []
        if missing:
            raise StartFailedError(f"Library installation failed: {', '.join(missing)}.", "LIBRARY_INSTALLATION_ERROR")
        if self.faults.take("cancelled"):
            threading.Timer(1.0, run.was_cancelled.set).start()
        return start_driver(self.runtime, self.folder / "clusters" / f"{run.run_id}-{run.cluster_id}", self._order(run), self._environment(run))

    def _order(self, run: Run) -> dict[str, Any]:
        task = run.task["spark_python_task"]
        files = self.volumes if run.is_serverless else self.dbfs
        return {
            "name": run.name,
            "file": str(self._mounted(task["python_file"], files)),
            "parameters": [
                str(self._mounted(text, files)) if text.startswith(("/dbfs/", "/Volumes/")) else text for text in task.get("parameters", [])
            ],
            "dbfs": str(self.dbfs.root),
            "volumes": str(self.volumes.root),
            "host": self.host,
            "token": self._cluster_token,
            "storage": {place: str(path) for place, path in self.storage.items()},
            "spark_conf": run.cluster.get("spark_conf", {}),
            "spark": self.has_spark,
            "serverless": run.is_serverless,
            "other_python": self.faults.take("other_python") is not None,
            "hang_s": getattr(self.faults.take("hang"), "seconds", 0.0),
        }

    def _mounted(self, path: str, files: Files) -> Path:
        """Where this machine has what a cluster sees under ``/dbfs`` or ``/Volumes``."""
        return files.local(path.removeprefix("dbfs:").removeprefix("/dbfs"))

    def _environment(self, run: Run) -> dict[str, str]:
        return {name: str(value) for name, value in run.cluster.get("spark_env_vars", {}).items()}

    def _evict_after(self, run: Run) -> float | None:
        """Seconds until the machine is taken away, once the step has come so far."""
        committed = self.faults.first("eviction_after_commit")
        if committed is not None and self._has_rows(committed.path):
            self.faults.take("eviction_after_commit", committed.path)
            return committed.seconds
        parameters = run.task["spark_python_task"].get("parameters", [""])
        if parameters[0].startswith("/dbfs/") and not any(self._mounted(parameters[0], self.dbfs).parent.glob("*_events.pkl")):
            return None
        fault = self.faults.take("eviction", run.name)
        return fault.seconds if fault else None

    def _has_rows(self, table: str) -> bool:
        logs = (log for place in self.storage.values() for log in place.glob(f"{table}/_delta_log/*.json"))
        return any('"add":' in log.read_text(encoding="utf-8") for log in logs)
