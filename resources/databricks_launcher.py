"""Steps on job clusters: Dagster's own ``databricks_pyspark_step_launcher``, unmodified, made from the settings.

Around it stands what it leaves open: an error that says what to do, another attempt when the cluster is lost, a run that is cancelled when its
cluster never comes, and events that arrive once, also when they are read again.
"""

from __future__ import annotations

import contextlib
import copy
import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import dagster as dg
from dagster._core.definitions.step_launcher import StepLauncher
from dagster._serdes import serialize_value

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.errors import GlobalBevError, TerminalError, TransientError
from resources.databricks_cluster import environment_variables, permissions, run_config, secret_references
from resources.databricks_errors import RunEnd, answered, ended, never_started
from resources.databricks_settings import DatabricksSettings
from resources.settings import Settings
from resources.upload import Upload, stage_upload

if TYPE_CHECKING:
    from dagster._core.execution.context.system import StepExecutionContext
    from dagster_databricks.databricks_pyspark_step_launcher import DatabricksPySparkStepLauncher

_RUN = re.compile(r"Waiting for Databricks run (\d+)")
_OVER = (dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.STEP_UP_FOR_RETRY)
_REPORTED = (dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_OBSERVATION)
CANCEL_S, WATCH_S = 60.0, 1.0


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
        "permissions": permissions(databricks),
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
            GlobalBevError: whatever else went wrong on the way; GB-3020 to GB-3033.
        """
        launched = _Launched(self.launcher, step_context, self.databricks)
        try:
            yield from launched.events()
        except (Exception, dg.DagsterExecutionInterruptedError, KeyboardInterrupt) as error:
            launched.wait_until_cancelled()
            if not isinstance(error, Exception):
                raise
            found = launched.explained(error)
            if launched.is_over:
                step_context.log.warning(f"The step was through when its run ended so: {found}")
            elif isinstance(found, TransientError):
                raise dg.RetryRequested(self.databricks.attempts - 1, self.databricks.retry_wait_s) from found
            elif found is error:
                raise
            else:
                raise found from error
        finally:
            launched.stop_watching()


@dataclass
class _Launched:
    """One attempt of one step."""

    launcher: DatabricksPySparkStepLauncher
    context: StepExecutionContext
    databricks: DatabricksSettings
    is_over: bool = False
    run_id: int | None = None
    waited_s: float | None = None
    _done: threading.Event = field(default_factory=threading.Event)

    @property
    def _jobs(self) -> Any:
        return self.launcher.databricks_runner.client.workspace_client.jobs

    def events(self) -> Iterator[dg.DagsterEvent]:
        """The events of the step, each once."""
        once = _Once(self.context)
        for event in self.launcher.launch_step(once.context):
            if self.run_id is None:
                self._watch(event)
            if once.take():
                self.is_over = self.is_over or event.event_type in _OVER
                yield event

    def explained(self, error: Exception) -> Exception:
        """The error as one of ours, where it is known."""
        if isinstance(error, GlobalBevError):
            return error
        if self.waited_s is not None:
            return never_started(self.waited_s)
        end = self._end()
        if end is not None and end.result and end.result != "SUCCESS" and f"`{self.run_id}`" in str(error):
            return ended(end, self.databricks.runtime)
        return answered(error) or error

    def wait_until_cancelled(self) -> None:
        """Return when the cluster does nothing more, so that nothing lands after the step's end; the launcher has asked for it."""
        deadline = time.monotonic() + CANCEL_S
        while self.run_id is not None and time.monotonic() < deadline:
            end = self._end()
            if end is None or end.result:
                return
            time.sleep(min(self.databricks.poll_s, WATCH_S))

    def stop_watching(self) -> None:
        """No more need to look whether the cluster starts."""
        self._done.set()

    def _watch(self, event: dg.DagsterEvent) -> None:
        found = _RUN.search(event.message or "")
        if found:
            self.run_id = int(found.group(1))
            threading.Thread(target=self._cancel_when_pending, daemon=True, name=f"start of {self.run_id}").start()

    def _cancel_when_pending(self) -> None:
        """Cancel a run whose cluster does not come; the launcher itself would wait for as long as the step may take."""
        started = time.monotonic()
        while not self._done.wait(WATCH_S):
            with contextlib.suppress(OSError):  # the launcher's own polls will say it
                run = self._jobs.get_run(self.run_id)
                if run.state.life_cycle_state.value not in ("PENDING", "QUEUED", "BLOCKED"):
                    return
                if time.monotonic() - started > self.databricks.start_s:
                    self.waited_s = time.monotonic() - started
                    self._jobs.cancel_run(self.run_id)
                    return

    def _end(self) -> RunEnd | None:
        """What the workspace says of the run; None when it cannot be asked."""
        if self.run_id is None:
            return None
        try:
            run = self._jobs.get_run(self.run_id).as_dict()
        except OSError:  # every error of the SDK is one
            return None
        state: Mapping[str, Any] = run.get("state", {})
        details: Mapping[str, Any] = run.get("status", {}).get("termination_details", {})
        return RunEnd(str(state.get("result_state", "")), str(details.get("code", "")), str(state.get("state_message", "")), self._stderr(state))

    def _stderr(self, state: Mapping[str, Any]) -> str:
        if state.get("result_state") != "FAILED":
            return ""
        path = f"{self.databricks.staging}/{self.context.run_id}/{self.context.step.key}/stderr"
        try:
            return self.launcher.databricks_runner.client.read_file(path).decode(errors="replace")
        except OSError:  # a cluster that never ran wrote none
            return ""


class _Once:
    """Lets each event of the cluster into the instance once.

    The launcher reads the whole event file at each poll and counts; a read that finds it shorter makes it replay everything (seen: a
    materialisation recorded twice, then a failed run). And an attempt after a lost cluster reports again what the first had reported.
    """

    def __init__(self, context: StepExecutionContext) -> None:
        self._instance, self._is_new, self._seen = context.instance, True, set[str]()
        self._reported = self._of_earlier_attempts(context) if context.previous_attempt_count else set[tuple[str, str | None]]()
        self.context = copy.copy(context)
        instance = cast("dg.DagsterInstance", self)  # all that is asked of it is below
        self.context._plan_data = context.plan_data._replace(instance=instance)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._instance, name)

    def handle_new_event(self, entry: dg.EventLogEntry, **more: Any) -> None:
        """Record an event, unless it was."""
        told, what = serialize_value(entry), _what(entry.dagster_event)
        self._is_new = told not in self._seen and what not in self._reported
        self._seen.add(told)
        if self._is_new:
            self._instance.handle_new_event(entry, **more)

    def take(self) -> bool:
        """Whether the event that was passed on last is new; those that the launcher makes itself are."""
        is_new, self._is_new = self._is_new, True
        return is_new

    def _of_earlier_attempts(self, context: StepExecutionContext) -> set[tuple[str, str | None] | None]:
        records = self._instance.get_records_for_run(context.run_id, of_type=set(_REPORTED)).records
        events = (record.event_log_entry.dagster_event for record in records)
        return {_what(event) for event in events if event is not None and event.step_key == context.step.key}


def _what(event: dg.DagsterEvent | None) -> tuple[str, str | None] | None:
    """Table and day of a report."""
    if event is None or event.event_type not in _REPORTED or event.asset_key is None:
        return None
    return (event.asset_key.to_user_string(), event.partition)
