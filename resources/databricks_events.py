"""Lets each event of a cluster into the instance once, however often the launcher reads it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, cast

import dagster as dg
from dagster._serdes import serialize_value

from resources.logs.relay import relay_entry

if TYPE_CHECKING:
    from dagster._core.execution.context.system import StepExecutionContext

_REPORTED = (dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_OBSERVATION)


class Once:
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
        """Record an event, unless it was; one of ours is logged here, too."""
        told, what = serialize_value(entry), _what(entry.dagster_event)
        self._is_new = told not in self._seen and what not in self._reported
        self._seen.add(told)
        if self._is_new:
            self._instance.handle_new_event(entry, **more)
            relay_entry(entry)

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
