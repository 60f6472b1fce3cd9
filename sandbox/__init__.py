"""The embedded GlobalBev: a shop on PostgreSQL, an inventory API and a landing zone, filled with real sales and known defects.

The outside world of the lakehouse, for a laptop and for tests. Nothing in the lakehouse knows it: only the command line starts it.
Heavy libraries are imported where data is made, so that asking for the status is quick.
"""

from __future__ import annotations

from pathlib import Path

from .lifecycle import Progress, down, refuse_others, remove, status, up
from .state import Status

__all__ = ["Progress", "Status", "advance", "down", "refuse_others", "remove", "status", "up"]


def advance(home: Path, days: int = 1, *, progress: Progress | None = None) -> Status:
    """Let so many further days happen; see :func:`sandbox.next_day.advance`."""
    from .next_day import advance as let_happen  # noqa: PLC0415

    return let_happen(home, days, progress=progress)
