"""One day read from a server that follows a script, and what must hold of the outcome; limits small enough for a test."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from globalbev_assets.errors import GlobalBevError, TransientError
from resources.api_feed import ApiAccess, ApiFeed, DayFetch, Limits
from resources.json_api import fetch_day

from .chaos_server import Call, ChaosServer, Fault, stock_of

DAY = date(2026, 5, 31)
TOKEN = "canary-token-4711"
FEED = ApiFeed("inventory", "/v1/inventory", page_size=10, key_fields=("warehouse_id", "sku", "lot_id"))
LIMITS = Limits(
    connect_s=0.5,
    silence_s=0.4,
    attempt_s=0.8,
    page_s=5,
    day_s=10,
    wait_first_s=0.004,
    wait_max_s=0.03,
    retry_after_max_s=0.3,
    page_bytes=200_000,
    breaker_open_s=60,
)
Script = Callable[[Call], Fault | None]
SEED = 20261122


def access(url: str, folder: Path) -> ApiAccess:
    return ApiAccess(url, TOKEN, folder / "state", folder / "deadletter")


def one_day(
    script: Script, folder: Path, *, items: int = 35, limits: Limits = LIMITS, feed: ApiFeed = FEED
) -> tuple[DayFetch | GlobalBevError, ChaosServer]:
    """Read one day from a server that follows the script; the result, or the error that it ended with."""
    with ChaosServer({str(DAY): stock_of(str(DAY), items)}, script=script) as server:
        try:
            return fetch_day(feed, access(server.url, folder), DAY, folder / "into", limits=limits), server
        except GlobalBevError as error:
            return error, server


def records(fetched: DayFetch) -> list[dict[str, Any]]:
    return [json.loads(line) for file in fetched.files for line in file.read_text("ascii").splitlines()]


def assert_whole(fetched: DayFetch | GlobalBevError, items: int = 35) -> DayFetch:
    assert isinstance(fetched, DayFetch), fetched
    assert [row["_position"] for row in records(fetched)] == list(range(1, items + 1))
    assert [row["record"]["sku"] for row in records(fetched)] == [f"SKU{number:05d}" for number in range(items)]
    assert (fetched.items, fetched.total, fetched.complete, fetched.has_data) == (items, items, True, True)
    return fetched


def assert_nothing(error: DayFetch | GlobalBevError, code: str, folder: Path, kind: type[GlobalBevError] = TransientError) -> GlobalBevError:
    assert isinstance(error, kind), error
    assert error.code == code, error
    assert list((folder / "into").iterdir()) == [], "a failed day leaves nothing, not even hidden"
    assert TOKEN not in str(error)
    assert "127.0.0.1" not in str(error)
    assert error.got is not None
    assert error.valid is not None
    assert error.todo
    return error


def first_time(page: int, fault: Fault) -> Script:
    """The fault on the first request for one page."""
    return lambda call: fault if (call.page, call.repeat) == (page, 0) else None


def always(fault: Fault) -> Script:
    return lambda _: fault


# Broken answers that a second request may mend, none of them a status.
PASSING = {
    "silence before the first byte": Fault(silent_s=1.0),
    "reset in the body": Fault(reset_after=100),
    "reset before the body": Fault(reset_after=0),
    "body a byte at a time": Fault(drip_s=0.05),
    "head a byte at a time": Fault(drip_headers_s=0.05),
    "truncated document": Fault(cut=200),
    "error page with 200": Fault(body=b"<html><body>502 Bad Gateway</body></html>"),
    "empty body with 200": Fault(body=b""),
    "blank body with 200": Fault(body=b" \n"),
    "no content": Fault(204, body=b""),
    "length announced too long": Fault(announce=50),
    "length announced too short": Fault(announce=-50),
    "UTF-16": Fault(body='{"items":[]}'.encode("utf-16")),
    "half an UTF-8 character": Fault(body=b'{"items":["\xc3'),
}
