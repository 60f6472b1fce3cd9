"""What it takes to reach one Databricks workspace: the variables ``GLOBALBEV_DATABRICKS_<NAME>``, checked once, before anything is uploaded.

Only the environments dev, test and prod read them. Secrets of the sources are not here: the cluster takes them from a secret scope, by reference.
"""

from __future__ import annotations

import re
import sys
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from globalbev_assets.errors import TerminalError
from resources.settings import PROJECT, Settings

PREFIX = "GLOBALBEV_DATABRICKS_"
Auth = Literal["oauth", "azure", "token"]
CREDENTIALS: dict[Auth, tuple[str, ...]] = {
    "oauth": ("client_id", "client_secret"),
    "azure": ("client_id", "client_secret", "tenant_id"),
    "token": ("token",),
}
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Events travel as pickles between two Pythons, which must be the same minor version (dagster-io/dagster#9039).
RUNTIME_PYTHONS = {"15.4": (3, 11), "16.4": (3, 12), "17.3": (3, 12)}


class DatabricksSettings(BaseSettings):
    """One workspace and what its clusters are like; every field is the variable ``GLOBALBEV_DATABRICKS_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", env_file_encoding="utf-8", frozen=True)

    host: str = ""
    auth: Auth = "oauth"
    client_id: str = ""
    client_secret: SecretStr | None = None
    tenant_id: str = ""
    token: SecretStr | None = None
    policy_id: str = ""
    pool_id: str = ""
    cluster_id: str = ""
    runtime: str = Field(default="17.3.x-scala2.13", pattern=r"^[0-9A-Za-z][\w.+-]*$")
    node_type: str = "Standard_DS3_v2"
    workers: str = Field(default="1-4", pattern=r"^\d+(-\d+)?$")
    catalog: str = ""
    home: str = ""
    scope: str = ""
    volume: str = ""
    staging: str = Field(default="/dagster_staging", pattern=r"^/[\w/.-]*[\w]$")
    run_as: str = ""
    readers: str = ""
    cost_center: str = "globalbev"
    timeout_minutes: int = Field(default=120, ge=1, le=24 * 60)
    poll_s: float = Field(default=5.0, gt=0, le=60)
    parallel: int = Field(default=4, ge=1, le=16)
    attempts: int = Field(default=3, ge=1, le=10)
    retry_wait_s: float = Field(default=30.0, ge=0)
    start_s: float = Field(default=900.0, gt=0)

    @cached_property
    def worker_range(self) -> tuple[int, int]:
        """Least and most workers; the same number twice is a fixed size."""
        least, _, most = self.workers.partition("-")
        return int(least), int(most or least)

    @cached_property
    def volume_path(self) -> str:
        """The volume through which Pipes passes code and messages."""
        return self.volume.rstrip("/") or f"/Volumes/{self.catalog}/ops/pipes"

    @cached_property
    def is_loopback(self) -> bool:
        """Whether the workspace is on this machine: the rehearsal's."""
        return urlsplit(self.host).hostname in LOOPBACK

    def secret(self, name: str) -> str:
        """A credential in the open, for the client that sends it."""
        value = getattr(self, name)
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value or "")


def load_databricks_settings(settings: Settings, env_file: Path | None = None) -> DatabricksSettings:
    """Read and check them all; what is missing is said at once, not one a try.

    Raises:
        TerminalError: GB-3001 something is missing, GB-3002 something is malformed, GB-3003 the lake or the cluster's folder is not where a cluster
            could reach it, GB-3004 this Python is not the cluster's.
    """
    try:
        found = DatabricksSettings(_env_file=env_file if env_file is not None else PROJECT / ".env")
    except ValidationError as error:
        first = error.errors()[0]
        raise _malformed(f"{PREFIX}{str(first['loc'][0]).upper()}" if first["loc"] else PREFIX, first["msg"]) from None
    _require(settings, found)
    _check_places(settings, found)
    if settings.compute == "launcher":  # by Pipes, nothing travels as a pickle
        _check_python(found)
    return found


def _require(settings: Settings, found: DatabricksSettings) -> None:
    is_without = found.cluster_id or settings.compute == "pipes"  # of a cluster of its own
    needed = ["host", *CREDENTIALS[found.auth], "catalog", "home", "scope", *([] if is_without else ["policy_id"])]
    missing = [f"{PREFIX}{name.upper()}" for name in needed if not found.secret(name)]
    missing += [] if settings.lake else ["GLOBALBEV_LAKE"]
    if missing:
        raise TerminalError(
            "GB-3001",
            f"Settings of the workspace are missing in the environment {settings.env}.",
            got=", ".join(missing),
            valid=f"{PREFIX}AUTH={found.auth} needs {', '.join(CREDENTIALS[found.auth])}; "
            f"a policy, or {PREFIX}CLUSTER_ID for a cluster that runs, or GLOBALBEV_COMPUTE=pipes",
            todo="Set them in the environment or in .env; deploy/README.md says where each comes from.",
        )


def _check_places(settings: Settings, found: DatabricksSettings) -> None:
    parts = urlsplit(found.host)
    if parts.scheme not in (("http", "https") if found.is_loopback else ("https",)) or not parts.hostname or parts.path.strip("/"):
        raise _malformed(f"{PREFIX}HOST", "an address such as https://adb-1234567890123456.7.azuredatabricks.net")
    low, high = found.worker_range
    if not 1 <= low <= high:
        raise _malformed(f"{PREFIX}WORKERS", "a number of workers, or a range such as 1-4")
    if not re.fullmatch(r"/Volumes(/[\w.-]+){3,}", found.volume_path):
        raise _malformed(f"{PREFIX}VOLUME", "a folder of a volume, /Volumes/<catalog>/<schema>/<volume>")
    for name, value, shape in (
        ("GLOBALBEV_LAKE", settings.lake_root, r"abfss://\w[\w-]*@[\w.-]+"),
        (f"{PREFIX}HOME", found.home, "/Volumes/.+|/dbfs/.+"),
    ):
        # A folder of this machine would be made on the cluster's disk and vanish with it.
        if not re.match(shape, value) and not (found.is_loopback and value.startswith("/")):
            raise TerminalError(
                "GB-3003",
                f"{name} is not a place that a cluster can reach.",
                got=value,
                valid="abfss://<container>@<account>.dfs.core.windows.net/… for the lake, a folder under /Volumes/ for the home",
                todo=f"Correct {name}.",
            )


def _check_python(found: DatabricksSettings) -> None:
    wanted = RUNTIME_PYTHONS.get(".".join(found.runtime.split(".")[:2]))
    if wanted and not found.cluster_id and wanted != sys.version_info[:2]:
        raise wrong_python(found.runtime, f"{sys.version_info[0]}.{sys.version_info[1]}", f"{wanted[0]}.{wanted[1]}")


def wrong_python(runtime: str, here: str, there: str) -> TerminalError:
    """GB-3004: the two Pythons cannot read each other's pickles."""
    return TerminalError(
        "GB-3004",
        "The cluster's Python is not the one that runs Dagster.",
        got=f"Python {here} here, {there} on {runtime}",
        valid="the same minor version on both sides: steps and events travel between them as pickles",
        todo=f"Choose another {PREFIX}RUNTIME, or run Dagster on Python {there} (deploy/container/Dockerfile).",
    )


def _malformed(variable: str, valid: str) -> TerminalError:
    return TerminalError(
        "GB-3002", f"The setting {variable} is malformed.", got="a value that does not parse", valid=valid, todo=f"Correct {variable}."
    )
