"""Our events among those of the run, where the UI shows them.

Dagster's own way, ``managed_python_loggers``, listens only while the step's generator is asked for its next value: what a table that is
published side by side logged while Dagster stored another's result was lost (seen with two tables). So the step listens itself, all its time.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from resources.logs.events import EVENT_ATTRIBUTE, LOGGER


class RunLog(Protocol):
    """``context.log``."""

    def log(self, level: int, msg: str, *, extra: dict[str, object]) -> None:
        """Log among the run's events."""
        ...


class _IntoRun(logging.Handler):
    def __init__(self, log: RunLog, run_id: str) -> None:
        super().__init__()
        self._log, self._run_id = log, run_id

    def emit(self, record: logging.LogRecord) -> None:
        fields = getattr(record, EVENT_ATTRIBUTE, {})
        if fields.get("run_id") == self._run_id:
            self._log.log(record.levelno, record.getMessage(), extra={EVENT_ATTRIBUTE: fields})


@contextmanager
def shown_in_run(log: RunLog, run_id: str) -> Iterator[None]:
    """Within it the events of this run stand in Dagster's event log, whichever thread emits them."""
    handler, logger = _IntoRun(log, run_id), logging.getLogger(LOGGER)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
