"""What the inventory API does wrong: from a seed, at a rate, and never twice in a row for the same page."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Literal, cast, get_args

from partitions.days import now

from .dice import dice

Kind = Literal["500", "503", "429", "truncated", "html", "repeated", "drip", "hang", "wrong_total"]
EVERYDAY: tuple[Kind, ...] = ("500", "503", "429", "truncated", "html", "repeated")


@dataclass
class Mischief:
    """Decides for each answer, and keeps a ledger of what it did."""

    seed: int
    rate: float
    ledger: Path
    kinds: tuple[Kind, ...] = EVERYDAY
    asked: dict[str, int] = field(default_factory=dict)
    spoilt: set[str] = field(default_factory=set)
    lock: Lock = field(default_factory=Lock)

    def draw(self, page: str, *, is_first: bool) -> Kind | None:
        """What to do wrong with this answer, if anything."""
        with self.lock:
            if page in self.spoilt:
                self.spoilt.discard(page)
                return None
            self.asked[page] = self.asked.get(page, 0) + 1
            luck = dice(self.seed, "mischief", page, self.asked[page])
            if luck.random() >= self.rate:
                return None
            kind = luck.choice([kind for kind in self.kinds if not (is_first and kind == "repeated")] or ["500"])
            self.spoilt.add(page)
            self._note(page, kind)
            return cast("Kind", kind)

    def _note(self, page: str, kind: str) -> None:
        line = {"feed": "inventory", "key": {"page": page}, "kind": kind, "outcome": "retried", "at": now().isoformat()}
        with self.ledger.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")


def parse_kinds(text: str) -> tuple[Kind, ...]:
    """A comma-separated list of kinds."""
    kinds = tuple(part for part in text.split(",") if part)
    unknown = set(kinds) - set(get_args(Kind))
    if unknown:
        raise ValueError(f"unknown kinds {sorted(unknown)}; valid: {', '.join(get_args(Kind))}")
    return cast("tuple[Kind, ...]", kinds)
