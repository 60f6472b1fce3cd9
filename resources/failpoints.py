"""Named places where a test may make the process die, hang or fail; nothing in production.

``GLOBALBEV_FAILPOINT=publish.after_table:kill`` kills the process there (``raise`` and ``sleep=<seconds>`` likewise); ``:2`` at the end means the second time.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from pathlib import Path

FAILPOINTS = (
    "publish.before_quarantine",
    "publish.after_quarantine",
    "publish.after_table",
    "step.before_ledger",
    "step.after_ledger",
    "drift.before_result",
)
_passed: Counter[str] = Counter()


def failpoint(name: str) -> None:
    """Act as ``GLOBALBEV_FAILPOINT`` says if it names this place; the file ``GLOBALBEV_FAILPOINT_MARKER`` then tells the test that it was reached."""
    wanted = os.environ.get("GLOBALBEV_FAILPOINT")
    if not wanted:
        return
    place, action, *nth = wanted.split(":")
    if place != name:
        return
    _passed[name] += 1
    if nth and _passed[name] != int(nth[0]):
        return
    if marker := os.environ.get("GLOBALBEV_FAILPOINT_MARKER"):
        Path(marker).write_text(name, encoding="utf-8")
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "raise":
        raise RuntimeError(f"failpoint {name}")
    elif action.startswith("sleep="):
        time.sleep(float(action.removeprefix("sleep=")))
