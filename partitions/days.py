"""Days and ranges of days, parsed once at the edge and passed as what they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from globalbev_assets.errors import TerminalError

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")


def today() -> date:
    """Today's UTC date: the only place, beside :func:`now`, that reads the machine's clock."""
    return now().date()


def now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(UTC)


def parse_day(text: str) -> date:
    """Parse ``YYYY-MM-DD``.

    Raises:
        TerminalError: GB-1001, when the text is not a day of the calendar.
    """
    if not isinstance(text, str) or not _DAY.match(text):
        raise TerminalError(
            "GB-1001",
            "That is not a day.",
            got=repr(text)[:60],
            valid="a day as YYYY-MM-DD, for instance 2026-05-31",
            todo="Write the day as YYYY-MM-DD.",
        )
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise TerminalError(
            "GB-1001", "That day is not in the calendar.", got=text, valid="a day as YYYY-MM-DD, for instance 2026-05-31", todo="Check month and day."
        ) from error


@dataclass(frozen=True, slots=True, order=True)
class DayRange:
    """The days from ``first`` to ``last``, both included."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise TerminalError(
                "GB-1002",
                "The range ends before it starts.",
                got=f"{self.first} to {self.last}",
                valid="first day <= last day",
                todo="Swap the two days.",
            )

    @classmethod
    def parse(cls, first: str, last: str) -> DayRange:
        """Parse two texts; GB-1001 or GB-1002 when they are no range."""
        return cls(parse_day(first), parse_day(last))

    @classmethod
    def around(cls, days: Iterable[date]) -> DayRange:
        """The smallest range that holds all of ``days`` (at least one)."""
        listed = sorted(days)
        return cls(listed[0], listed[-1])

    def __iter__(self) -> Iterator[date]:
        return (self.first + timedelta(days=offset) for offset in range(len(self)))

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and self.first <= day <= self.last

    def __str__(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"

    def widened(self, before: int = 0, after: int = 0) -> DayRange:
        """The range with so many more days at its ends."""
        return DayRange(self.first - timedelta(days=before), self.last + timedelta(days=after))
