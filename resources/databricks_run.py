"""One submitted run of the workspace: what became of it, whether its cluster comes, and that it has ended before anything else begins.

Dagster's own clients ask for a run's end once and believe that it came, or do not ask at all when the workspace does not answer. A run that goes on
publishes beside the attempt that follows it.
"""

from __future__ import annotations

import copy
import hashlib
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.events import EngineEventData

from resources.databricks_errors import RunEnd, still_running

if TYPE_CHECKING:
    from dagster._core.execution.context.system import StepExecutionContext
    from databricks.sdk import WorkspaceClient

CANCEL_S, LOOK_S, PATIENCE_S = 60.0, 1.0, 10
_OVER, _WAITING = ("TERMINATED", "SKIPPED", "INTERNAL_ERROR"), ("PENDING", "QUEUED", "BLOCKED")
_SUBMITTED = re.compile(r"Submitted the Databricks run (\d+)")
_INTERRUPTIONS = (DagsterExecutionInterruptedError, KeyboardInterrupt, GeneratorExit)


@dataclass
class SubmittedRun:
    """A run that the workspace has taken.

    Attributes:
        client: the workspace, as the launcher or Pipes signs in to it.
        run_id: the run.
        waited_s: how long its cluster was waited for, when it was ended because none came.
    """

    client: WorkspaceClient
    run_id: int
    waited_s: float | None = None
    _is_left: threading.Event = field(default_factory=threading.Event, repr=False)

    def record(self, context: StepExecutionContext) -> None:
        """Write down that it was submitted: a later attempt, perhaps of another process, finds it so."""
        dg.DagsterEvent.engine_event(context, f"Submitted the Databricks run {self.run_id}.", EngineEventData())

    def share(self, access: list[dict[str, str]]) -> None:
        """Let others see it; its job is known at once, where the launcher would wait a minute for its cluster before it asks."""
        from databricks.sdk.service.iam import AccessControlRequest  # noqa: PLC0415  a second of imports, in these environments only

        job_id = self.client.jobs.get_run(self.run_id).job_id
        self.client.permissions.update("jobs", str(job_id), access_control_list=[AccessControlRequest.from_dict(line) for line in access])

    def end(self) -> RunEnd | None:
        """How it ended, an empty result while it has not; None when the workspace cannot be asked."""
        from databricks.sdk.errors import InvalidParameterValue, NotFound  # noqa: PLC0415  as above

        try:
            run = self._impatient.jobs.get_run(self.run_id).as_dict()
        except (InvalidParameterValue, NotFound) as error:  # forgotten after 60 days
            return RunEnd("FORGOTTEN", message=str(error))
        except OSError:  # every error of the SDK is one
            return None
        state: Mapping[str, Any] = run.get("state", {})
        details: Mapping[str, Any] = run.get("status", {}).get("termination_details", {})
        cycle = str(state.get("life_cycle_state", ""))
        result = str(state.get("result_state") or (cycle if cycle in _OVER else ""))
        return RunEnd(result, str(details.get("code", "")), str(state.get("state_message", "")))

    def make_end(self) -> bool:
        """Cancel it until it has ended; whether it has for certain. A workspace that cannot be asked is asked again."""
        deadline = time.monotonic() + CANCEL_S
        while True:
            end = self.end()
            if end is not None and end.result:
                return True
            if time.monotonic() > deadline:
                return False
            with suppress(OSError):
                self._impatient.jobs.cancel_run(self.run_id)
            time.sleep(LOOK_S / 4)

    def watch_start(self, limit_s: float) -> None:
        """End it from beside when its cluster does not come: Dagster's clients would wait for as long as the step may take."""
        threading.Thread(target=self._cancel_when_waiting, args=(limit_s,), daemon=True, name=f"start of {self.run_id}").start()

    def leave(self) -> None:
        """No more need to look whether its cluster comes."""
        self._is_left.set()

    def _cancel_when_waiting(self, limit_s: float) -> None:
        started = time.monotonic()
        while not self._is_left.wait(LOOK_S):
            with suppress(OSError):  # who waits for the run will say it
                run = self._impatient.jobs.get_run(self.run_id)
                if run.state and run.state.life_cycle_state and run.state.life_cycle_state.value not in _WAITING:
                    return
                if time.monotonic() - started > limit_s:
                    self.waited_s = time.monotonic() - started
                    self._impatient.jobs.cancel_run(self.run_id)
                    return

    @cached_property
    def _impatient(self) -> WorkspaceClient:
        """The same sign-in, with a tenth of the SDK's five minutes for a call: who ends a run asks again by himself."""
        from databricks.sdk import WorkspaceClient  # noqa: PLC0415  as above

        config = copy.copy(self.client.config)
        config.retry_timeout_seconds = PATIENCE_S
        return WorkspaceClient(config=config)


def end_earlier_runs(context: StepExecutionContext, client: WorkspaceClient) -> None:
    """Let nothing of an earlier attempt of this step run any more, nor of the run that this one is tried again for.

    Raises:
        TransientError: GB-3020, when one of them may still run.
    """
    for run_id in sorted(set(_earlier_runs(context))):
        if not SubmittedRun(client, run_id).make_end():
            raise still_running(run_id)


def attempt_token(context: StepExecutionContext) -> str:
    """The same for one attempt of one step: asked for twice, because the first answer was lost, it is one run and not two."""
    attempt = f"{context.run_id} {context.step.key} {context.previous_attempt_count}"
    return hashlib.sha256(attempt.encode()).hexdigest()


def interruption_of(error: BaseException) -> BaseException | None:
    """What ended the step from outside, if that is why there is an error: one that is raised while cleaning up hides it."""
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, _INTERRUPTIONS):
        seen = seen.__context__
    return seen


def _earlier_runs(context: StepExecutionContext) -> Iterator[int]:
    of_attempts = [context.run_id] if context.previous_attempt_count else []
    for run_id in [*of_attempts, *filter(None, [context.dagster_run.parent_run_id])]:
        for record in context.instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT).records:
            event = record.event_log_entry.dagster_event
            found = _SUBMITTED.match(event.message or "") if event and event.step_key == context.step.key else None
            if found:
                yield int(found.group(1))
