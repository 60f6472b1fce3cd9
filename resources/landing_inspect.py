"""What a file's bytes say: its hash, its encoding, its shape, how many records it has, or why it cannot be read.

Streaming: a file is never whole in memory, except a json document of at most 16 MiB.
"""

from __future__ import annotations

import codecs
import errno
import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from resources.file_feed import DeadReason, FileFeed
from resources.landing_csv import read_csv
from resources.landing_json import read_json, read_jsonl
from resources.landing_text import DeadFileError, Shape

VERSION = 1  # raised when the same bytes would be judged otherwise: cached inspections are then made anew
_CHUNK = 1024 * 1024
_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_SPARK_NAMES = {"utf-8": "UTF-8", "cp1252": "windows-1252", "iso8859-1": "ISO-8859-1", "iso8859-15": "ISO-8859-15"}


@dataclass(frozen=True, slots=True)
class Inspection:
    """The verdict on a file's bytes; ``reason`` is empty when it can be read."""

    sha256: str
    reason: str = ""
    message: str = ""
    encoding: str = ""
    has_bom: bool = False
    delimiter: str = ""
    header: tuple[str, ...] = ()
    records: int = 0

    def as_json(self) -> dict[str, Any]:
        """As the cache keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Inspection:
        """From what the cache kept; TypeError when it is anything else."""
        return cls(**{**kept, "header": tuple(kept["header"])})


class FileChangedError(Exception):
    """The file was written or replaced while it was read."""


@dataclass(frozen=True, slots=True)
class _Scan:
    sha256: str
    head: bytes
    has_nul: bool
    is_blank: bool
    is_utf8: bool


@contextmanager
def open_regular(path: Path) -> Iterator[io.BufferedReader]:
    """Open a file for reading, but no link, device or pipe, which could lead elsewhere or block for ever."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise FileChangedError(path) from error
        raise
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileChangedError(path)
        yield file


def inspect(path: Path, feed: FileFeed) -> Inspection:
    """Judge one file.

    Raises:
        FileChangedError: it changed meanwhile.
        OSError: it cannot be read.
    """
    with open_regular(path) as file:
        before = os.fstat(file.fileno())
        scan = _scan(file)
        try:
            verdict = _readable(file, feed, scan, before.st_size)
        except DeadFileError as dead:
            verdict = Inspection(scan.sha256, dead.reason, dead.message)
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise FileChangedError(path)
    return verdict


def hash_only(path: Path) -> str:
    """The hash of a file whose content does not matter any more."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _scan(file: io.BufferedReader) -> _Scan:
    digest, decoder = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")()
    head, has_nul, is_blank, is_utf8 = b"", False, True, True
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
        head = head or chunk[:4096]
        has_nul = has_nul or b"\0" in chunk
        is_blank = is_blank and not chunk.removeprefix(codecs.BOM_UTF8).strip()
        is_utf8 = is_utf8 and _decodes(decoder, chunk)
    return _Scan(digest.hexdigest(), head, has_nul, is_blank, is_utf8 and _decodes(decoder, b"", final=True))


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _readable(file: io.BufferedReader, feed: FileFeed, scan: _Scan, size_bytes: int) -> Inspection:
    if size_bytes > feed.size_limit:
        raise DeadFileError(DeadReason.TOO_LARGE, f"{size_bytes} bytes, more than the {feed.size_limit} that the feed may have")
    if scan.is_blank:
        raise DeadFileError(DeadReason.EMPTY, "nothing in it, not even a header" if feed.format == "csv" else "nothing in it")
    codec = _codec(file, feed, scan)
    has_bom = codec == "utf-8" and scan.head.startswith(codecs.BOM_UTF8)
    file.seek(0)
    text = io.TextIOWrapper(file, "utf-8-sig" if has_bom else codec, newline="")
    try:
        shape = _shape(text, feed)
    finally:
        text.detach()
    return Inspection(scan.sha256, "", "", _SPARK_NAMES.get(codec, codec), has_bom, shape.delimiter, shape.header, shape.records)


def _shape(text: io.TextIOWrapper, feed: FileFeed) -> Shape:
    if feed.format == "csv":
        return read_csv(text, feed)
    return read_json(text) if feed.format == "json" else read_jsonl(text)


def _codec(file: io.BufferedReader, feed: FileFeed, scan: _Scan) -> str:
    """The encoding, proven over the whole file."""
    if scan.head.startswith(_BOMS) or (scan.has_nul and _is_wide(scan.head)):
        raise DeadFileError(DeadReason.ENCODING, f"UTF-16 or UTF-32; accepted are {', '.join(feed.encodings)}")
    if scan.has_nul:
        raise DeadFileError(DeadReason.CORRUPT, "NUL bytes in a text file")
    wanted = [codecs.lookup(name).name for name in feed.encodings]
    if not scan.is_utf8 and "utf-8" in wanted and _is_broken_utf8(file):
        raise DeadFileError(DeadReason.ENCODING, "UTF-8 with broken characters in it")
    for codec in wanted:
        if scan.is_utf8 if codec == "utf-8" else _decodes_whole(file, codec):
            return codec
    raise DeadFileError(DeadReason.ENCODING, f"in none of {', '.join(feed.encodings)}")


def _is_wide(head: bytes) -> bool:
    """Whether it looks like UTF-16 without its mark: every other byte of Latin text is NUL."""
    return max(head[0::2].count(0), head[1::2].count(0)) > len(head) // 4


def _decodes_whole(file: io.BufferedReader, codec: str) -> bool:
    decoder = codecs.getincrementaldecoder(codec)()
    file.seek(0)
    while chunk := file.read(_CHUNK):
        if not _decodes(decoder, chunk):
            return False
    return _decodes(decoder, b"", final=True)


def _is_broken_utf8(file: io.BufferedReader) -> bool:
    """Whether a text that is not UTF-8 mostly is: cp1252 decodes nearly anything, so damaged UTF-8 would pass as nonsense in it."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    sound = stray = 0
    file.seek(0)
    while chunk := file.read(_CHUNK):
        text = decoder.decode(chunk)
        if not text.isascii():
            strays = sum("\udc80" <= letter <= "\udcff" for letter in text)
            stray, sound = stray + strays, sound + sum(letter > "\x7f" for letter in text) - strays
    return sound > stray
