"""Steps through Dagster Pipes on serverless compute: no DBFS, no cluster of one's own, files on a volume of Unity Catalog.

The exit from the superseded launcher, behind ``GLOBALBEV_COMPUTE=pipes``. The code goes up once for each content, not once a step; what became of
each table comes back as a message, and is reported here by the same lines that report a local step.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from globalbev_assets import errors
from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.model import Contract
from globalbev_assets.errors import GlobalBevError, TransientError
from resources.databricks_cluster import environment_variables, pins, secret_references
from resources.databricks_errors import RunEnd, answered, ended, never_started, was_ended
from resources.databricks_run import attempt_token, end_earlier_runs, interruption_of
from resources.databricks_settings import DatabricksSettings
from resources.event_figures import result_of
from resources.logs.relay import relay
from resources.publishing import TableResult
from resources.settings import Settings
from resources.upload import Upload, stage_upload

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

    from resources.databricks_piped_run import PipedRun

    _Sent = tuple[PipedRun, BaseException | None]

ENVIRONMENT, ENVIRONMENT_VERSION = "globalbev", "4"
DONE = {"globalbev": "done"}
LOGGED = "logged"
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
        step = context.op_execution_context.get_step_execution_context()
        sent, error = self._sent(context, layer, contracts, days)
        for event in (message[LOGGED] for message in sent.messages if LOGGED in message):
            relay(event["fields"], event["created"])
        problem = None if error is None else interruption_of(error) or self._explained(sent, error)
        is_lost = isinstance(problem, TransientError) and DONE not in sent.messages
        if not is_lost or step.previous_attempt_count + 1 >= self.databricks.attempts:
            # What was published is reported, however the run ended; by the next attempt, if there is one: it finds it published and tells of it again.
            yield from (result_of(message, self.book) for message in sent.messages if "table" in message)
        if is_lost:
            raise dg.RetryRequested(self.databricks.attempts - 1, self.databricks.retry_wait_s) from problem
        if DONE in sent.messages and isinstance(problem, Exception):
            context.log.warning(f"The step was through when its run ended so: {problem}")
        elif isinstance(problem, Exception):
            raise problem from (error if error is not problem else None)
        elif problem is not None:
            raise problem from was_ended()
        elif DONE not in sent.messages:
            raise was_ended()

    def _sent(self, context: dg.AssetExecutionContext, layer: str, contracts: Sequence[Contract], days: Sequence[date]) -> _Sent:
        """One attempt, through; with what went wrong."""
        from resources.databricks_piped_run import PipedRun  # noqa: PLC0415  a second of imports, in these environments only

        sent = PipedRun(self.workspace, self.databricks)
        try:
            end_earlier_runs(context.op_execution_context.get_step_execution_context(), self.workspace)
            self._run(sent, context, layer, contracts, days)
        except BaseException as error:  # noqa: BLE001  raised again when the messages have been passed on
            return sent, error if interruption_of(error) else sent.error or error
        return sent, sent.error

    def _explained(self, sent: PipedRun, error: BaseException) -> BaseException:
        """The error as one of ours, where it is known."""
        from dagster._core.errors import DagsterPipesExecutionError  # noqa: PLC0415  as above

        run = sent.submitted
        if isinstance(error, GlobalBevError) or run is None:
            return error if isinstance(error, GlobalBevError) else answered(error) or error
        if run.waited_s is not None:
            return never_started(run.waited_s)
        if isinstance(error, DagsterPipesExecutionError):
            end = run.end() or RunEnd("FAILED", message=str(error))
            return ended(replace(end, stderr=end.message), self.databricks.runtime)
        return answered(error) or error

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
        try:
            return DatabricksClient(given.host, **signed[sign_in]).workspace_client
        except ValueError as error:
            raise answered(error) or error from None

    def _run(self, sent: PipedRun, context: dg.AssetExecutionContext, layer: str, contracts: Sequence[Contract], days: Sequence[date]) -> None:
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
        environment = compute.Environment(
            client=ENVIRONMENT_VERSION, dependencies=[*pins(), *(f"{name}=={dg.__version__}" for name in ("dagster", "dagster-pipes"))]
        )
        sent.run(
            context=context.op_execution_context,
            extras=extras,
            task=task,
            submit_args={
                "run_name": f"globalbev-{self.settings.env}",
                "idempotency_token": attempt_token(context.op_execution_context.get_step_execution_context()),
                "timeout_seconds": self.databricks.timeout_minutes * 60,
                "environments": [jobs.JobEnvironment(environment_key=ENVIRONMENT, spec=environment)],
            },
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
