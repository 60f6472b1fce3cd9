"""What a step says of itself and of its tables, in figures that the ledger has anyway: nothing is computed for a log line."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any, Protocol

from resources.logs.events import bound, emit
from resources.logs.redaction import REDACTOR

COUNTS = ("rows_in", "published", "quarantined", "deduplicated", "superseded", "unaccounted")


class Result(Protocol):
    """What became of a table."""

    @property
    def rows(self) -> Sequence[Any]: ...  # noqa: D102

    @property
    def error(self) -> BaseException | None: ...  # noqa: D102


def tell_table(result: Result, duration_s: float) -> None:
    """Tell of a table that is through."""
    if result.error is not None:
        emit("table.failed", code=code_of(result.error), reason=reason_of(result.error), duration_s=duration_s)
        return
    states = [row.state for row in result.rows]
    emit(
        "table.published",
        duration_s=duration_s,
        published_days=states.count("published"),
        unchanged_days=states.count("unchanged") + states.count("no_source_data"),
        delta_version=max((row.delta_version for row in result.rows if row.delta_version is not None), default=None),
        **totals([result]),
    )
    held = sorted((row.business_day, row.reason) for row in result.rows if row.state == "held")
    if held:
        emit("table.held", held_days=len(held), first_held_day=str(held[0][0]), reason=held[0][1])


@contextmanager
def step_log(run_id: str, step: str, days: Sequence[date], tables: int) -> Iterator[list[Result]]:
    """Bind run, step and days, and tell of the step's beginning and end; what is put into the list makes the totals."""
    results: list[Result] = []
    started = time.monotonic()
    with bound(run_id=run_id, step=step, days=days_text(days)):
        emit("step.started", tables=tables, day_count=len(days))
        try:
            yield results
        except GeneratorExit:
            raise
        except BaseException as error:
            emit("step.broken", duration_s=time.monotonic() - started, code=code_of(error), reason=reason_of(error))
            raise
        states = [row.state for result in results for row in result.rows]
        emit(
            "step.ended",
            duration_s=time.monotonic() - started,
            tables=len(results),
            failed_tables=sum(result.error is not None for result in results),
            held_days=states.count("held"),
            failed_days=states.count("failed"),
            **totals(results),
        )


def totals(results: Sequence[Result]) -> dict[str, int]:
    """Source rows by outcome."""
    return {name: sum(getattr(row, name) for result in results for row in result.rows) for name in COUNTS}


def days_text(days: Sequence[date]) -> str:
    """``2026-05-01`` or ``2026-05-01 to 2026-05-31``."""
    first, last = min(days), max(days)
    return str(first) if first == last else f"{first} to {last}"


def code_of(error: BaseException) -> str:
    """The error's code, or its class where it is none of ours."""
    return str(getattr(error, "code", None) or type(error).__name__)


def reason_of(error: BaseException) -> str:
    """The first line of what it says, redacted."""
    lines = REDACTOR.text(str(error)).splitlines()
    return lines[0][:300] if lines else type(error).__name__
