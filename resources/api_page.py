"""One page of a paged JSON API: taken apart, checked, and written as lines. No request is made here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from resources.api_errors import unexpected_shape
from resources.api_feed import ApiFeed
from resources.http_fetch import AttemptFailedError
from resources.strict_json import JsonFault, JsonValue, MalformedJsonError, Number, parse, to_text

_ABSENT: Any = object()


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its items as Bronze keeps them (text or null), and what it says of the whole."""

    items: Sequence[dict[str, str | None]]
    next_token: str | None
    total: int | None
    as_of: str
    size_bytes: int


def parse_page(feed: ApiFeed, body: bytes) -> Page:
    """Take one answer apart.

    Raises:
        AttemptFailedError: when it is no JSON at all (cut off, an error page, empty): that passes.
        DataRejectedError: GB-1306, when it is JSON of another shape than the feed's contract says.
    """
    if not body.strip():
        raise AttemptFailedError("an empty answer")
    try:
        document = parse(body.decode("utf-8-sig"))
        items = _items(feed, document)
        records = [{key: to_text(value) for key, value in item.items()} for item in items]
    except UnicodeDecodeError:
        raise AttemptFailedError("an answer that is not UTF-8") from None
    except MalformedJsonError as error:
        if error.fault is JsonFault.SYNTAX:
            raise AttemptFailedError("an answer that is not JSON, or not all of it") from None
        raise unexpected_shape(error.message) from None
    return Page(records, _next_token(feed, document), _total(feed, document), _as_of(feed, document), len(body))


def _items(feed: ApiFeed, document: JsonValue) -> list[dict[str, JsonValue]]:
    listed = _field(document, feed.items_field) if feed.items_field else document
    if not isinstance(listed, list):
        raise unexpected_shape(f"no list of items at {feed.items_field or 'the top'!r}")
    items = [item for item in listed if isinstance(item, dict)]
    if len(items) != len(listed):
        raise unexpected_shape("an item that is not an object")
    return items


def _next_token(feed: ApiFeed, document: JsonValue) -> str | None:
    token = _field(document, feed.next_token_field) if feed.next_token_field else None
    if token is _ABSENT or token is None or token == "":
        return None
    if not isinstance(token, str):
        raise unexpected_shape(f"{feed.next_token_field!r} is neither text nor a number")
    return str(token)


def _total(feed: ApiFeed, document: JsonValue) -> int | None:
    if not feed.total_field:
        return None
    total = _field(document, feed.total_field)
    if not isinstance(total, Number) or not total.isdecimal() or len(total) > 15:
        raise unexpected_shape(f"{feed.total_field!r} is not a count")
    return int(total)


def _as_of(feed: ApiFeed, document: JsonValue) -> str:
    value = _field(document, feed.as_of_field) if feed.as_of_field else None
    return str(value) if isinstance(value, str) else ""


def _field(document: JsonValue, path: str) -> Any:
    for name in path.split("."):
        if not isinstance(document, dict) or name not in document:
            return _ABSENT
        document = document[name]
    return document


def says_missing(feed: ApiFeed, body: bytes) -> bool:
    """Whether the body that came with ``missing_status`` really says that there is nothing of this day."""
    if feed.missing_error is None:
        return True
    try:
        return bool(_field(parse(body.decode("utf-8-sig")), "error") == feed.missing_error)
    except (UnicodeDecodeError, MalformedJsonError):
        return False


def lines(page: Page, number: int, position: int) -> str:
    """The page as lines of JSON, ASCII only; ``position`` is that of its first item in the day, from 1."""
    if not page.items:
        return ""
    rows = [{"_position": position + offset, "_page": number, "record": record} for offset, record in enumerate(page.items)]
    # One call of the C encoder a page takes a third of one an item; inside a text the quotes would be escaped, so only rows part here.
    return json.dumps(rows, separators=(",", ":"))[1:-1].replace('},{"_position":', '}\n{"_position":') + "\n"


def keys(feed: ApiFeed, page: Page) -> list[int]:
    """A 64-bit hash of each item's key; an item without a whole key has none."""
    parts = ([record.get(name) for name in feed.key_fields] if feed.key_fields else sorted(record.items()) for record in page.items)
    return [int.from_bytes(blake2b(repr(part).encode(), digest_size=8).digest(), "little") for part in parts if None not in part]
