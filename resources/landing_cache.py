"""What was found in a feed's files, kept between runs: a file whose path, size and times are as before is not read again.

A cache that is missing, damaged or made for another contract is made anew; nothing is decided by it alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

from resources.atomic_files import write_text
from resources.file_feed import FileFeed
from resources.landing_inspect import VERSION, Inspection
from resources.landing_walk import Candidate


class LandingCache:
    """The inspections of one feed, in ``<state>/landing-<feed>.json``; without a folder they live as long as the object."""

    def __init__(self, state: Path | None, feed: FileFeed) -> None:
        self._path = None if state is None else state / f"landing-{feed.name}.json"
        self._made_for = hashlib.sha256(f"{VERSION} {feed!r}".encode("utf-8", "backslashreplace")).hexdigest()[:16]
        self._before = self._load()
        self._now: dict[str, dict[str, Any]] = {}

    def get(self, one: Candidate) -> Inspection | None:
        """What was found in this very file before."""
        entry = self._before.get(one.key)
        try:
            if entry is None or entry["stamp"] != _stamp(one):
                return None
            inspection = Inspection.from_json(entry["inspection"])
        except (KeyError, TypeError):
            return None
        self._now[one.key] = entry
        return inspection

    def put(self, one: Candidate, inspection: Inspection) -> None:
        """Keep what was found."""
        self._now[one.key] = {"stamp": _stamp(one), "inspection": inspection.as_json()}

    def save(self) -> None:
        """Write what is kept, without files that are gone. A disk that is full costs the next run time, not this one its result."""
        if self._path is not None and self._now != self._before:
            with contextlib.suppress(OSError):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                write_text(self._path, json.dumps({"made_for": self._made_for, "files": self._now}))

    def _load(self) -> dict[str, dict[str, Any]]:
        if self._path is None:
            return {}
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            files = kept["files"] if kept["made_for"] == self._made_for else {}
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return {}
        return files if isinstance(files, dict) else {}


def _stamp(one: Candidate) -> list[int]:
    """What changes with a file's content; the inode's own time too, since a copy can keep size and modification time."""
    return [one.size_bytes, one.mtime_ns, one.ctime_ns]
