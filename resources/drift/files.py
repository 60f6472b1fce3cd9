"""What the newest deliveries of the landing zone look like: headers, JSON keys and the forms of some values, within bounded bytes.

A file that cannot be read (cut off, another encoding, no feed's header at all) says nothing here: the dead letters are about it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path

from globalbev_assets.contracts.drift import DOCUMENT, Readers, Shape, sampled_columns
from globalbev_assets.contracts.model import Contract
from resources.drift.observation import Observation, Record, fields_of, of_records
from resources.file_feed import FileFeed
from resources.landing_csv import delimiter_of, in_contract_spelling
from resources.landing_inspect import FileChangedError, open_regular
from resources.landing_text import DeadFileError
from resources.landing_walk import QUIET_S, Candidate, candidates, checked_folder
from resources.logs.redaction import REDACTOR
from resources.strict_json import MalformedJsonError, parse_document, to_text

HEAD_BYTES, SAMPLE_RECORDS = 64 * 1024, 300
TABLES_A_DAY, DOCUMENTS_A_DAY = 3, 60


def deliveries_to_look_at(root: Path, feed: FileFeed, at: datetime, also: Collection[date] = ()) -> list[Candidate]:
    """The complete files of the newest day of delivery, and of some days more; those that a later file of their name replaces are left out.

    Nothing is opened. Newest first; 3 tables or 60 documents a day.

    Raises:
        TerminalError: GB-1320, when the landing zone is missing.
        OSError: a folder cannot be read.
    """
    folder = checked_folder(root, feed)
    complete = [one for one in candidates(folder, feed) if _is_complete(one, at)] if folder else []
    latest = {one.name: one for one in complete}
    tomorrow = at.date() + timedelta(days=1)  # a folder of 2099 would be the newest for ever
    newest = max((one.day for one in complete if one.day and one.day <= tomorrow), default=None)
    limit = TABLES_A_DAY if feed.format == "csv" else DOCUMENTS_A_DAY
    by_day: dict[date | None, list[Candidate]] = {}
    for one in reversed(complete):
        if latest[one.name] is one and (one.day == newest or one.day in also):
            by_day.setdefault(one.day, []).append(one)
    return [one for files in by_day.values() for one in files[:limit]]


def _is_complete(one: Candidate, at: datetime) -> bool:
    is_quiet = at.timestamp() - one.mtime_ns / 1e9 >= QUIET_S
    return one.fault is None and not one.is_in_transfer and (one.is_marked or is_quiet)


def observe_files(contract: Contract, feed: FileFeed, files: Iterable[tuple[Path, date]], readers: Readers) -> Iterator[Observation]:
    """Look at some files: a table each by itself, documents together by their day."""
    if feed.format == "csv":
        for path, day in files:
            if (found := _table(contract, feed, path, day, readers)) is not None:
                yield found
        return
    by_day: dict[date, list[Record]] = {}
    for path, day in files:
        by_day.setdefault(day, []).extend(_documents(path, feed))
    for day, documents in sorted(by_day.items()):
        if documents:
            yield _of_documents(contract, feed, documents, day, readers)


def _table(contract: Contract, feed: FileFeed, path: Path, day: date, readers: Readers) -> Observation | None:
    lines = _lines(path, feed)
    first = next((line for line in lines if line.strip()), "")
    try:
        delimiter = delimiter_of(first, feed)
    except DeadFileError:
        return None
    rows = csv.reader(lines, delimiter=delimiter)
    delivered = [name.strip() for name in next((row for row in rows if any(cell.strip() for cell in row)), [])]
    header = in_contract_spelling(delivered, contract)
    records = [dict(zip(reversed(header), reversed(row), strict=True)) for row in islice(rows, SAMPLE_RECORDS) if len(row) == len(header)]
    names = tuple(dict.fromkeys(name for name in header if name))
    fields = fields_of(names, records, _sampled(contract, names, readers))
    return of_records(Shape(_place(feed, day, path), fields, day=day), records, _key_names(contract, names))


def _of_documents(contract: Contract, feed: FileFeed, documents: Sequence[Record], day: date, readers: Readers) -> Observation:
    names = tuple(dict.fromkeys(name for document in documents for name in document if name != DOCUMENT))
    fields = fields_of(names, documents, _sampled(contract, names, readers))
    return of_records(Shape(f"{feed.name}/{day}", fields, len(documents), day), documents, _key_names(contract, names))


def _documents(path: Path, feed: FileFeed) -> list[Record]:
    """Some documents of a file, their values as text; none of a file that is no JSON."""
    try:
        if feed.format == "jsonl":
            parsed = [parse_document(line) for line in islice(_lines(path, feed), SAMPLE_RECORDS) if line.strip()]
        else:
            document = parse_document(_head(path, feed.size_limit).decode("utf-8-sig"))
            parsed = document if isinstance(document, list) else [document]
        return [{key: to_text(value) for key, value in one.items()} for one in parsed[:SAMPLE_RECORDS] if isinstance(one, dict)]
    except (MalformedJsonError, UnicodeDecodeError):
        return []


def _lines(path: Path, feed: FileFeed) -> list[str]:
    """The whole lines at the file's start; a last one that was cut off here is left out."""
    head = _head(path, HEAD_BYTES)
    if len(head) == HEAD_BYTES:
        head = head[: head.rfind(b"\n") + 1]
    for encoding in feed.encodings:
        try:
            text = head.decode("utf-8-sig" if encoding == "utf-8" else encoding)
        except UnicodeDecodeError:
            continue
        return [] if "\0" in text else io.StringIO(text, newline="").readlines()
    return []


def _head(path: Path, size_bytes: int) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read(size_bytes)
    except (FileNotFoundError, FileChangedError):  # taken away or replaced since the folder was listed: the next look sees what is there
        return b""


def _sampled(contract: Contract, names: Sequence[str], readers: Readers) -> list[str]:
    return [found for name in sampled_columns(contract, readers) if (found := contract.column(name).source_in(names))]


def _key_names(contract: Contract, names: Sequence[str]) -> list[str]:
    return [contract.column(name).source_in(names) or name for name in contract.key]


def _place(feed: FileFeed, day: date, path: Path) -> str:
    return f"{feed.name}/{day}/{REDACTOR.text(path.name)}"
