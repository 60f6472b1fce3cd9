"""The settings of an installation: environment variables, or a ``.env`` file in the project; the variable wins.

Read once, at the edge. Nothing here starts a process or opens a connection. ``GLOBALBEV_HOME``, ``GLOBALBEV_LAKE``, ``GLOBALBEV_LANDING`` and
``GLOBALBEV_CONTRACTS`` may be relative: to the project, wherever a process runs. Spark's server runs in another folder than its clients, and ``.env``
is read into the environment by Dagster, so that nobody can tell afterwards which of the two a path came from.
"""

from __future__ import annotations

import os
import re
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from globalbev_assets.errors import TerminalError

Environment = Literal["local", "dev", "test", "prod"]
SparkMode = Literal["server", "in-process", "cluster"]
Compute = Literal["launcher", "pipes"]
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
PROJECT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """What a deployment may set; every field is the variable ``GLOBALBEV_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="GLOBALBEV_", extra="ignore", env_file_encoding="utf-8", frozen=True)

    env: Environment = "local"
    home: Path = PROJECT / ".globalbev"
    lake: str | None = None
    landing: Path | None = None
    landing_url: str | None = Field(default=None, pattern=r"^(abfss|file)://\S+$")
    shop_dsn: SecretStr | None = None
    inventory_url: str | None = None
    inventory_token: SecretStr | None = None
    contracts: str | None = None
    start_date: date | None = None
    end_date: date | None = None
    compute: Compute = "launcher"
    catalog: str | None = Field(default=None, pattern=r"^\w+$")
    spark: SparkMode = "server"
    spark_memory: str = Field(default="3g", pattern=r"^\d+[gm]$")
    automation: bool | None = None
    docs_url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    spark_idle_minutes: int = Field(default=30, ge=1, le=24 * 60)
    alerts: SecretStr | None = None
    alerts_error: SecretStr | None = None
    alerts_warn: SecretStr | None = None
    alert_run_minutes: int = Field(default=120, ge=1)
    dagster_url: str = "http://localhost:3000"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "json", "console"] = "auto"
    log_endpoint: str | None = None
    log_rule: str | None = None
    log_stream: str = "Custom-GlobalBev_CL"
    log_tenant: str | None = None
    log_client_id: str | None = None
    log_client_secret: SecretStr | None = None
    log_authority: str = "https://login.microsoftonline.com"
    log_spool_mb: int = Field(default=50, ge=1, le=10_000)
    metrics_otlp: str | None = None
    metrics_headers: SecretStr | None = None
    metrics_application_insights: SecretStr | None = None
    metrics_interval_s: int = Field(default=60, ge=1, le=3600)

    @field_validator("home", "landing")
    @classmethod
    def _whole_path(cls, given: Path | None) -> Path | None:
        return None if given is None else _absolute(given)

    @field_validator("lake")
    @classmethod
    def _whole_lake(cls, given: str | None) -> str | None:
        """A folder by its whole path; a URL as it is."""
        return given if not given or _URL.match(given) else str(_absolute(Path(given)))

    @cached_property
    def lake_root(self) -> str:
        """Root of the lake, without a trailing slash: a folder, or a URL such as ``abfss://…``."""
        return (self.lake or str(self.home / "lake")).rstrip("/")

    @cached_property
    def landing_root(self) -> Path:
        """Root of the landing zone."""
        return self.landing or self.home / "landing"

    @property
    def is_automated(self) -> bool:
        """Whether new days go through the layers by themselves; not on a laptop unless somebody says so."""
        return self.env != "local" if self.automation is None else self.automation

    @cached_property
    def contract_folders(self) -> tuple[Path, ...]:
        """Further folders of contracts, beside the packaged one; on a cluster those that came with the upload."""
        uploaded = sorted((PROJECT / "further_contracts").glob("*"))
        return (*(_absolute(Path(part)) for part in (self.contracts or "").split(os.pathsep) if part), *uploaded)

    def variable(self, variable: str) -> str:
        """The value of an environment variable that a contract names, or of its line in ``.env``; GB-1004 when there is none."""
        name = variable.removeprefix("GLOBALBEV_").lower()
        if variable.startswith("GLOBALBEV_") and name in type(self).model_fields:
            return self.need(name)
        value = os.environ.get(variable) or dotenv_values(PROJECT / ".env").get(variable)
        if value:
            return value
        raise _missing(variable)

    def need(self, name: str) -> str:
        """The value of a setting that this call cannot do without, secrets opened.

        Raises:
            TerminalError: GB-1004, when it is not set.
        """
        value = getattr(self, name)
        if value is None or (isinstance(value, str) and not value):
            raise _missing(f"GLOBALBEV_{name.upper()}")
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _hand_on_the_identity() -> None:
    """Azure's containers say where their identity is in ``IDENTITY_ENDPOINT``; delta-rs reads variables that begin with ``AZURE_``, and none else.

    Without this it asks the address that only virtual machines have, and nothing of the lake can be read (deltalake 1.6.6).
    """
    endpoint = os.environ.get("IDENTITY_ENDPOINT")
    if endpoint:
        os.environ.setdefault("AZURE_MSI_ENDPOINT", endpoint)


def _absolute(given: Path) -> Path:
    """The path from the project on, without ``..``, which Spark would resolve in the text and the system through links."""
    return Path(os.path.normpath(PROJECT / given.expanduser()))


def _missing(variable: str) -> TerminalError:
    return TerminalError(
        "GB-1004",
        f"The setting {variable} is missing.",
        got="nothing",
        valid=f"{variable} as an environment variable or in the project's .env file",
        todo="Set it, or run `globalbev sandbox up` for the embedded sources.",
    )


def load_settings(env_file: Path | None = None) -> Settings:
    """Read and check the settings, and let storage know who it is that asks.

    Raises:
        TerminalError: GB-1003 for an unknown environment, GB-1005 for any other malformed value. Values are never shown, names are.
    """
    _hand_on_the_identity()
    try:
        return Settings(_env_file=env_file if env_file is not None else PROJECT / ".env")
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "?"
        variable = f"GLOBALBEV_{name.upper()}"
        if name == "env":
            raise TerminalError(
                "GB-1003", "Unknown environment.", got=repr(first["input"])[:40], valid=", ".join(get_args(Environment)), todo=f"Set {variable}."
            ) from None
        raise TerminalError(
            "GB-1005", f"The setting {variable} is malformed.", got="a value that does not parse", valid=first["msg"], todo=f"Correct {variable}."
        ) from None
