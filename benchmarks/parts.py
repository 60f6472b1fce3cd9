"""Where the time of a workload goes: thread seconds by part, taken at the functions that do the part.

Tables go side by side, so the parts may add up to more than the clock says.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from threading import Lock
from typing import Any
from unittest.mock import patch

PARTS = {
    "session": ("resources.lakehouse_resource.open_session",),
    "read, plan and compute": ("resources.publishing.stage",),
    "count by day": ("resources.publishing.figures",),
    "write and commit tables": ("resources.publishing.Publisher._replace", "resources.publishing.Publisher._merge"),
    "write and commit quarantine": ("resources.publishing.write_quarantine",),
    "compare with what is there": ("resources.publishing.Publisher._unchanged",),
    "ledger": ("resources.ledger.Ledger.append", "resources.ledger.Ledger.latest"),
    "days to replay": ("resources.silver_step.with_replays", "resources.gold_step._reaching"),
    "fetch from the API": ("resources.bronze_step.fetch_days",),
    "list the landing zone": ("resources.bronze_step.list_deliveries",),
    "ask the database": ("resources.shop.Snapshot.counts",),
}


@contextmanager
def parts() -> Iterator[dict[str, float]]:
    """Seconds by part, complete when the block ends."""
    seconds: dict[str, float] = defaultdict(float)
    lock = Lock()
    with ExitStack() as patches:
        for part, places in PARTS.items():
            for place in places:
                patches.enter_context(patch(place, _timed(_found(place), part, seconds, lock)))
        yield seconds


def _timed(function: Callable[..., Any], part: str, seconds: dict[str, float], lock: Lock) -> Callable[..., Any]:
    @wraps(function)
    def timed(*given: Any, **named: Any) -> Any:
        started = time.monotonic()
        try:
            return function(*given, **named)
        finally:
            with lock:
                seconds[part] += time.monotonic() - started

    return timed


def _found(place: str) -> Any:
    from pkgutil import resolve_name  # noqa: PLC0415

    module, _, name = place.rpartition(".")
    owner = resolve_name(module)
    return getattr(owner, name)
