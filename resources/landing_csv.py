"""The shape of a delivered csv: its delimiter by the header that the contract expects, its records as the csv module counts them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import cast

from globalbev_assets.contracts.model import Contract
from resources.file_feed import DeadReason, FileFeed
from resources.landing_text import LINE_LIMIT, DeadFileError, Shape, bounded_lines

_FOREIGN = ("\t", "|", ",", ";", ":", "^", "~")
_END = "globalbev:end-of-file"  # fed twice as a row after the last line: when it does not come back as one, a quote is still open
csv.field_size_limit(max(csv.field_size_limit(), LINE_LIMIT))


def read_csv(text: io.TextIOWrapper, feed: FileFeed) -> Shape:
    """Find delimiter and header, and count the records.

    Raises:
        DeadFileError: header or delimiter are not the feed's, a quote is open at the end, or the last row was cut off.
    """
    first = next((line for line in bounded_lines(text) if line.strip()), "")
    delimiter = _delimiter(first, feed)
    text.seek(0)
    rows = _rows(text, delimiter)
    header = tuple(name.strip() for name in next((row for row in rows if any(cell.strip() for cell in row)), []))
    _check_header(header, feed)
    records, last = 0, list(header)
    for row in rows:
        records, last = records + 1, row
    if len(last) < len(header) and not _ends_its_line(text):
        raise DeadFileError(DeadReason.TRUNCATED, f"the last row stops after {len(last)} of {len(header)} fields, without a line end")
    return Shape(records, delimiter, header)


def delimiter_of(line: str, feed: FileFeed) -> str:
    """What parts the fields of a header; DeadFileError when it is not the feed's header."""
    return _delimiter(line, feed)


def in_contract_spelling(header: Sequence[str], contract: Contract) -> tuple[str, ...]:
    """The header's names as the contract writes them: ``CONTACT_ID`` is its ``contact_id``; names that it does not know stay as they are."""
    known = {name.casefold(): name for column in contract.business_columns for name in (column.name, column.source_name)}
    taken = set(header)
    return tuple(name if wanted is None or wanted in taken else wanted for name in header for wanted in [known.get(name.strip().casefold())])


def _ends_its_line(text: io.TextIOWrapper) -> bool:
    file = cast("io.BufferedReader", text.buffer)
    file.seek(-1, io.SEEK_END)
    return file.read(1) in {b"\n", b"\r"}


def _columns(line: str, delimiter: str) -> list[str]:
    return [name.strip().casefold() for name in next(csv.reader([line], delimiter=delimiter), [])]


def _delimiter(line: str, feed: FileFeed) -> str:
    """The delimiter under which most of the contract's columns stand in the header."""
    expected = {column.casefold() for column in feed.columns}

    def known(delimiter: str) -> tuple[int, int]:
        columns = _columns(line, delimiter)
        return len(expected & set(columns)), len(columns)

    best = max(feed.delimiters, key=known)
    if 2 * known(best)[0] >= len(expected):
        return best
    foreign = max(_FOREIGN, key=known)
    if 2 * known(foreign)[0] >= len(expected):
        raise DeadFileError(DeadReason.DELIMITER, f"fields parted by {foreign!r}; accepted are {' '.join(map(repr, feed.delimiters))}")
    got, of = known(best)[0], len(expected)
    raise DeadFileError(DeadReason.HEADER, f"the first line names {got} of the {of} columns of the contract; at least half must be there")


def _check_header(header: tuple[str, ...], feed: FileFeed) -> None:
    named = [name.casefold() for name in header]
    twice = [column for column in feed.columns if named.count(column.casefold()) > 1]
    if twice:
        raise DeadFileError(DeadReason.HEADER, f"the header names {', '.join(twice)} more than once")


def _rows(text: io.TextIOWrapper, delimiter: str) -> Iterator[list[str]]:
    """The rows, blank lines left out.

    Raises:
        DeadFileError: a quote is open at the end of the file, or a field has no end in sight.
    """
    reader = csv.reader(chain(bounded_lines(text), [f"{_END}{delimiter}{_END}"]), delimiter=delimiter)
    row: list[str] = []
    try:
        for following in reader:
            if row:
                yield row
            row = following
    except csv.Error:
        raise DeadFileError(DeadReason.CORRUPT, f"a field near line {reader.line_num} does not end within {LINE_LIMIT} characters") from None
    if row != [_END, _END]:
        raise DeadFileError(DeadReason.CORRUPT, "a quote is opened and never closed")
