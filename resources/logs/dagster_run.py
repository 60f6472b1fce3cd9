"""Our events among those of the run, where the UI shows them.

Dagster's own way, ``managed_python_loggers``, listens only while the step's generator is asked for its next value: what a table that is
published side by side logged while Dagster stored another's result was lost (seen with two tables). So the step listens itself, all its time.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from resources.logs.events import EVENT_ATTRIBUTE
from resources.logs.of_run import events_of


class RunLog(Protocol):
    """``context.log``."""

    def log(self, level: int, msg: str, *, extra: dict[str, object]) -> None:
        """Log among the run's events."""
        ...


def shown_in_run(log: RunLog, run_id: str) -> AbstractContextManager[None]:
    """Within it the events of this run stand in Dagster's event log, whichever thread emits them."""

    def show(record: logging.LogRecord, fields: Mapping[str, object]) -> None:
        log.log(record.levelno, record.getMessage(), extra={EVENT_ATTRIBUTE: fields})

    return events_of(run_id, show)
