"""A workspace without Spark, and the tiny lake's steps on its clusters."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.reconstruct import ReconstructableRepository
from databricks.sdk._base_client import _BaseClient

from resources import databricks_launcher, upload
from resources.databricks_launcher import LaunchedSteps
from resources.databricks_settings import load_databricks_settings
from resources.environments import executor_of
from resources.lakehouse_resource import book_of
from resources.settings import PROJECT, load_settings
from resources.upload import Upload, stage_upload
from sandbox.databricks import Workspace
from sandbox.databricks.ground import make_workspace, variables

DSN, TOKEN = "postgresql://etl:s3cret-of-the-shop@10.0.0.5/shop", "t0ken-of-the-warehouse"
HERE = Path(__file__).parent / "uploaded"
ENVIRONMENT_HOME = Path(os.environ.get("GLOBALBEV_TEST_HOME", PROJECT / ".globalbev"))


def launcher() -> LaunchedSteps:
    """Of the settings in the environment, with the tiny lake for an upload."""
    databricks_launcher.stage_upload = lambda _: tiny_upload()  # in a step's own process nobody else has
    settings = load_settings(Path(os.devnull))
    return LaunchedSteps(settings, load_databricks_settings(settings, Path(os.devnull)), book_of(settings))


def executor() -> dg.ExecutorDefinition:
    """Of the settings in the environment."""
    return executor_of(load_settings(Path(os.devnull)))


def tiny_upload() -> Upload:
    """The tiny lake, staged as our packages are, with what comes first."""
    folder = Path(os.environ["TINY_UPLOAD"])
    if not folder.exists():
        shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("__pycache__"))
        staged = stage_upload(load_settings(Path(os.devnull))).folder
        for name in ("globalbev_upload.py", "globalbev_upload.pth", upload.MARKER):
            shutil.copy(staged / name, folder / name)
    return Upload(folder, "tiny", 0, 0)


def secrets() -> dict[str, str]:
    """All that may stand nowhere: of the sources, which only the scope has, and of the sign-in, which only this process has."""
    return {"dsn": DSN, "token": TOKEN, "client": os.environ["GLOBALBEV_DATABRICKS_CLIENT_SECRET"]}


def interrupt() -> None:
    """End the run as Dagster does when somebody terminates it."""
    os.kill(os.getpid(), signal.SIGINT)


def be_impatient(patch: pytest.MonkeyPatch, cancel_s: float = 3.0) -> None:
    """Let Databricks' SDK give up after a second and not after five minutes, and those who end a run after so long and not after a minute."""
    whole = _BaseClient.__init__

    def made(client: Any, *given: Any, **more: Any) -> None:
        whole(client, *given, **{**more, "retry_timeout_seconds": 1})

    patch.setattr(_BaseClient, "__init__", made)
    patch.setattr("resources.databricks_run.CANCEL_S", cancel_s)


@dataclass
class Rehearsal:
    """A workspace, an instance, and runs of the tiny lake."""

    workspace: Workspace
    instance: dg.DagsterInstance

    def run(self, does: str = "", days: tuple[str, str] = ("2026-01-01", "2026-01-03"), tables: tuple[str, ...] = ("orders", "payments")) -> Any:
        """Materialise the tiny tables for these days."""
        code = ReconstructableRepository.for_module("tiny_lake.definitions", "defs", working_directory=str(HERE))
        return dg.execute_job(
            code.get_reconstructable_job("__ASSET_JOB"),
            instance=self.instance,
            asset_selection=[dg.AssetKey(["tiny", name]) for name in tables],
            tags={"dagster/asset_partition_range_start": days[0], "dagster/asset_partition_range_end": days[1], "does": does},
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )

    def materialised(self, result: Any) -> list[tuple[str, str]]:
        """Table and day of each materialisation that the instance has of a run."""
        records = self.instance.get_records_for_run(result.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION).records
        events = [record.event_log_entry.dagster_event for record in records]
        return sorted((event.asset_key.path[-1], event.partition) for event in events if event)

    def soon(self, when: Callable[[], bool], then: Callable[[], object]) -> None:
        """Do something from beside, as soon as it is time."""

        def look() -> None:
            deadline = time.monotonic() + 120
            while time.monotonic() < deadline:
                if when():
                    then()
                    return
                time.sleep(0.1)

        threading.Thread(target=look, daemon=True).start()

    def error(self, result: Any) -> str:
        """The whole text of why the step failed."""
        failures = [event for event in result.all_events if event.is_step_failure]
        assert len(failures) == 1
        return str(failures[0].step_failure_data.error.to_string())


@contextmanager
def rehearsal(folder: Path, patch: pytest.MonkeyPatch, **more: str) -> Iterator[Rehearsal]:
    """A workspace whose clusters lack this project and Spark; the settings lead to it."""
    for name in [name for name in os.environ if name.startswith(("GLOBALBEV_", "ARM_", "DATABRICKS_"))]:
        patch.delenv(name)
    scope = {"globalbev-shop-dsn": DSN, "globalbev-inventory-token": TOKEN}
    workspace = make_workspace(ENVIRONMENT_HOME, folder / "workspace", scope, has_spark=False, start_s=0.1)
    (folder / "instance").mkdir()
    with workspace, dg.DagsterInstance.local_temp(str(folder / "instance")) as instance:
        told = variables(workspace, folder / "landing") | {"TINY_UPLOAD": str(folder / "tiny"), "GLOBALBEV_HOME": str(folder / "home")}
        told |= {"GLOBALBEV_DATABRICKS_POLL_S": "0.2", "GLOBALBEV_INVENTORY_URL": "http://127.0.0.1:9", "GLOBALBEV_DATABRICKS_ATTEMPTS": "2"}
        for name, value in {**told, **more}.items():
            patch.setenv(name, value)
        patch.syspath_prepend(str(HERE))
        patch.setattr("resources.databricks_launcher.stage_upload", lambda _: tiny_upload())
        yield Rehearsal(workspace, instance)
        sys.modules.pop("tiny_lake.definitions", None)
