"""The events of one run, while it is at work: for whoever shows or hands them on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from resources.logs.events import EVENT_ATTRIBUTE, LOGGER

Tell = Callable[[logging.LogRecord, Mapping[str, Any]], None]


class _OfRun(logging.Handler):
    def __init__(self, run_id: str, tell: Tell) -> None:
        super().__init__()
        self._run_id, self._tell = run_id, tell

    def emit(self, record: logging.LogRecord) -> None:
        fields = getattr(record, EVENT_ATTRIBUTE, {})
        if fields.get("run_id") == self._run_id:
            self._tell(record, fields)


@contextmanager
def events_of(run_id: str, tell: Tell) -> Iterator[None]:
    """Within it ``tell`` gets each event of this run, its record and its fields, whichever thread emits it."""
    handler, logger = _OfRun(run_id, tell), logging.getLogger(LOGGER)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
