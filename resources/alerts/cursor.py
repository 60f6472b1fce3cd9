"""The place up to which the event log has been read. Whatever stands in it, there is an answer; nothing is lost by a wrong one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from resources.alerts.event_tail import EventTail

LOOK_BACK = timedelta(hours=24)
"""So far back reads who has no place: a new installation is not told of last month, and after a damaged cursor a day is enough."""
OVERLAP = 500
"""So many ids are read again at each tick: PostgreSQL gives out ids before transactions commit, so a lower one can appear after a higher one."""


@dataclass(frozen=True)
class Cursor:
    """``log``: which event log; ``event_id``: the newest event that was read."""

    log: str
    event_id: int

    def text(self) -> str:
        """As Dagster keeps it."""
        return json.dumps({"log": self.log, "event_id": self.event_id})


def read_cursor(text: str | None) -> Cursor | None:
    """The cursor that was written so; None where there is none, or garbage."""
    try:
        found = json.loads(text or "")
        log, event_id = found["log"], found["event_id"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    if not isinstance(log, str) or not isinstance(event_id, int) or isinstance(event_id, bool) or event_id < 0:
        return None
    return Cursor(log, event_id)


def start_of(text: str | None, storage_id: str, tail: EventTail, newest: int, at: datetime) -> Cursor:
    """Where to read from: the place itself, or a day back where it is none or the log is another one than before."""
    known = read_cursor(text)
    if known is not None and known.log.partition("@")[0] == storage_id and known.event_id <= newest:
        return Cursor(known.log, max(0, known.event_id - OVERLAP))
    is_rewound = known is not None and known.log.partition("@")[0] == storage_id
    log = f"{storage_id}@{at:%Y%m%dT%H%M%S}" if is_rewound else storage_id
    return Cursor(log, tail.first_since(at - LOOK_BACK))
