"""The two ports in the cloud: Container Apps by the program ``az``, tables by statements on the SQL warehouse."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from deploy.release.plan import Restored
from globalbev_assets.contracts.names import TableName
from globalbev_assets.governance.sql import sql, text
from globalbev_assets.governance.tables import table_of

# What Delta says instead of doing nothing. Of a table without a commit since then: the first is a bare requirement of its RESTORE (delta-spark 4.4).
REFUSALS: dict[str, Restored] = {
    "should be less then last available version": "unchanged",
    "DELTA_CANNOT_RESTORE_TIMESTAMP_GREATER": "unchanged",
    "DELTA_TIMESTAMP_GREATER_THAN_COMMIT": "unchanged",
    "DELTA_CANNOT_RESTORE_TIMESTAMP_EARLIER": "younger",
    "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT": "younger",
    "DELTA_VERSION_NOT_FOUND": "younger",
    "TABLE_OR_VIEW_NOT_FOUND": "younger",
}


@dataclass(frozen=True)
class ContainerApps:
    """The apps of an environment, named as `deploy/terraform/modules/dagster` names them."""

    environment: str

    def stop(self, app: str) -> None:
        """Deactivate the revisions that are active."""
        for revision in self._az("revision", "list", app, "--query", "[?properties.active].name"):
            self._az("revision", "deactivate", app, "--revision", revision)

    def is_gone(self, app: str) -> bool:
        """Whether no revision has a replica."""
        return not self._az("revision", "list", app, "--all", "--query", "[?properties.replicas > `0`].name")

    def start(self, app: str, image: str) -> None:
        """Make a revision with that image; one is made even when only the image's digest is the same, because of the suffix."""
        suffix = f"back-{datetime.now(UTC):%H%M%S}"
        self._az("update", app, "--image", image, "--revision-suffix", suffix)

    def is_ready(self, app: str, image: str) -> bool:
        """Whether the latest revision is the ready one and has that image."""
        found = self._az("show", app)["properties"]
        is_latest_ready = found["latestRevisionName"] == found["latestReadyRevisionName"]
        return bool(found["template"]["containers"][0]["image"] == image and is_latest_ready and found["runningStatus"] == "Running")

    def previous_image(self, app: str) -> str:
        """The image of the newest revision that had another one; Container Apps keeps ten."""
        query = "[].{image: properties.template.containers[0].image, made: properties.createdTime}"
        revisions = sorted(self._az("revision", "list", app, "--all", "--query", query), key=lambda revision: revision["made"])
        others = [revision["image"] for revision in revisions if revision["image"] != revisions[-1]["image"]]
        if not others:
            raise SystemExit(f"{app} has no revision with another image: name the image to go back to")
        return str(others[-1])

    def _az(self, *words: str) -> Any:
        verbs, app, options = (words[:2], words[2], words[3:]) if words[0] == "revision" else (words[:1], words[1], words[2:])
        place = ["--name", f"ca-globalbev-{self.environment}-{app}", "--resource-group", f"rg-globalbev-{self.environment}", "--output", "json"]
        done = subprocess.run(["az", "containerapp", *verbs, *place, *options], capture_output=True, text=True, check=False, timeout=240)
        if done.returncode:
            raise SystemExit(f"az containerapp {' '.join(verbs)} of {app}: {done.stderr.strip()[-400:]}")
        return json.loads(done.stdout or "null")


@dataclass(frozen=True)
class Warehouse:
    """The tables of a catalog, restored by statements on a SQL warehouse; signs in as the SDK does everywhere."""

    catalog: str
    warehouse_id: str

    def wake(self) -> None:
        """A statement that nobody waits for starts a warehouse that sleeps; whoever may use it may do that."""
        from databricks.sdk import WorkspaceClient  # noqa: PLC0415

        WorkspaceClient().statement_execution.execute_statement("SELECT 1", self.warehouse_id, wait_timeout="0s")

    def stop_writers(self) -> int:
        """Cancel the runs that the step launcher submitted: killing Dagster's process does not end its cluster."""
        from databricks.sdk import WorkspaceClient  # noqa: PLC0415
        from databricks.sdk.service.jobs import RunType  # noqa: PLC0415

        jobs = WorkspaceClient().jobs
        active = [run.run_id for run in jobs.list_runs(active_only=True, run_type=RunType.SUBMIT_RUN) if run.run_id]
        for waiter in [jobs.cancel_run(run_id) for run_id in active]:
            waiter.result(timeout=timedelta(seconds=120))
        return len(active)

    def restore(self, name: TableName, moment: datetime) -> Restored:
        """RESTORE; Delta refuses where the table is what it was, or was not there yet."""
        from databricks.sdk import WorkspaceClient  # noqa: PLC0415
        from databricks.sdk.service.sql import StatementState  # noqa: PLC0415

        api = WorkspaceClient().statement_execution
        at = text(moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"))
        statement = str(sql("RESTORE TABLE", table_of(self.catalog, name), "TO TIMESTAMP AS OF", at))
        answer = api.execute_statement(statement, self.warehouse_id, wait_timeout="50s")
        while answer.status and answer.status.state in {StatementState.PENDING, StatementState.RUNNING}:
            time.sleep(1)
            answer = api.get_statement(answer.statement_id or "")
        if answer.status and answer.status.state == StatementState.SUCCEEDED:
            return "restored"
        message = (answer.status and answer.status.error and answer.status.error.message) or "no reason given"
        for word, outcome in REFUSALS.items():
            if word in message:
                return outcome
        raise SystemExit(f"RESTORE of {name}: {message[:400]}")
