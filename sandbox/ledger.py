"""The defect ledger: each wrong thing in the sources, with what ought to become of it.

One JSON a line. ``natural`` marks what the real data brought along or what follows from an injected defect.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

Outcome = Literal[
    "quarantined", "warned", "deduplicated", "nulled", "normalised", "published", "dead_letter", "superseded", "duplicate_file", "waiting", "retried"
]


@dataclass(frozen=True, slots=True)
class Defect:
    """One defect of one row (or one column of it), file or answer."""

    feed: str
    key: dict[str, Any]
    kind: str
    outcome: Outcome
    table: str | None = None
    rule: str | None = None
    column: str | None = None
    day: date | None = None
    expected: str | None = None
    natural: bool = False

    def as_json(self) -> str:
        """The defect as a line of the ledger."""
        return json.dumps({**asdict(self), "day": str(self.day) if self.day else None}, ensure_ascii=False)


def append(path: Path, defects: Iterable[Defect]) -> int:
    """Add to the ledger, and say how many."""
    lines = [defect.as_json() + "\n" for defect in defects]
    with path.open("a", encoding="utf-8") as stream:
        stream.writelines(lines)
    return len(lines)


def read(path: Path) -> Iterator[Defect]:
    """All defects, in the order in which they were written."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            stored = json.loads(line)
            yield Defect(**{**stored, "day": date.fromisoformat(stored["day"]) if stored["day"] else None})
