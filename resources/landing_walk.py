"""Which files lie in a feed's folder, by their names and places alone; nothing is opened and no link is followed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from globalbev_assets.errors import TerminalError
from partitions.days import parse_day
from resources.file_feed import DeadReason, FileFeed
from resources.landing_errors import no_landing

QUIET_S = 30
"""A file without its marker is complete when it was not written to for so long."""
_MARKER = ".done"
_IN_TRANSFER = (".tmp", ".part", ".partial", ".filepart", ".crdownload", ".writing", "~")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file as its folder shows it; ``fault`` and ``message`` when its place or kind alone rules it out."""

    path: Path
    folder: str
    day: date | None
    name: str
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    is_regular: bool
    is_marked: bool
    is_in_transfer: bool
    fault: DeadReason | None = None
    message: str = ""

    @property
    def key(self) -> str:
        """Its path below the feed's folder."""
        return f"{self.folder}/{self.name}"

    @property
    def order(self) -> tuple[date, str, str]:
        """The order of delivery: by day, then by name."""
        return self.day or date.min, self.name, self.folder


def checked_folder(root: Path, feed: FileFeed) -> Path | None:
    """The feed's folder; None when nothing was delivered yet.

    Raises:
        TerminalError: GB-1320, when the landing zone is missing or no folder, or the feed's folder leads out of it.
    """
    if not root.is_dir():
        raise no_landing(f"{'a file' if root.exists() else 'nothing'} at {root}")
    folder = root / feed.name
    if not folder.exists() and not folder.is_symlink():
        return None
    if not folder.is_dir():
        raise no_landing(f"a file at {folder}")
    if not folder.resolve().is_relative_to(root.resolve()):
        raise no_landing(f"a link out of the landing zone at {folder}")
    return folder


def candidates(folder: Path, feed: FileFeed) -> list[Candidate]:
    """All files below a feed's folder, in the order of delivery."""
    found: list[Candidate] = []
    for entry in _visible(folder):
        if entry.is_dir(follow_symlinks=False):
            found.extend(_of_folder(entry, feed))
        elif not entry.name.endswith(_MARKER) and (one := _candidate(entry, "", None, feed, is_marked=False)):
            found.append(one)
    return sorted(found, key=lambda one: one.order)


def _visible(folder: Path | os.DirEntry[str]) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return [entry for entry in entries if not entry.name.startswith(".")]


def _of_folder(folder: os.DirEntry[str], feed: FileFeed) -> Iterator[Candidate]:
    try:
        day = parse_day(folder.name)
    except TerminalError:
        day = None
    entries = _visible(folder)
    markers = {entry.name for entry in entries if entry.name.endswith(_MARKER)}
    for entry in entries:
        if entry.name in markers and entry.is_file(follow_symlinks=False):
            continue
        one = _candidate(entry, folder.name, day, feed, is_marked=entry.name + _MARKER in markers)
        if one is not None:
            yield one


def _candidate(entry: os.DirEntry[str], folder: str, day: date | None, feed: FileFeed, *, is_marked: bool) -> Candidate | None:
    try:
        facts = entry.stat(follow_symlinks=False)
    except FileNotFoundError:  # taken away since the folder was listed
        return None
    fault, message = _fault(entry.name, facts.st_mode, folder, day, feed)
    is_regular = stat.S_ISREG(facts.st_mode)
    return Candidate(
        path=Path(entry.path),
        folder=folder,
        day=day,
        name=entry.name,
        size_bytes=facts.st_size if is_regular else 0,
        mtime_ns=facts.st_mtime_ns,
        ctime_ns=facts.st_ctime_ns,
        is_regular=is_regular,
        is_marked=is_marked,
        is_in_transfer=is_regular and entry.name.lower().endswith(_IN_TRANSFER),
        fault=fault,
        message=message,
    )


def _fault(name: str, mode: int, folder: str, day: date | None, feed: FileFeed) -> tuple[DeadReason | None, str]:
    if stat.S_ISLNK(mode):
        return DeadReason.SYMLINK, "a symbolic link; links are not followed"
    if not stat.S_ISREG(mode):
        return DeadReason.NOT_A_FILE, "a folder or device where a file should be"
    if day is None:
        return DeadReason.FOLDER_DATE, "its folder is not a day written YYYY-MM-DD" if folder else "it lies in no folder of a day"
    if not name.lower().endswith("." + feed.format):
        return DeadReason.UNSUPPORTED_TYPE, f"its name does not end in .{feed.format}; packed files are not unpacked"
    return None, ""
