"""The instruments: names, units and descriptions by OpenTelemetry's semantic conventions. ``docs/observability.md`` lists them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TABLE, LAYER, OUTCOME, STATE, STEP, SOURCE, ERROR = (
    "globalbev.table", "globalbev.layer", "globalbev.outcome", "globalbev.day.state", "globalbev.step", "globalbev.source", "error.type",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Instrument:
    """One instrument; ``unit`` by UCUM, counted things in braces."""

    kind: Literal["counter", "histogram", "gauge"]
    name: str
    unit: str
    description: str
    attributes: tuple[str, ...]


# Filled from the events of a step.
ROWS = Instrument("counter", "globalbev.rows", "{row}", "Source rows of published tables, by outcome.", (TABLE, LAYER, OUTCOME))
DAYS = Instrument("counter", "globalbev.days", "{day}", "Business days that a step brought to an end, by state.", (TABLE, LAYER, STATE))
COMMITS = Instrument("counter", "globalbev.commits", "{commit}", "Commits into tables.", (TABLE, LAYER))
FAILURES = Instrument("counter", "globalbev.table.failures", "{failure}", "Tables that a step could not publish.", (TABLE, LAYER, ERROR))
RETRIES = Instrument("counter", "globalbev.retries", "{retry}", "Tries after the first, of tables and of requests to sources.", (TABLE, LAYER))
STEP_DURATION = Instrument("histogram", "globalbev.step.duration", "s", "How long steps took.", (STEP, LAYER))
PUBLISH_DURATION = Instrument("histogram", "globalbev.publish.duration", "s", "How long a table took, from its source to its commit.", (TABLE, LAYER))
COMMIT_DURATION = Instrument("histogram", "globalbev.commit.duration", "s", "How long a table's commit took.", (TABLE, LAYER))
SOURCE_DURATION = Instrument("histogram", "globalbev.source.duration", "s", "How long counting or fetching a source took.", (TABLE, LAYER, SOURCE))
# Read from the lake whenever somebody asks: they go on growing while nothing runs.
FRESHNESS_LAG = Instrument("gauge", "globalbev.freshness.lag", "s", "Time since the end of the newest published business day.", (TABLE, LAYER))
HELD_DAYS = Instrument("gauge", "globalbev.days.held", "{day}", "Business days that are held now.", (TABLE, LAYER))
FAILED_DAYS = Instrument("gauge", "globalbev.days.failed", "{day}", "Business days whose newest try failed.", (TABLE, LAYER))
QUARANTINE = Instrument("gauge", "globalbev.quarantine.rows", "{row}", "Source rows in quarantine, by the newest run of each day.", (TABLE, LAYER))
RATIO = Instrument("gauge", "globalbev.quarantine.ratio", "1", "Share of source rows in quarantine on the newest published day.", (TABLE, LAYER))
OUTBOX = Instrument("gauge", "globalbev.alerts.outbox.size", "{message}", "Alerts that wait for their receiver.", ())

OF_EVENTS = (ROWS, DAYS, COMMITS, FAILURES, RETRIES, STEP_DURATION, PUBLISH_DURATION, COMMIT_DURATION, SOURCE_DURATION)
OF_LAKE = (FRESHNESS_LAG, HELD_DAYS, FAILED_DAYS, QUARANTINE, RATIO, OUTBOX)
SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
