"""How a record becomes a line: one chain of structlog processors for our events, Dagster's messages and every library's."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, Literal

from resources.logs.events import EVENT_ATTRIBUTE
from resources.logs.redaction import REDACTOR

Fields = MutableMapping[str, Any]
Form = Literal["json", "console"]
MOST_CHARACTERS = 32_000


def formatter(form: Form, *, is_coloured: bool = False) -> logging.Formatter:
    """JSON, a line an event; or a line for a person."""
    import structlog  # noqa: PLC0415

    renderer: Any = structlog.processors.JSONRenderer(default=str, ensure_ascii=False)
    if form == "console":
        # Not rich's traceback: it shows the values of local variables.
        plain = structlog.dev.plain_traceback
        renderer = structlog.dev.ConsoleRenderer(colors=is_coloured, exception_formatter=plain, pad_event_to=20, sort_keys=False)
    last = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=chain(), processors=last, keep_exc_info=False)


def chain() -> list[Any]:
    """What every record goes through before it is rendered or shipped; redaction is the last of it."""
    import structlog  # noqa: PLC0415

    return [
        structlog.contextvars.merge_contextvars,
        _of_record,
        _of_event,
        _of_dagster,
        structlog.processors.format_exc_info,
        redacted,
    ]


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """A record's fields as they are rendered, for handlers that send them elsewhere."""
    fields: Fields = {"event": record.getMessage(), "_record": record, "_from_structlog": False}
    if record.exc_info:
        fields["exc_info"] = record.exc_info
    for processor in chain():
        fields = processor(None, record.levelname.lower(), fields)
    return {name: value for name, value in fields.items() if not name.startswith("_")}


def redacted(_: Any, __: str, fields: Fields) -> Fields:
    """The processor that hides secrets and personal data in whatever the others left."""
    for name, value in list(fields.items()):
        if not name.startswith("_"):
            fields[name] = _cut(REDACTOR.value({name: value})[name])
    return fields


def _of_record(_: Any, __: str, fields: Fields) -> Fields:
    record: logging.LogRecord = fields["_record"]
    fields["timestamp"] = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    fields["level"], fields["logger"] = record.levelname.lower(), record.name
    return fields


def _of_event(_: Any, __: str, fields: Fields) -> Fields:
    """One of ours: its own name and fields instead of the line."""
    fields.update(getattr(fields["_record"], EVENT_ATTRIBUTE, {}))
    return fields


def _of_dagster(_: Any, __: str, fields: Fields) -> Fields:
    """A message of a run: what Dagster puts in front of it becomes fields."""
    record = fields["_record"]
    meta = getattr(record, "dagster_meta", None)
    if meta is None:
        return fields
    fields.setdefault("run_id", meta["run_id"])
    fields.setdefault("step", meta["step_key"])
    if not hasattr(record, EVENT_ATTRIBUTE):
        event = meta["dagster_event"]
        fields["message"], fields["event"] = meta["orig_message"], _name_of(event) if event else "dagster.message"
        error = getattr(event.event_specific_data, "error", None) if event else None
        if error is not None:
            fields["error"] = error.to_string()
    return fields


def _name_of(event: Any) -> str:
    """``dagster.step_failure``; a run's events have older names inside than Dagster shows."""
    from dagster._core.events import EVENT_TYPE_TO_DISPLAY_STRING  # noqa: PLC0415

    return f"dagster.{EVENT_TYPE_TO_DISPLAY_STRING.get(event.event_type, event.event_type.value).lower()}"


def _cut(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MOST_CHARACTERS:
        return f"{value[:MOST_CHARACTERS]} (cut, {len(value):,} characters)"
    return value
