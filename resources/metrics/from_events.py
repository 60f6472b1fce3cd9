"""Fills the instruments from the events that are logged: a figure has one source, and no step knows that it is counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from resources.metrics.instruments import (
    COMMIT_DURATION,
    COMMITS,
    DAYS,
    ERROR,
    FAILURES,
    LAYER,
    OF_EVENTS,
    OUTCOME,
    PUBLISH_DURATION,
    RETRIES,
    ROWS,
    SECONDS,
    SOURCE,
    SOURCE_DURATION,
    STATE,
    STEP,
    STEP_DURATION,
    TABLE,
    Instrument,
)  # fmt: skip

OUTCOMES = ("published", "quarantined", "deduplicated", "superseded", "unaccounted")
Fields = Mapping[str, Any]
Count = Callable[[Instrument, float, Mapping[str, str]], None]


class Meter(Protocol):
    """OpenTelemetry's, as far as it is used."""

    def create_counter(self, name: str, unit: str = "", description: str = "") -> Any: ...  # noqa: D102

    def create_histogram(  # noqa: D102
        self, name: str, unit: str = "", description: str = "", *, explicit_bucket_boundaries_advisory: Any = None
    ) -> Any: ...


class EventMeters:
    """Counts events; made once a process, called for each event."""

    def __init__(self, meter: Meter) -> None:
        self._counters = {each.name: meter.create_counter(each.name, each.unit, each.description) for each in OF_EVENTS if each.kind == "counter"}
        self._histograms = {
            each.name: meter.create_histogram(each.name, each.unit, each.description, explicit_bucket_boundaries_advisory=SECONDS)
            for each in OF_EVENTS
            if each.kind == "histogram"
        }

    def __call__(self, name: str, fields: Fields) -> None:
        """Count one event; those that nothing is counted of are passed over."""
        count = _COUNTED.get(name)
        if count is not None:
            count(self._add, fields)

    def _add(self, instrument: Instrument, value: float, attributes: Mapping[str, str]) -> None:
        if instrument.kind == "counter":
            if value > 0:
                self._counters[instrument.name].add(value, attributes)
        else:
            self._histograms[instrument.name].record(value, attributes)


def _published(add: Count, fields: Fields) -> None:
    table = _table(fields)
    for outcome in OUTCOMES:
        add(ROWS, abs(fields[outcome]), {**table, OUTCOME: outcome})
    add(DAYS, fields["published_days"], {**table, STATE: "published"})
    add(DAYS, fields["unchanged_days"], {**table, STATE: "unchanged"})
    add(PUBLISH_DURATION, fields["duration_s"], table)


def _held(add: Count, fields: Fields) -> None:
    add(DAYS, fields["held_days"], {**_table(fields), STATE: "held"})


def _committed(add: Count, fields: Fields) -> None:
    add(COMMITS, 1, _table(fields))
    add(COMMIT_DURATION, fields["duration_s"], _table(fields))


def _failed(add: Count, fields: Fields) -> None:
    add(FAILURES, 1, {**_table(fields), ERROR: str(fields["code"])})
    add(PUBLISH_DURATION, fields["duration_s"], _table(fields))


def _retried(add: Count, fields: Fields) -> None:
    add(RETRIES, 1, _table(fields))


def _read(add: Count, fields: Fields) -> None:
    add(SOURCE_DURATION, fields["duration_s"], {**_table(fields), SOURCE: str(fields["source"])})


def _step(add: Count, fields: Fields) -> None:
    step = str(fields.get("step", ""))
    add(STEP_DURATION, fields["duration_s"], {STEP: step, LAYER: step.partition("_")[0]})


_COUNTED: Mapping[str, Callable[[Count, Fields], None]] = {
    "table.published": _published,
    "table.held": _held,
    "table.committed": _committed,
    "table.failed": _failed,
    "table.retry": _retried,
    "source.retry": _retried,
    "source.read": _read,
    "step.ended": _step,
    "step.broken": _step,
}


def _table(fields: Fields) -> dict[str, str]:
    name = str(fields.get("asset", ""))
    return {TABLE: name, LAYER: name.partition(".")[0]}
