"""Steps on job clusters: Dagster's own ``databricks_pyspark_step_launcher``, unmodified, made from the settings.

Around it stands what it leaves open: an error that says what to do, another attempt when the cluster is lost, and not before the lost one's run has
ended, a run that is cancelled whatever goes wrong from its submission on, and events that arrive once, also when they are read again.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.definitions.step_launcher import StepLauncher
from dagster._core.errors import raise_execution_interrupts

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.errors import GlobalBevError, TerminalError, TransientError
from resources.databricks_cluster import access, environment_variables, run_config, secret_references
from resources.databricks_errors import RunEnd, answered, ended, never_started, was_ended
from resources.databricks_events import Once
from resources.databricks_run import SubmittedRun, attempt_token, end_earlier_runs, interruption_of
from resources.databricks_settings import DatabricksSettings
from resources.settings import Settings
from resources.upload import Upload, stage_upload

if TYPE_CHECKING:
    from dagster._core.execution.context.system import StepExecutionContext
    from dagster_databricks.databricks_pyspark_step_launcher import DatabricksPySparkStepLauncher

_GIVEN_UP = re.compile(r"Run `\d+` took more than")  # the launcher has waited for as long as it may, and cancelled
_OVER = (dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.STEP_UP_FOR_RETRY)


def launcher_config(settings: Settings, databricks: DatabricksSettings, upload: Upload, book: ContractBook) -> dict[str, Any]:
    """The configuration of ``databricks_pyspark_step_launcher``. The sign-in stays in this process: nothing of it is uploaded."""
    sign_in: dict[str, dict[str, Any]] = {
        "token": {"databricks_token": databricks.secret("token")},
        "oauth": {"oauth_credentials": {"client_id": databricks.client_id, "client_secret": databricks.secret("client_secret")}},
        "azure": {
            "azure_credentials": {
                "azure_client_id": databricks.client_id,
                "azure_client_secret": databricks.secret("client_secret"),
                "azure_tenant_id": databricks.tenant_id,
            }
        },
    }
    return {
        "run_config": run_config(databricks, settings.env),
        "databricks_host": databricks.host,
        **sign_in[databricks.auth],
        "env_variables": environment_variables(settings, databricks, upload, book),
        "secrets_to_env_variables": secret_references(databricks, book),
        "local_dagster_job_package_path": str(upload.folder),
        "staging_prefix": databricks.staging,
        "poll_interval_sec": databricks.poll_s,
        # The workspace's own time-out comes first; this one is for a workspace that forgot it.
        "max_completion_wait_time_seconds": databricks.timeout_minutes * 60 + int(databricks.start_s),
        "verbose_logs": False,
        "add_dagster_env_variables": False,
    }


@dataclass
class LaunchedSteps(StepLauncher):
    """Launches each step that asks for it as one run of one cluster."""

    settings: Settings
    databricks: DatabricksSettings
    book: ContractBook

    @cached_property
    def launcher(self) -> DatabricksPySparkStepLauncher:
        """Dagster's launcher.

        Raises:
            TerminalError: GB-3005, when the environment holds a second way to sign in.
        """
        from dagster_databricks import databricks_pyspark_step_launcher  # noqa: PLC0415  a second of imports, in these environments only

        config = launcher_config(self.settings, self.databricks, stage_upload(self.settings), self.book)
        try:
            made: DatabricksPySparkStepLauncher = databricks_pyspark_step_launcher(dg.build_init_resource_context(config=config))
        except ValueError as error:
            refused = answered(error)
            if refused is not None:
                raise refused from None
            raise TerminalError(
                "GB-3005",
                "There is more than one way to sign in to Databricks.",
                got=str(error).split(":")[0],
                valid=f"GLOBALBEV_DATABRICKS_AUTH={self.databricks.auth} alone",
                todo="Unset the variables ARM_* and DATABRICKS_* in the process that runs Dagster.",
            ) from None
        return made

    def launch_step(self, step_context: StepExecutionContext) -> Iterator[dg.DagsterEvent]:
        """Launch, pass its events on, and say what went wrong; a lost cluster is another attempt.

        Raises:
            RetryRequested: the cluster was lost or did not start, and there are attempts left.
            GlobalBevError: whatever else went wrong on the way; GB-3020 to GB-3034.
        """
        launched = _Launched(self.launcher, step_context, self.databricks)
        try:
            yield from launched.events()
        except BaseException as error:
            launched.make_end()
            interruption = interruption_of(error)
            if isinstance(interruption, GeneratorExit):  # nobody listens any more
                raise interruption from None
            if interruption is not None:  # what failed while it was cleaned up is no reason to try again
                raise interruption from was_ended()
            if not isinstance(error, Exception):
                raise
            self._fail(launched, error)
        finally:
            launched.leave()

    def _fail(self, launched: _Launched, error: Exception) -> None:
        """Say what went wrong; nothing, where the step was through before."""
        found = launched.explained(error)
        if launched.is_over:
            launched.context.log.warning(f"The step was through when its run ended so: {found}")
            return
        if isinstance(found, TransientError):
            with raise_execution_interrupts():  # who ended the run meanwhile has ended it
                raise dg.RetryRequested(self.databricks.attempts - 1, self.databricks.retry_wait_s) from found
        if found is error:
            raise error
        raise found from error


class _Launched:
    """One attempt of one step."""

    def __init__(self, launcher: DatabricksPySparkStepLauncher, context: StepExecutionContext, databricks: DatabricksSettings) -> None:
        self.context, self.is_over = context, False
        self._databricks = databricks
        self._run: SubmittedRun | None = None
        # A copy for this attempt, which tells of its run at once: with the launcher's first event it would be too late for an error before it.
        self._launcher = copy.copy(launcher)
        self._launcher.databricks_runner = runner = copy.copy(launcher.databricks_runner)
        self._submit, runner.submit_run = runner.submit_run, self._submit_and_note  # type: ignore[method-assign]

    @property
    def _client(self) -> Any:
        return self._launcher.databricks_runner.client

    def events(self) -> Iterator[dg.DagsterEvent]:
        """The events of the step, each once."""
        end_earlier_runs(self.context, self._client.workspace_client)
        once = Once(self.context)
        for event in self._launcher.launch_step(once.context):
            if once.take():
                self.is_over = self.is_over or event.event_type in _OVER
                yield event

    def explained(self, error: Exception) -> Exception:
        """The error as one of ours, where it is known."""
        from dagster_databricks.databricks import DatabricksError  # noqa: PLC0415  the launcher's own, not the SDK's

        if isinstance(error, GlobalBevError):
            return error
        if self._run is not None and self._run.waited_s is not None:
            return never_started(self._run.waited_s)
        if isinstance(error, DatabricksError) and self._run is not None:
            if _GIVEN_UP.match(str(error)):
                return ended(RunEnd("TIMEDOUT", message=str(error)))
            end = self._run.end() or RunEnd("FAILED", message=str(error))
            return ended(replace(end, stderr=self._stderr()) if end.result == "FAILED" else end, self._databricks.runtime)
        return answered(error) or error

    def make_end(self) -> None:
        """Return when the cluster does nothing more, so that nothing lands after the step's end."""
        if self._run is not None:
            self._run.make_end()

    def leave(self) -> None:
        """No more need to look whether the cluster starts."""
        if self._run is not None:
            self._run.leave()

    def _submit_and_note(self, run_config: Mapping[str, Any], task: Mapping[str, Any]) -> int:
        """Submit and write down what was; the same attempt is the same run, when its answer is lost and the SDK asks again."""
        run_id = self._submit({**run_config, "idempotency_token": attempt_token(self.context)}, task)
        self._run = SubmittedRun(self._client.workspace_client, run_id)
        self._run.record(self.context)
        self._run.watch_start(self._databricks.start_s)
        if self._databricks.readers:
            with raise_execution_interrupts():
                self._run.share(access(self._databricks))
        return run_id

    def _stderr(self) -> str:
        path = f"{self._databricks.staging}/{self.context.run_id}/{self.context.step.key}/stderr"
        try:
            return str(self._client.read_file(path).decode(errors="replace"))
        except OSError:  # a cluster that never ran wrote none
            return ""
