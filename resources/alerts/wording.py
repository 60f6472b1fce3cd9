"""Texts that others wrote, made fit for a message: nothing in them may be a row's value, a secret or a person's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta

_CODED = re.compile(r"\bGB-\d{4}\b")
_OURS = re.compile(r"(GB-\d{4} [^\n]*)")
_MAIL = re.compile(r"\S+@\S+")
_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_PHONE = re.compile(r"(?<![\w.])(?:\+|0|\()\d[\d ()/-]{7,}\d")
_A_DAY = re.compile(r"(\b\d{4}-\d{2}-\d{2}\b)")
LONGEST = 400
UNEXPECTED = "An unexpected error; the run's log has it."


def without_values(text: str) -> str:
    """The text without addresses of any kind, on one line, not longer than :data:`LONGEST`."""
    shown = _ADDRESS.sub("(address)", " ".join(text.split()))
    shown = _MAIL.sub("(address)", shown)
    shown = "".join(part if _A_DAY.match(part) else _PHONE.sub("(number)", part) for part in _A_DAY.split(shown))
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"


def reason_of(state: str, reason: str) -> str:
    """A ledger's reason: of a held day it is ours; of a failed one only where it has a code, else it may quote a row."""
    if state == "held" and " is failed: " not in reason:
        return without_values(reason)
    coded = _OURS.search(reason)
    if coded:
        return without_values(coded.group(1))
    head = reason.split(" is failed: ", 1)[0]
    return f"{without_values(head)} is failed." if head != reason else UNEXPECTED


def codes_in(text: str) -> tuple[str, ...]:
    """The codes of our errors in a text."""
    return tuple(dict.fromkeys(_CODED.findall(text)))


def blocks(days: Iterable[str]) -> list[tuple[str, str]]:
    """First and last of each row of days without a gap, the oldest first."""
    found: list[tuple[date, date]] = []
    for day in sorted({date.fromisoformat(text) for text in days if text}):
        if found and day - found[-1][1] == timedelta(days=1):
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return [(str(first), str(last)) for first, last in found]


def ranges(days: Iterable[str]) -> str:
    """Days as ranges: ``2026-03-01 to 2026-03-04, 2026-03-09``; no day is the table as a whole."""
    return ", ".join(first if first == last else f"{first} to {last}" for first, last in blocks(days)) or "the table as a whole"


def line(label: str, text: str) -> str:
    """A line of a message: what it is about, and the text."""
    return f"{label + ':':<9} {text}"
