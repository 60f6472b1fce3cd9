"""Lines that wait for their shipping: files of a folder, so that neither an outage nor the end of a process loses them.

A process appends to a file of its own, ``….open``, and seals it to ``….ready``; whoever ships next takes all that are ready, those of dead
processes too. The folder is bounded: when it is full the oldest lines go, counted.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

SEGMENT_BYTES = 400_000
ABANDONED_S = 24 * 3600.0


@dataclass(frozen=True)
class Batch:
    """Lines for one call, and the files that they come from."""

    lines: tuple[bytes, ...]
    files: tuple[Path, ...]


class Spool:
    """A bounded folder of lines.

    Args:
        folder: made when the first line is written, readable by its owner alone.
        most_bytes: what all files together may take.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder, self._most_bytes = folder, most_bytes
        self._lock = threading.Lock()
        self._file: Path | None = None
        self._handle: int | None = None
        self._size = self._pid = 0

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return self._folder

    def write(self, line: bytes) -> None:
        """Append a line; it is with the operating system when this returns, 20 µs later."""
        with self._lock:
            if self._handle is None or self._pid != os.getpid():
                self._open()
            assert self._handle is not None  # noqa: S101  for the type checker
            whole = line.replace(b"\n", b" ") + b"\n"
            written = os.write(self._handle, whole)
            if written < len(whole):  # the disk is full: a stump would take the next line with it
                os.ftruncate(self._handle, os.fstat(self._handle).st_size - written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._size += len(whole)
            if self._size >= SEGMENT_BYTES:
                self._seal()

    def renew(self) -> None:
        """After a fork: the open file is the parent's, and so may be the lock."""
        self._lock, self._handle, self._file = threading.Lock(), None, None

    def seal(self) -> None:
        """Let what was written so far be shipped."""
        with self._lock:
            if self._handle is not None and self._pid == os.getpid() and self._size:
                self._seal()

    def batches(self, most_bytes: int) -> Iterator[Batch]:
        """What is ready, oldest first, in parts of at most so many bytes as a JSON array; a larger file is a batch by itself."""
        self._adopt()
        lines: list[bytes] = []
        files: list[Path] = []
        size = 2
        for path in self.ready():
            found = _lines(path)
            more = sum(len(line) + 1 for line in found)
            if files and size + more > most_bytes:
                yield Batch(tuple(lines), tuple(files))
                lines, files, size = [], [], 2
            lines, files, size = [*lines, *found], [*files, path], size + more
        if files:
            yield Batch(tuple(lines), tuple(files))

    def done(self, batch: Batch) -> None:
        """Remove what was shipped."""
        for path in batch.files:
            path.unlink(missing_ok=True)

    def make_room(self) -> int:
        """Give up the oldest lines while the folder is too full; how many."""
        files = self.ready()
        sizes = {path: _size(path) for path in files}
        total, lost = sum(sizes.values()), 0
        for path in files:
            if total <= self._most_bytes:
                break
            lost += len(_lines(path))
            total -= sizes[path]
            path.unlink(missing_ok=True)
        return lost

    def ready(self) -> list[Path]:
        """The sealed files, oldest first."""
        return sorted(self._folder.glob("*.ready"))

    def waiting(self) -> tuple[int, int]:
        """Lines and bytes that wait, sealed or not."""
        files = [*self._folder.glob("*.ready"), *self._folder.glob("*.open")]
        return sum(len(_lines(path)) for path in files), sum(_size(path) for path in files)

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._pid, self._size = os.getpid(), 0
        self._file = self._folder / f"{time.time_ns():020d}-{self._pid}.open"
        self._handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def _seal(self) -> None:
        handle, path = self._handle, self._file
        self._handle = self._file = None
        if handle is not None and path is not None:
            os.close(handle)
            with suppress(FileNotFoundError):
                path.rename(path.with_suffix(".ready"))

    def _adopt(self) -> None:
        """Take over what dead processes left; a number that another process has by now is waited for a day."""
        for path in self._folder.glob("*.open"):
            pid = int(path.stem.rpartition("-")[2])
            with suppress(OSError):
                if pid != os.getpid() and (not psutil.pid_exists(pid) or time.time() - path.stat().st_mtime > ABANDONED_S):
                    path.rename(path.with_suffix(".ready"))


def _lines(path: Path) -> list[bytes]:
    """The whole lines of a file: the last one of a process that died may be a part."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    return [line for line in content.split(b"\n")[:-1] if line]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
