"""What was seen of a table: each observation is all that one source knows of one day, so the newest one of a source and day counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

Severity = Literal["error", "warn"]
RANK: dict[Severity, int] = {"error": 0, "warn": 1}

RUN_FAILED, NOT_PUBLISHED, NOT_CHECKED, TOO_LONG, UNCHECKED = "run_failed", "not_published", "contract", "run_too_long", "unchecked"
FRESHNESS, SCHEMA_DRIFT = "freshness", "schema_drift"
CONSEQUENCES = frozenset({RUN_FAILED, NOT_PUBLISHED, NOT_CHECKED, FRESHNESS})
"""Rules that say no more than that a day is not there: they join whatever else is open of that table and day."""

EXPLAINS_NOTHING = frozenset({TOO_LONG, UNCHECKED})
"""Rules that are no reason for anything downstream to be wrong: what fails there is told by itself."""

RUN = "run"
"""The source of what runs say: a failed run breaks a day, a materialisation mends it."""
CHECKS = "checks"
"""The source of what runs say of checks as a whole: a run that failed in them breaks, the next result mends."""
NO_DAY = ""
"""The day of what is about a table as a whole."""


@dataclass(frozen=True, slots=True)
class Breach:
    """One rule that is broken.

    Attributes:
        rule: id of the contract's rule or limit, or one of the names above.
        severity: error, or warn.
        said: what was found, in words; free of values of rows.
        observed: the figure, where the rule has one.
        minimum: least that is allowed.
        maximum: most that is allowed.
    """

    rule: str
    severity: Severity
    said: str = ""
    observed: Decimal | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """What one source says of one day of one table.

    Attributes:
        table: as ``layer.table``.
        source: who says it: a check's name, ``run``, or a run that takes long.
        day: ``YYYY-MM-DD``; empty for the table as a whole.
        event_id: place in the event log; a higher one is newer.
        at: when it happened.
        run_id: the run that it happened in; empty for sensors.
        breaches: every rule that is broken; none when all is well.
    """

    table: str
    source: str
    day: str
    event_id: int
    at: datetime
    run_id: str = ""
    breaches: tuple[Breach, ...] = field(default=())


def newest(seen: Iterable[Observation]) -> list[Observation]:
    """The newest observation of each table, source and day, in the order of the event log."""
    found: dict[tuple[str, str, str], Observation] = {}
    for each in seen:
        key = (each.table, each.source, each.day)
        if key not in found or found[key].event_id <= each.event_id:
            found[key] = each
    return sorted(found.values(), key=lambda each: each.event_id)
