"""What the items of a JSON API look like: one page, asked for without its circuit breaker's say and without adding to its failures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from globalbev_assets.contracts.drift import Readers, Shape, sampled_columns
from globalbev_assets.contracts.model import Contract
from globalbev_assets.errors import GlobalBevError, TransientError
from resources.api_feed import ApiFeed
from resources.api_page import parse_page
from resources.drift.observation import Observation, Record, fields_of, of_records
from resources.http_fetch import AttemptFailedError, Bounds, get
from resources.http_session import checked_base_url, open_session

ITEMS, MAX_BYTES = 100, 4 * 1024 * 1024
BOUNDS = Bounds(connect_s=1.5, silence_s=2.0, total_s=2.0, size_bytes=MAX_BYTES)
STAGED_BYTES = 256 * 1024


def first_items(feed: ApiFeed, base_url: str, token: str | None) -> Sequence[Record]:
    """The items of the first page of what the API has now.

    Raises:
        GlobalBevError: GB-2006 no usable answer, GB-1305 to GB-1308, GB-1310 as the bronze step has them.
    """
    address = checked_base_url(base_url)
    query = [*feed.query, *([(feed.page_size_param, str(min(ITEMS, feed.page_size)))] if feed.page_size_param else [])]
    missing = frozenset() if feed.missing_status is None else frozenset({feed.missing_status})
    try:
        with open_session(address, token, connections=1) as session:
            answer = get(session, address + feed.path, query, BOUNDS, also=missing)
        return () if answer.status in missing else parse_page(feed, answer.body).items[:ITEMS]
    except AttemptFailedError as error:
        raise TransientError(
            "GB-2006", "The API gave no page to look at.", got=error.reason, valid="a page within 2 s", todo="Nothing: the next look is in 30 s."
        ) from None


def staged_items(files: Sequence[Path]) -> Sequence[Record]:
    """The first items of pages that the bronze step has fetched: what is loaded is what is looked at."""
    found: list[Record] = []
    for path in files[-1:]:
        with path.open("rb") as file:
            lines = file.read(STAGED_BYTES).splitlines(keepends=True)
        found += [json.loads(line)["record"] for line in lines[:ITEMS] if line.endswith(b"\n")]
    return found


def observe_items(contract: Contract, items: Sequence[Record], readers: Readers) -> Observation | None:
    """Look at some items; None when there are none."""
    if not items:
        return None
    names = tuple(dict.fromkeys(name for item in items for name in item))
    sampled = [column for name in sampled_columns(contract, readers) if (column := contract.column(name).source_in(names))]
    shape = Shape(str(contract.source.options.get("name", contract.table)), fields_of(names, items, sampled), records=len(items))
    return of_records(shape, items, [contract.column(name).source_in(names) or name for name in contract.key])


def reason_of(error: GlobalBevError) -> str:
    """Why a source could not be looked at, in a line."""
    return f"{error.code} {error.what}" + (f" ({error.got})" if error.got else "")
