"""In which line of a delivered file a record begins: what the person on call sends to whoever delivered it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from globalbev_assets.contracts.model import Contract
from resources.bronze_sources import file_feed
from resources.file_feed import FileFeed
from resources.landing_inspect import FileChangedError, Inspection, inspect, open_regular


def line_of(root: Path, bronze: Contract, source: str, record: int) -> int | None:
    """The line, counted from 1, in which record ``record`` of the file ``<root>/<source>`` begins.

    Args:
        root: the landing zone.
        bronze: contract of the file's feed.
        source: the file as bronze names it, ``feed/day/name``.
        record: number of the record in the file, counted from 1, without header and blank lines.

    Returns:
        None where the file is gone, can no longer be read, has fewer records, or is one JSON document.
    """
    feed, path = file_feed(bronze), root / source
    if feed.format == "json":
        return None
    lines = _lines_of(path, feed)
    return lines[record - 1] if 0 < record <= len(lines) else None


@lru_cache(maxsize=64)
def _lines_of(path: Path, feed: FileFeed) -> tuple[int, ...]:
    """Where each record begins; one look at a file for all of its records. Empty where it is gone or cannot be read."""
    try:
        verdict = inspect(path, feed)
        if verdict.reason:
            return ()
        with open_regular(path) as file:
            text = io.TextIOWrapper(file, "utf-8-sig" if verdict.has_bom else verdict.encoding, newline="")
            return tuple(_beginnings(text, feed, verdict))
    except (OSError, FileChangedError):
        return ()


def _beginnings(text: io.TextIOWrapper, feed: FileFeed, verdict: Inspection) -> Iterator[int]:
    """The first line of each record."""
    if feed.format == "jsonl":
        yield from (number for number, line in enumerate(text, 1) if line.strip())
        return
    reader, began, is_header = csv.reader(text, delimiter=verdict.delimiter), 1, True
    for row in reader:
        if row and is_header:
            is_header = not any(cell.strip() for cell in row)
        elif row:
            yield began
        began = reader.line_num + 1
