"""What a step said on a cluster, said once more by the process that sent it there: that one writes, counts and ships, the cluster has no way to.

The launcher brings an event back as the line that Dagster's log shows of it; Pipes brings its fields. Either way it keeps its own time.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from resources.logs.events import EVENT_ATTRIBUTE, EVENTS, LOGGER, as_line, tell_listeners
from resources.logs.of_run import events_of
from resources.logs.redaction import REDACTOR

if TYPE_CHECKING:
    import dagster as dg

_FIELD = re.compile(r' (\w+)=("(?:[^"\\]|\\.)*"|[^\s"]+)')
Report = Callable[[dict[str, Any]], None]


def relay_entry(entry: dg.EventLogEntry) -> None:
    """Say again what an entry of Dagster's log says, if it is one of our events."""
    found = None if entry.is_dagster_event else from_line(entry.user_message)
    if found is not None:
        name, fields = found
        relay({"event": name, "run_id": entry.run_id, "step": entry.step_key, **fields}, entry.timestamp)


def relay(fields: Mapping[str, Any], created: float) -> None:
    """Say an event that was emitted elsewhere, at its own time; to listeners too, so that metrics count it."""
    name, told = str(fields["event"]), {key: value for key, value in fields.items() if key != "event"}
    tell_listeners(name, dict.fromkeys(EVENTS[name].fields) | told)
    logger, level = logging.getLogger(f"{LOGGER}.{name.partition('.')[0]}"), EVENTS[name].level
    if logger.isEnabledFor(level):
        line = as_line(name, told)
        record = logger.makeRecord(logger.name, level, "", 0, line, (), None, extra={EVENT_ATTRIBUTE: dict(fields)})
        record.created = created
        logger.handle(record)


def from_line(line: str) -> tuple[str, dict[str, Any]] | None:
    """Name and fields of a line of :func:`resources.logs.events.as_line`; None for any other text. Numbers are numbers again."""
    name, _, _ = line.partition(" ")
    rest = line[len(name) :]
    if name not in EVENTS or _FIELD.sub("", rest):
        return None
    try:
        return name, {key: _value(text) for key, text in _FIELD.findall(rest)}
    except ValueError:
        return None


def handed_over(report: Report, run_id: str) -> AbstractContextManager[None]:
    """Within it, on a cluster, the events of this run are reported; :func:`relay` takes what was."""

    def hand_over(record: logging.LogRecord, fields: Mapping[str, Any]) -> None:
        try:
            report({"fields": REDACTOR.value(json.loads(json.dumps(fields, default=str))), "created": record.created})
        except Exception:  # noqa: BLE001  logging never fails the work that it tells of
            traceback.print_exc()

    return events_of(run_id, hand_over)


def _value(text: str) -> Any:
    if text.startswith('"'):
        return json.loads(text)
    try:
        return json.loads(text) if text[0] in "-0123456789" else text
    except json.JSONDecodeError:  # a day, or digits with a zero in front
        return text
