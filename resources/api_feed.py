"""What a paged JSON API is, said in data: its paths and field names, its limits, and what one day's read came to.

Everything that tells one API from another stands in an :class:`ApiFeed`, which a contract fills: a second API is a second
contract. No request is made here; that is ``json_api``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from globalbev_assets.errors import GlobalBevError
from resources.api_errors import malformed_feed

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,80}\Z")


@dataclass(frozen=True, slots=True)
class ApiFeed:
    """One feed of a paged JSON API.

    Args:
        name: the feed's name; names its breaker's file.
        path: path below the base URL, such as ``/v1/inventory``.
        items_field: field of the answer that holds the list of items; dots lead into objects; empty: the answer is the list.
        next_token_field: field with the next page's token, null or missing on the last page; None: there is one page.
        token_param: query parameter that takes the token.
        page_size_param: query parameter for the page's size; None: the API has none.
        page_size: items asked for in a page.
        as_of_param: query parameter that asks for the state at the end of a day; None: the API knows only the present.
        total_field: field with the number of items over all pages; None: the API does not say.
        as_of_field: field with the time of the state that was answered; None: the API does not say.
        key_fields: fields that make an item unique in one day, to find items that come twice; empty: the whole item.
        missing_status: status by which the API says that it has nothing of this day; None: it never does.
        missing_error: value of the ``error`` field that goes with it, so that a wrong path is not taken for an empty day; None: any.
        query: further fixed query parameters.
    """

    name: str
    path: str
    items_field: str = "items"
    next_token_field: str | None = "next_page_token"  # noqa: S105  the name of a field
    token_param: str = "page_token"  # noqa: S105  the name of a query parameter
    page_size_param: str | None = "page_size"
    page_size: int = 1000
    as_of_param: str | None = "as_of"
    total_field: str | None = "total"
    as_of_field: str | None = "as_of"
    key_fields: tuple[str, ...] = ()
    missing_status: int | None = 404
    missing_error: str | None = "no_snapshot"
    query: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.match(self.name) or not self.path.startswith("/") or self.page_size < 1:
            raise malformed_feed(f"name {self.name!r}, path {self.path!r}, page size {self.page_size}")


@dataclass(frozen=True, slots=True)
class ApiAccess:
    """Where one installation's API is and how to be let in.

    Args:
        base_url: base of the API, ``http`` or ``https``, without credentials and query.
        token: bearer token; None or empty: none is sent. In no message and no ``repr``.
        state: folder for what is kept between runs, ``<home>/state``.
        deadletter: where answers are kept that cannot be read, ``<home>/deadletter``; None: nowhere.
    """

    base_url: str
    token: str | None = field(repr=False)
    state: Path
    deadletter: Path | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much one read may take; all times are wall-clock seconds.

    Args:
        connect_s: time for one connection.
        silence_s: time without a single byte after which an attempt is given up.
        attempt_s: time for one attempt from request to last byte, so that a drip of bytes ends too.
        page_s: time for all attempts of one page, waiting included.
        day_s: time for all of one day.
        attempts: attempts for one page.
        day_attempts: attempts for a day whose pages do not add up.
        wait_first_s: first wait between two attempts; doubled each time, with as much jitter.
        wait_max_s: longest of these waits.
        retry_after_max_s: longest wait that a server's Retry-After gets.
        page_bytes: size of one page, decompressed.
        pages: pages of one day.
        breaker_failures: pages given up in a row after which the breaker opens.
        breaker_open_s: time until an open breaker lets one probe through.
    """

    connect_s: float = 5.0
    silence_s: float = 15.0
    attempt_s: float = 30.0
    page_s: float = 90.0
    day_s: float = 300.0
    attempts: int = 8
    day_attempts: int = 4
    wait_first_s: float = 0.2
    wait_max_s: float = 5.0
    retry_after_max_s: float = 30.0
    page_bytes: int = 32 * 1024 * 1024
    pages: int = 10_000
    breaker_failures: int = 3
    breaker_open_s: float = 60.0


@dataclass(frozen=True, slots=True)
class DayFetch:
    """One day, read whole.

    Args:
        day: the day.
        files: its pages, ``<into>/<day>/page-00001.jsonl`` and so on; none without data.
        items: items in these files.
        pages: pages in these files.
        retries: requests made beyond one a page.
        as_of: time of the state, as the API wrote it.
        bytes: size of the answers that were kept.
        complete: always True: a day that is not complete is an error, never a result.
        has_data: False when the API has nothing of this day.
        total: items that the API said there are; None when it does not say.
        repeated: items that came a second time, kept in the files (0 but for an API that repeats rows and still has all).
    """

    day: date
    files: tuple[Path, ...]
    items: int
    pages: int
    retries: int
    as_of: str
    bytes: int
    complete: bool
    has_data: bool
    total: int | None = None
    repeated: int = 0


@dataclass(frozen=True, slots=True)
class DayFailed:
    """One day that could not be read, and why; nothing of it is on disk."""

    day: date
    error: GlobalBevError
