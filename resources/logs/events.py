"""The events that are logged: their names, levels, fields and what they mean. ``docs/observability.md`` lists them, a test holds it to this.

An event is ``noun.verb`` with figures in fields, not a sentence: a query finds it by its name. ``emit`` is the only way to log one.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from resources.logs.redaction import REDACTOR

LOGGER = "globalbev"
EVENT_ATTRIBUTE = "globalbev_event"
_PLAIN = re.compile(r'[^\s"]+')
# Bound by the step: they stand on every event inside it, and on what libraries say there.
CONTEXT_FIELDS = ("run_id", "step", "days", "asset")


@dataclass(frozen=True, slots=True)
class Event:
    """One kind of event. ``fields`` beside those that the step binds; units stand in the names."""

    level: int
    fields: tuple[str, ...]
    meaning: str


_COUNTS = ("rows_in", "published", "quarantined", "deduplicated", "superseded", "unaccounted")
EVENTS: Mapping[str, Event] = {
    "step.started": Event(logging.INFO, ("tables", "day_count"), "a step begins: its tables for these days"),
    "step.ended": Event(
        logging.INFO, ("duration_s", "tables", "failed_tables", "held_days", "failed_days", *_COUNTS), "a step is through, with its totals"
    ),
    "step.broken": Event(logging.ERROR, ("duration_s", "code", "reason"), "a step ended before its tables were through"),
    "source.read": Event(logging.INFO, ("source", "rows", "duration_s"), "what the source says it has for these days, in source rows"),
    "source.retry": Event(logging.INFO, ("attempt", "wait_s", "reason"), "a request to a source is tried again"),
    "table.published": Event(logging.INFO, ("duration_s", "published_days", "unchanged_days", "delta_version", *_COUNTS), "a table is through"),
    "table.committed": Event(logging.INFO, ("version", "day_count", "duration_s"), "days were committed to a table"),
    "table.held": Event(logging.WARNING, ("held_days", "first_held_day", "reason"), "days of a table are held: what readers see stays"),
    "table.failed": Event(logging.ERROR, ("code", "reason", "duration_s"), "a table was not published, its siblings go on"),
    "table.retry": Event(logging.WARNING, ("attempt", "wait_s", "code", "reason"), "a table is tried again"),
    "ledger.recorded": Event(logging.INFO, ("rows", "results", "duration_s"), "the step's rows were appended to the ledger"),
    "lease.taken_over": Event(logging.WARNING, ("table", "from_run", "from_pid", "epoch"), "a dead or hanging writer's lease was taken over"),
    "server.started": Event(logging.INFO, ("pid", "port", "memory", "duration_s"), "the warm Spark server was started"),
    "server.ended": Event(logging.INFO, ("pid",), "the warm Spark server was ended"),
    "alert.raised": Event(
        logging.WARNING,
        ("kind", "severity", "said", "incidents"),
        "a message to people was recorded, of something new; in the cloud a mail follows it",
    ),
    "heartbeat.looked": Event(logging.INFO, ("signs",), "the heartbeat looked, and Dagster does its work"),
    "heartbeat.silent": Event(logging.ERROR, ("reasons", "silent_s"), "Dagster does not do its work, at each look while it does not"),
    "heartbeat.back": Event(logging.INFO, ("silent_s",), "Dagster does its work again"),
    "logs.lost": Event(logging.WARNING, ("lines", "reason"), "log lines were given up, because the spool is full or the receiver refuses them"),
}


# Called with each event and its fields, whatever the level: metrics are counted so.
LISTENERS: list[Callable[[str, Mapping[str, Any]], None]] = []


def emit(name: str, **fields: Any) -> None:
    """Log one event of :data:`EVENTS`, at its level; costs a tenth of a millisecond, and never fails the work that it tells of."""
    kind = EVENTS.get(name) or Event(logging.INFO, (), "")
    tell_listeners(name, fields)
    logger = _logger(f"{LOGGER}.{name.partition('.')[0]}")
    if logger.isEnabledFor(kind.level):
        logger.log(kind.level, name, **{key: round(value, 3) if isinstance(value, float) else value for key, value in fields.items()})


@contextmanager
def bound(**fields: object) -> Iterator[None]:
    """Within it every event carries these fields; those that are None are left out."""
    from structlog.contextvars import bind_contextvars, reset_contextvars, unbind_contextvars  # noqa: PLC0415

    tokens = bind_contextvars(**{name: value for name, value in fields.items() if value is not None})
    try:
        yield
    finally:
        try:
            reset_contextvars(**tokens)
        except ValueError:  # a generator that was dropped is closed wherever Python collects it
            unbind_contextvars(*tokens)


def tell_listeners(name: str, fields: Mapping[str, Any]) -> None:
    """Tell those who count; one that breaks is asked no more."""
    for listen in list(LISTENERS):
        try:
            listen(name, {**_bound_fields(), **fields})
        except Exception:
            LISTENERS.remove(listen)  # told once, instead of with every event
            logging.getLogger(LOGGER).exception("a listener of events broke and is asked no more")


def _bound_fields() -> dict[str, Any]:
    from structlog.contextvars import get_contextvars  # noqa: PLC0415

    return get_contextvars()


@cache
def _logger(name: str) -> Any:
    """A structlog logger over the standard library's; Dagster configures structlog for itself, so nothing global is touched."""
    import structlog  # noqa: PLC0415  75 ms that a command without a step need not pay

    chain: list[Any] = [structlog.contextvars.merge_contextvars, _as_record]
    return structlog.wrap_logger(logging.getLogger(name), processors=chain, wrapper_class=structlog.stdlib.BoundLogger)


def _as_record(_: Any, __: str, fields: dict[str, Any]) -> tuple[tuple[str], dict[str, Any]]:
    """The arguments of ``logging``: a line that any handler can show (Dagster's event log does), the fields for those who want them."""
    name = str(fields.pop("event"))
    return (as_line(name, fields),), {"extra": {EVENT_ATTRIBUTE: {"event": name, **fields}}}


def as_line(name: str, fields: Mapping[str, Any]) -> str:
    """``table.published asset=silver.orders rows_in=1234``; the run is left out, whoever shows the line says it.

    :func:`resources.logs.relay.from_line` reads it again.
    """
    shown = [f"{key}={_short(value)}" for key, value in fields.items() if key not in ("run_id", "step") and value not in (None, "")]
    return " ".join([name, *shown])


def _short(value: object) -> str:
    text = REDACTOR.text(str(value))  # before it is quoted: what is hidden in a quoted text could take half of an escape with it
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
