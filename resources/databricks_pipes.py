"""Steps through Dagster Pipes on serverless compute: no DBFS, no cluster of one's own, files on a volume of Unity Catalog.

The exit from the superseded launcher, behind ``GLOBALBEV_COMPUTE=pipes``. The code goes up once for each content, not once a step; what became of
each table comes back as a message, and is reported here by the same lines that report a local step.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from globalbev_assets import errors
from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.model import Contract
from globalbev_assets.errors import TerminalError, TransientError
from resources.databricks_cluster import environment_variables, pins, secret_references
from resources.databricks_errors import RunEnd, answered, ended
from resources.databricks_settings import DatabricksSettings
from resources.event_figures import result_of
from resources.publishing import TableResult
from resources.settings import Settings
from resources.upload import Upload, stage_upload

if TYPE_CHECKING:
    from dagster_databricks.pipes import PipesDatabricksServerlessClient
    from databricks.sdk import WorkspaceClient

ENVIRONMENT, ENVIRONMENT_VERSION = "globalbev", "4"
DONE = {"globalbev": "done"}
# A file that is sent, not a module that is imported: it stands above this one.
MAIN = Path(errors.__file__).parent / "piped_main.py"


@dataclass
class PipedSteps:
    """Publishes a step's tables on serverless compute."""

    settings: Settings
    databricks: DatabricksSettings
    book: ContractBook

    def results(self, context: dg.AssetExecutionContext, layer: str, contracts: Sequence[Contract], days: Sequence[date]) -> Iterator[TableResult]:
        """What became of each table.

        Raises:
            RetryRequested: the compute was lost, and there are attempts left.
            GlobalBevError: whatever else went wrong on the way; GB-3020 to GB-3034.
        """
        try:
            messages = self._run(context, layer, contracts, days)
        except Exception as error:
            found = answered(error) or ended(_end_of(str(error))) if _is_the_workspaces(error) else error
            if isinstance(found, TransientError):
                raise dg.RetryRequested(self.databricks.attempts - 1, self.databricks.retry_wait_s) from found
            raise found from error
        if DONE not in messages:  # Dagster 1.13's client goes on after an interruption as if the run had succeeded
            raise TerminalError(
                "GB-3034", "The run was ended before the step was through.", todo="Run again; what was published is not published again."
            )
        yield from (result_of(message, self.book) for message in messages if message != DONE)

    @cached_property
    def workspace(self) -> WorkspaceClient:
        """The workspace's client, with the sign-in of the settings."""
        from dagster_databricks.databricks import DatabricksClient  # noqa: PLC0415  a second of imports, in these environments only

        given, sign_in = self.databricks, self.databricks.auth
        client = given.client_id, given.secret("client_secret")
        signed: dict[str, dict[str, Any]] = {
            "token": {"token": given.secret("token")},
            "oauth": dict(zip(("oauth_client_id", "oauth_client_secret"), client, strict=True)),
            "azure": dict(zip(("azure_client_id", "azure_client_secret", "azure_tenant_id"), (*client, given.tenant_id), strict=True)),
        }
        return DatabricksClient(given.host, **signed[sign_in]).workspace_client

    def _run(self, context: dg.AssetExecutionContext, layer: str, contracts: Sequence[Contract], days: Sequence[date]) -> Sequence[Any]:
        from databricks.sdk.service import compute, jobs  # noqa: PLC0415  as above

        upload = stage_upload(self.settings)
        folder = self._put(upload)
        extras = {
            "layer": layer,
            "tables": [str(contract.name) for contract in contracts],
            "days": [str(day) for day in days],
            "environment": environment_variables(self.settings, self.databricks, upload, self.book),
            "secrets": secret_references(self.databricks, self.book),
        }
        task = jobs.SubmitTask(
            task_key="globalbev",
            environment_key=ENVIRONMENT,
            spark_python_task=jobs.SparkPythonTask(python_file=f"{folder}/{MAIN.name}", parameters=[f"{folder}/code.zip"]),
        )
        environment = compute.Environment(client=ENVIRONMENT_VERSION, dependencies=[*pins(), f"dagster-pipes=={dg.__version__}"])
        done = self._client.run(
            context=context.op_execution_context,
            extras=extras,
            task=task,
            submit_args={
                "run_name": f"globalbev-{self.settings.env}",
                "timeout_seconds": self.databricks.timeout_minutes * 60,
                "environments": [jobs.JobEnvironment(environment_key=ENVIRONMENT, spec=environment)],
            },
        )
        return done.get_custom_messages()

    @property
    def _client(self) -> PipesDatabricksServerlessClient:
        from dagster_databricks.pipes import (  # noqa: PLC0415  as above
            PipesDatabricksServerlessClient,
            PipesUnityCatalogVolumesMessageReader,
        )

        wait_s = self.databricks.poll_s
        reader = PipesUnityCatalogVolumesMessageReader(client=self.workspace, volume_path=self.databricks.volume_path, interval=wait_s)
        return PipesDatabricksServerlessClient(
            client=self.workspace, volume_path=self.databricks.volume_path, message_reader=reader, poll_interval_seconds=wait_s
        )

    def _put(self, upload: Upload) -> str:
        """Put the code on the volume, unless this very code is there; gives its folder."""
        from dagster_pyspark.utils import build_pyspark_zip  # noqa: PLC0415  as above
        from databricks.sdk.errors import NotFound  # noqa: PLC0415  as above

        folder = f"{self.databricks.volume_path}/code/{upload.digest[:16]}"
        try:
            self.workspace.files.get_metadata(f"{folder}/{MAIN.name}")
        except NotFound:
            self.workspace.files.create_directory(folder)
            with tempfile.NamedTemporaryFile(suffix=".zip") as zipped:
                build_pyspark_zip(zipped.name, str(upload.folder))
                with Path(zipped.name).open("rb") as stream:
                    self.workspace.files.upload(f"{folder}/code.zip", stream, overwrite=True)
            with MAIN.open("rb") as stream:  # last: it is what is asked for
                self.workspace.files.upload(f"{folder}/{MAIN.name}", stream, overwrite=True)
        return folder


def _end_of(said: str) -> RunEnd:
    """How the run ended, by its message: Dagster's client gives no more."""
    codes = {
        "Library installation failed": "LIBRARY_INSTALLATION_ERROR",
        "Run cancelled": "USER_CANCELED",
        "waiting for the cluster": "CLOUD_FAILURE",
    }
    code = next((code for sign, code in codes.items() if sign in said), "")
    return RunEnd("TIMEDOUT" if "timed out" in said else "FAILED", code, said)


def _is_the_workspaces(error: Exception) -> bool:
    from dagster._core.errors import DagsterPipesExecutionError  # noqa: PLC0415

    return isinstance(error, (DagsterPipesExecutionError, OSError))
