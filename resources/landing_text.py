"""What the readers of landed texts share: the verdict of death, the shape of a readable file, and lines of bounded length."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

from resources.file_feed import DeadReason

LINE_LIMIT = 16 * 1024 * 1024  # characters: a file without line ends may not come into memory whole


class DeadFileError(Exception):
    """The file cannot be read; ``message`` says where, never what stood there."""

    def __init__(self, reason: DeadReason, message: str) -> None:
        self.reason, self.message = reason, message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Shape:
    """A readable file's form: what parts its fields, its columns, its records."""

    records: int
    delimiter: str = ""
    header: tuple[str, ...] = ()


def bounded_lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Its lines, line ends included.

    Raises:
        DeadFileError: a line is longer than 16 Mi characters.
    """
    number = 0
    while line := text.readline(LINE_LIMIT + 1):
        number += 1
        if len(line) > LINE_LIMIT:
            raise DeadFileError(DeadReason.CORRUPT, f"line {number} is longer than {LINE_LIMIT} characters")
        yield line
