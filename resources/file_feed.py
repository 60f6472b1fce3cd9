"""What a feed of the landing zone is, said in data, and what a look at its files comes to. Nothing is read here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Literal

from resources.landing_errors import malformed_name

FileFormat = Literal["csv", "json", "jsonl"]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,80}\Z")


class DeadReason(StrEnum):
    """Why a delivered file is not read; the code that stands in its ``.reason.json``."""

    EMPTY = "empty"
    ENCODING = "encoding"
    DELIMITER = "delimiter"
    HEADER = "header"
    CORRUPT = "corrupt"
    TRUNCATED = "truncated"
    INVALID_JSON = "invalid_json"
    DUPLICATE_KEY = "duplicate_key"
    NOT_A_NUMBER = "not_a_number"
    TOO_DEEP = "too_deep"
    NO_RECORD = "no_record"
    TOO_LARGE = "too_large"
    SYMLINK = "symlink"
    NOT_A_FILE = "not_a_file"
    FOLDER_DATE = "folder_date"
    UNSUPPORTED_TYPE = "unsupported_type"


@dataclass(frozen=True, slots=True)
class FileFeed:
    """One feed of the landing zone: ``<landing>/<name>/<YYYY-MM-DD>/<anything>.<format>``.

    Args:
        name: the feed's folder.
        format: ``csv`` (with a header), ``json`` (a document, or an array of them) or ``jsonl`` (a document or ``null`` a line).
        columns: columns that the contract expects, for csv; half of them make a header the feed's own.
        encodings: what the text may be encoded in, most wanted first.
        delimiters: what may part csv fields.
        max_bytes: size of a file; a json document is parsed in memory, so at most 16 MiB there.
    """

    name: str
    format: FileFormat
    columns: tuple[str, ...] = ()
    encodings: tuple[str, ...] = ("utf-8", "cp1252")
    delimiters: tuple[str, ...] = (",", ";")
    max_bytes: int = 1024 * 1024 * 1024

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise malformed_name(self.name)

    @property
    def size_limit(self) -> int:
        """Bytes that a file may have."""
        return min(self.max_bytes, 16 * 1024 * 1024) if self.format == "json" else self.max_bytes


@dataclass(frozen=True, slots=True)
class ReadyFile:
    """A file that is there whole, can be read and was not delivered before.

    Args:
        path: where it lies.
        feed: its feed.
        day: day of delivery.
        name: its name, which a correction shares.
        size_bytes: its size.
        sha256: hash of its bytes.
        version: 1 for the name's first delivery, 2 for its first correction, …
        encoding: name that Spark knows: ``UTF-8``, ``windows-1252``.
        has_bom: whether the text starts with a byte order mark.
        delimiter: what parts its fields; empty for json.
        header: names of its columns in their order, without blanks around them; empty for json.
        records: data records: csv rows without the header and blank lines, json documents, lines that are not blank (tombstones too).
        is_superseded: whether a later delivery of the same name takes its place.
        superseded_on: day of that delivery.
    """

    path: Path
    feed: str
    day: date
    name: str
    size_bytes: int
    sha256: str
    version: int
    encoding: str
    has_bom: bool
    delimiter: str
    header: tuple[str, ...]
    records: int
    is_superseded: bool = False
    superseded_on: date | None = None


@dataclass(frozen=True, slots=True)
class WaitingFile:
    """A file that may still be written: looked at again next time."""

    path: Path
    feed: str
    day: date | None
    name: str
    size_bytes: int
    message: str


@dataclass(frozen=True, slots=True)
class DuplicateFile:
    """A file whose bytes were delivered before; ``original`` is ``<day>/<name>`` of that delivery."""

    path: Path
    feed: str
    day: date
    name: str
    size_bytes: int
    sha256: str
    original: str


@dataclass(frozen=True, slots=True)
class DeadFile:
    """A file that cannot be read, and where its bytes are kept.

    Args:
        path: where it lies.
        feed: its feed.
        day: day of delivery; None when its folder is no day.
        folder: its folder's name; empty when it lies in the feed's own folder.
        name: its name.
        size_bytes: its size.
        sha256: hash of its bytes; empty when they were not read (links, folders).
        reason: the code.
        message: what was found where, without any value.
        dead_letter: its copy; None when nothing was copied.
        seen_at: when it was first found dead.
    """

    path: Path
    feed: str
    day: date | None
    folder: str
    name: str
    size_bytes: int
    sha256: str
    reason: DeadReason
    message: str
    dead_letter: Path | None
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Deliveries:
    """All files of one feed, each in exactly one place, ordered by day and name."""

    ready: tuple[ReadyFile, ...] = ()
    waiting: tuple[WaitingFile, ...] = ()
    duplicates: tuple[DuplicateFile, ...] = ()
    dead: tuple[DeadFile, ...] = ()

    @property
    def current(self) -> tuple[ReadyFile, ...]:
        """The ready files that no later delivery has replaced."""
        return tuple(file for file in self.ready if not file.is_superseded)

    def on(self, day: date) -> Deliveries:
        """What was delivered on one day, with the states that the whole feed gives it."""
        return Deliveries(
            tuple(file for file in self.ready if file.day == day),
            tuple(file for file in self.waiting if file.day == day),
            tuple(file for file in self.duplicates if file.day == day),
            tuple(file for file in self.dead if file.day == day),
        )
