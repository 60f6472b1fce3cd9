"""What a look at Dagster leaves for the next one: a small file in the home, or, where the home is gone too, in the temporary folder."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from filelock import FileLock, Timeout

from globalbev_assets.errors import TransientError
from globalbev_assets.operations.heartbeat_judgement import Memory
from resources.atomic_files import write_text

WAIT_S = 90.0


class MemoryFile:
    """The file, and its place of refuge."""

    def __init__(self, home: Path) -> None:
        """Take the home; nothing is made yet."""
        self._places = (home / "state" / "heartbeat.json", Path(tempfile.gettempdir()) / f"globalbev-heartbeat-{_short(home)}.json")

    @contextmanager
    def held(self) -> Iterator[None]:
        """One look at a time: two would both tell of the same silence.

        Raises:
            TransientError: GB-2420, when another look does not end.
        """
        lock = FileLock(self._lock, timeout=WAIT_S)
        try:
            lock.acquire()
        except Timeout:
            raise TransientError(
                "GB-2420",
                "Another heartbeat has been looking for too long.",
                got=f"{self._lock} is held",
                valid=f"a look of less than {WAIT_S:.0f} s",
                todo="End that process; a timer should not start one more often than once a minute.",
            ) from None
        except OSError:  # told twice is better than never
            yield
            return
        try:
            yield
        finally:
            lock.release()

    @property
    def _lock(self) -> Path:
        """In the home where it can be written, else among this user's temporary files: another user's lock could not be opened."""
        state = self._places[0].parent
        if os.access(state, os.W_OK | os.X_OK):
            return state / "heartbeat.lock"
        return self._places[1].with_name(f"{self._places[1].stem}-{os.getuid()}.lock")

    def read(self) -> Memory:
        """The newest memory; an empty one when there is none, or none that can be read."""
        for place in sorted(self._places, key=_changed_at, reverse=True):
            try:
                found = json.loads(place.read_text(encoding="utf-8"))
                good_at = {str(name): float(moment) for name, moment in found["good_at"].items()}
                return Memory(good_at, found["silent_since"], bool(found["is_told"]), tuple(map(str, found.get("told_of", ()))))
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                continue
        return Memory()

    def write(self, memory: Memory) -> None:
        """Keep it; the home's folder is not made again when somebody took it away."""
        text = json.dumps(asdict(memory) | {"good_at": dict(memory.good_at)})
        for place in self._places:
            try:
                if place is not self._places[0] or place.parent.parent.is_dir():
                    place.parent.mkdir(exist_ok=True)
                    _put(place, text)
                    return
            except OSError:
                continue


def _put(place: Path, text: str) -> None:
    """Replace the file; on a full disk, which has no room for another one, in its own place."""
    try:
        write_text(place, text)
    except OSError:
        with place.open("r+", encoding="utf-8") as file:
            file.write(text)
            file.truncate()


def _changed_at(place: Path) -> float:
    try:
        return place.stat().st_mtime
    except OSError:
        return 0.0


def _short(home: Path) -> str:
    return hashlib.sha256(str(home.absolute()).encode()).hexdigest()[:12]
