"""A question to the inventory API, parsed; and its answer, page by page."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from partitions.days import parse_day

from .stock import KEPT_DAYS, Stock

PAGE_SIZE, LARGEST_PAGE = 200, 1000
PARAMETERS = {"updated_since", "page_size", "page_token", "as_of"}


class BadQuestionError(ValueError):
    """A parameter that cannot be understood: answered with 400."""


class NoSnapshotError(LookupError):
    """A day that the warehouse has no state of: answered with 404."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: the state of which day, changed since when, from which item on."""

    day: date
    since: datetime | None
    size: int
    offset: int

    @property
    def page(self) -> str:
        """The page's name, the same for every asking of it."""
        return urlencode({"as_of": self.day, "since": self.since or "", "page_size": self.size, "offset": self.offset})

    def at(self, offset: int) -> Question:
        """The same question from another item on."""
        return Question(self.day, self.since, self.size, offset)

    def token(self) -> str:
        """The page token that leads to this page."""
        since = self.since.isoformat() if self.since else ""
        return base64.urlsafe_b64encode(json.dumps([str(self.day), since, self.offset]).encode()).decode().rstrip("=")


def parse(query: str, newest: date) -> Question:
    """Parse a query string.

    Raises:
        BadQuestionError: for an unknown or malformed parameter.
        NoSnapshotError: for a day before the 400 that are kept, or one that has not ended.
    """
    given = dict(parse_qsl(query, keep_blank_values=True))
    unknown = set(given) - PARAMETERS
    if unknown:
        raise BadQuestionError(f"unknown parameter {sorted(unknown)[0]}")
    asked = Question(_day(given.get("as_of"), newest), _moment(given.get("updated_since")), _size(given.get("page_size")), 0)
    if not 0 <= (newest - asked.day).days < KEPT_DAYS:
        raise NoSnapshotError
    return _continue(asked, given["page_token"], is_dated="as_of" in given) if given.get("page_token") else asked


def answer(stock: Stock, question: Question) -> dict[str, Any]:
    """One page of the state."""
    items = stock.at_end_of(question.day)
    if question.since:
        whole = question.since.replace(microsecond=0) + timedelta(seconds=question.since.microsecond > 0)
        border = whole.isoformat().replace("+00:00", "Z")
        items = [item for item in items if item["updated_at"] >= border]
    following = question.offset + question.size
    as_of = datetime.combine(question.day, time(23, 59, 59), UTC).isoformat().replace("+00:00", "Z")
    token = question.at(following).token() if following < len(items) else None
    return {"as_of": as_of, "total": len(items), "items": items[question.offset : following], "next_page_token": token}


def _continue(asked: Question, token: str, *, is_dated: bool) -> Question:
    try:
        day_text, since_text, offset = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        day, since = parse_day(day_text), _moment(since_text or None)
    except (ValueError, TypeError, binascii.Error, UnicodeDecodeError) as error:
        raise BadQuestionError("page_token is not one of ours") from error
    if (is_dated and day != asked.day) or since != asked.since or not isinstance(offset, int) or offset < 0:
        raise BadQuestionError("page_token belongs to another question")
    return Question(day, since, asked.size, offset)


def _day(text: str | None, newest: date) -> date:
    if text is None:
        return newest
    try:
        return parse_day(text)
    except Exception as error:
        raise BadQuestionError("as_of must be a day, YYYY-MM-DD") from error


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadQuestionError("updated_since must be ISO 8601") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _size(text: str | None) -> int:
    if text is None:
        return PAGE_SIZE
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= LARGEST_PAGE:
        raise BadQuestionError(f"page_size must be a number from 1 to {LARGEST_PAGE}")
    return int(text)
