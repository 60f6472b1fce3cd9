"""The inventory client against an API that fails, hangs or sends something else (F11 to F13): complete data, or an error and nothing on disk."""

from __future__ import annotations

import gzip
import json
import random
import re
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from globalbev_assets.errors import DataRejectedError, TerminalError, TransientError
from resources.api_feed import DayFailed, DayFetch, Limits
from resources.json_api import fetch_day, fetch_days

from .chaos_server import ChaosServer, Fault, stock_of
from .reading import DAY, FEED, LIMITS, PASSING, SEED, access, always, assert_nothing, assert_whole, first_time, one_day, records

pytestmark = [pytest.mark.faults, pytest.mark.timeout(30)]


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 408])
def test_f11_a_fifth_of_all_requests_failing_costs_retries_and_no_rows(status: int, tmp_path: Path) -> None:
    rng = random.Random(SEED + status)
    fetched, server = one_day(lambda _: Fault(status) if rng.random() < 0.2 else None, tmp_path, items=95)
    assert assert_whole(fetched, 95).retries == len(server.calls) - 10, f"seed {SEED}"


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_f11_an_api_that_only_fails_is_given_up_within_the_budget(status: int, tmp_path: Path) -> None:
    error, server = one_day(always(Fault(status)), tmp_path)
    assert re.search(rf"page 1 of 2026-05-31: 8 attempts in \d\.\d s, the last: status {status}\n", str(assert_nothing(error, "GB-1301", tmp_path)))
    assert len(server.calls) == LIMITS.attempts


def test_f11_the_breaker_opens_after_three_pages_given_up_and_the_rest_is_not_asked(tmp_path: Path) -> None:
    days = [DAY - timedelta(days=back) for back in range(20)]
    with ChaosServer({}, script=always(Fault(500))) as server:
        results = list(fetch_days(FEED, access(server.url, tmp_path), days, tmp_path / "into", limits=LIMITS, workers=4))
    codes = [result.error.code for result in results if isinstance(result, DayFailed)]
    assert [result.day for result in results] == days
    assert set(codes) == {"GB-1301", "GB-1302"}
    assert codes.count("GB-1302") >= 16
    assert len(server.calls) <= (3 + 4 - 1) * LIMITS.attempts, "three budgets used up, those of the other workers begun"
    assert all(isinstance(result, DayFailed) and isinstance(result.error, TransientError) for result in results)


def test_f11_days_read_before_stay_when_the_api_goes_down(tmp_path: Path) -> None:
    down: list[bool] = []
    with ChaosServer({str(DAY): stock_of(str(DAY), 35)}, script=lambda _: Fault(500) if down else None) as server:
        there = access(server.url, tmp_path)
        before = records(fetch_day(FEED, there, DAY, tmp_path / "into", limits=LIMITS))
        down.append(True)
        with pytest.raises(TransientError, match="GB-1301"):
            fetch_day(FEED, there, DAY, tmp_path / "into", limits=LIMITS)
    assert [json.loads(line) for file in sorted((tmp_path / "into" / str(DAY)).iterdir()) for line in file.read_text().splitlines()] == before


@pytest.mark.parametrize("days_ahead", [0, 1])
def test_f11_one_failing_day_stops_no_other(days_ahead: int, tmp_path: Path) -> None:
    days = [DAY - timedelta(days=back) for back in range(6)]
    bad = str(days[days_ahead])
    with ChaosServer({str(day): stock_of(str(day), 25) for day in days}, script=lambda call: Fault(500) if call.day == bad else None) as server:
        results = list(fetch_days(FEED, access(server.url, tmp_path), days, tmp_path / "into", limits=LIMITS, workers=2))
    failed = [str(result.day) for result in results if isinstance(result, DayFailed)]
    assert failed == [bad]
    assert sorted(folder.name for folder in (tmp_path / "into").iterdir()) == sorted(str(day) for day in days if str(day) != bad)


@pytest.mark.parametrize("form", ["seconds", "date", "date without the server's own", "past date", "nonsense"])
def test_f11_retry_after_is_honoured_and_capped(form: str, tmp_path: Path) -> None:
    """The cap is 0.3 s here; a date has whole seconds, so it is always beyond the cap."""
    at = datetime.now(UTC)
    headers = {
        "seconds": (("Retry-After", "3600"),),
        "date": (("Retry-After", "Sun, 31 May 2026 10:00:07 GMT"), ("Date", "Sun, 31 May 2026 10:00:00 GMT")),
        "date without the server's own": (("Retry-After", format_datetime(at + timedelta(seconds=9), usegmt=True)),),
        "past date": (("Retry-After", "Sun, 31 May 2026 10:00:00 GMT"), ("Date", "Sun, 31 May 2026 10:00:07 GMT")),
        "nonsense": (("Retry-After", "soon"),),
    }[form]
    began = time.monotonic()
    fetched, _ = one_day(first_time(2, Fault(429, headers=headers)), tmp_path)
    waited_s = time.monotonic() - began
    assert assert_whole(fetched).retries == 1
    assert (waited_s >= 0.3) is (form not in {"past date", "nonsense"})
    assert waited_s < 2


def test_f11_a_wait_beyond_the_deadline_is_not_waited_for(tmp_path: Path) -> None:
    began = time.monotonic()
    limits = Limits(page_s=1, retry_after_max_s=30, wait_first_s=0.01)
    error, server = one_day(always(Fault(503, headers=(("Retry-After", "20"),))), tmp_path, limits=limits)
    assert_nothing(error, "GB-1301", tmp_path)
    assert (len(server.calls), time.monotonic() - began < 1) == (1, True)


def test_f12_nobody_listens(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(TransientError, match=r"GB-1301(.|\n)*8 attempts(.|\n)*refused or broke"):
        fetch_day(FEED, access(f"http://127.0.0.1:{port}", tmp_path), DAY, tmp_path / "into", limits=LIMITS)


def test_f12_a_connection_that_is_never_accepted_ends_within_the_budget(tmp_path: Path) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        filler = [socket.socket() for _ in range(4)]
        for one in filler:
            one.setblocking(False)
            one.connect_ex(deaf.getsockname())
        limits = Limits(connect_s=0.2, silence_s=0.2, attempt_s=0.3, attempts=3, page_s=2, wait_first_s=0.01)
        began = time.monotonic()
        with pytest.raises(TransientError, match="GB-1301"):
            fetch_day(FEED, access(f"http://127.0.0.1:{deaf.getsockname()[1]}", tmp_path), DAY, tmp_path / "into", limits=limits)
        assert time.monotonic() - began < 2
        for one in filler:
            one.close()


@pytest.mark.parametrize("name", PASSING)
@pytest.mark.parametrize("page", [1, 4])
def test_f12_f13_a_broken_answer_is_asked_for_again(name: str, page: int, tmp_path: Path) -> None:
    fetched, _ = one_day(first_time(page, PASSING[name]), tmp_path)
    assert assert_whole(fetched).retries == 1


@pytest.mark.parametrize("name", PASSING)
def test_f12_f13_an_answer_that_stays_broken_is_an_error_within_the_budget(name: str, tmp_path: Path) -> None:
    limits = Limits(connect_s=0.3, silence_s=0.2, attempt_s=0.3, page_s=0.8, attempts=3, wait_first_s=0.004, wait_max_s=0.02)
    began = time.monotonic()
    error, _ = one_day(always(PASSING[name]), tmp_path, limits=limits)
    assert_nothing(error, "GB-1301", tmp_path)
    assert time.monotonic() - began < 1.6


def test_f12_a_drip_is_cut_by_the_wall_clock_although_every_byte_is_in_time(tmp_path: Path) -> None:
    """requests' own time-out never fires here: a byte comes every 20 ms, the body would take a minute."""
    limits = Limits(silence_s=0.4, attempt_s=0.5, attempts=2, page_s=3, wait_first_s=0.004)
    began = time.monotonic()
    error, server = one_day(always(Fault(drip_s=0.02)), tmp_path, limits=limits)
    assert "no whole answer within 0.5 s" in str(assert_nothing(error, "GB-1301", tmp_path))
    assert (len(server.calls), 1.0 < time.monotonic() - began < 2.0) == (2, True)


def test_f12_the_deadline_of_a_day_ends_it_in_the_middle(tmp_path: Path) -> None:
    limits = Limits(day_s=0.6, wait_first_s=0.004)
    began = time.monotonic()
    error, _ = one_day(always(Fault(silent_s=0.1)), tmp_path, items=400, limits=limits)
    assert_nothing(error, "GB-1301", tmp_path)
    assert time.monotonic() - began < 1.5


def test_f12_an_abandoned_read_ends_soon_and_leaves_no_part(tmp_path: Path) -> None:
    days = [DAY - timedelta(days=back) for back in range(8)]
    with ChaosServer({str(day): stock_of(str(day), 95) for day in days}, script=always(Fault(silent_s=0.03))) as server:
        results: Iterator[DayFetch | DayFailed] = fetch_days(FEED, access(server.url, tmp_path), days, tmp_path / "into", limits=LIMITS, workers=2)
        assert isinstance(next(results), DayFetch)
        began = time.monotonic()
        results.close()  # type: ignore[attr-defined]
        assert time.monotonic() - began < 0.6
        assert all(len(list(folder.iterdir())) == 10 for folder in (tmp_path / "into").iterdir())


def test_f13_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    fetched, _ = one_day(always(Fault(prefix=b"\xef\xbb\xbf")), tmp_path)
    assert assert_whole(fetched).retries == 0


def test_f13_an_answer_without_a_length_that_ends_too_early_is_not_taken(tmp_path: Path) -> None:
    fault = Fault(headers=(("Content-Encoding", "gzip"),), body=gzip.compress(b'{"items":[]')[:-6])
    error, _ = one_day(always(fault), tmp_path)
    assert_nothing(error, "GB-1301", tmp_path)


SHAPES = {
    "items are no list": {"items": {"a": 1}},
    "items are missing": {"items_": []},
    "an item is no object": {"total": 1, "items": [1]},
    "total is no count": {"total": "many", "items": []},
    "total is negative": {"total": -1, "items": []},
    "total is missing": {"items": []},
    "token is an object": {"total": 0, "items": [], "next_page_token": {}},
    "an error with 200": {"error": "internal"},
    "a list": [],
    "null": None,
}


@pytest.mark.parametrize("name", SHAPES)
def test_f13_another_shape_is_rejected_without_another_try(name: str, tmp_path: Path) -> None:
    error, server = one_day(always(Fault(body=json.dumps(SHAPES[name]).encode())), tmp_path)
    assert_nothing(error, "GB-1306", tmp_path, DataRejectedError)
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("NaN", b'{"total":1,"items":[{"on_hand":NaN}]}'),
        ("key twice", b'{"total":1,"items":[{"sku":"A","sku":"B"}]}'),
        ("deep", b'{"total":1,"items":[{"sku":' + b"[" * 200 + b"]" * 200 + b"}]}"),
        ("100,000 levels", b"[" * 100_000),
    ],
)
def test_f13_what_json_leaves_open_is_rejected(name: str, body: bytes, tmp_path: Path) -> None:
    error, _ = one_day(always(Fault(body=body)), tmp_path)
    assert_nothing(error, "GB-1306", tmp_path, DataRejectedError)


@pytest.mark.parametrize("form", ["announced", "streamed", "packed"])
def test_f13_a_page_beyond_the_cap_is_cut_off(form: str, tmp_path: Path) -> None:
    large = b'{"total":0,"items":[' + b" " * 3_000_000 + b"]}"
    fault = {
        "announced": Fault(body=large),
        "streamed": Fault(headers=(("Transfer-Encoding", "chunked"),), body=b"2dc6c0\r\n" + large[:3_000_000] + b"\r\n"),
        "packed": Fault(headers=(("Content-Encoding", "gzip"),), body=gzip.compress(large)),
    }[form]
    error, server = one_day(always(fault), tmp_path)
    assert_nothing(error, "GB-1307", tmp_path, TerminalError)
    assert len(server.calls) == 1


@pytest.mark.parametrize(("status", "code"), [(401, "GB-1305"), (403, "GB-1305"), (400, "GB-1310"), (410, "GB-1310"), (302, "GB-1308")])
def test_f13_a_refusal_is_terminal_and_asked_once(status: int, code: str, tmp_path: Path) -> None:
    error, server = one_day(always(Fault(status, headers=(("Location", "http://example.invalid/"),))), tmp_path)
    assert_nothing(error, code, tmp_path, TerminalError)
    assert len(server.calls) == 1


def test_f13_a_404_that_does_not_say_no_snapshot_is_a_wrong_address_not_an_empty_day(tmp_path: Path) -> None:
    error, _ = one_day(always(Fault(404, body=b"<h1>Not Found</h1>")), tmp_path)
    assert_nothing(error, "GB-1308", tmp_path, TerminalError)


@pytest.mark.parametrize("name", ["error page with 200", "empty body with 200", "UTF-16", "half an UTF-8 character"])
def test_f13_an_answer_that_cannot_be_read_is_kept_with_its_bytes(name: str, tmp_path: Path) -> None:
    fault = PASSING[name]
    error, _ = one_day(lambda call: fault if call.page == 2 else None, tmp_path)
    assert_nothing(error, "GB-1301", tmp_path)
    kept = tmp_path / "deadletter" / "inventory" / str(DAY) / "page-00002.body"
    assert kept.read_bytes() == fault.body
    said = json.loads(kept.with_name("page-00002.body.reason.json").read_text())
    assert (said["feed"], said["day"], said["page"], said["size_bytes"]) == ("inventory", str(DAY), 2, len(fault.body or b""))
    assert said["reason"]
    assert len(list(kept.parent.iterdir())) == 2


def test_f13_a_truncated_document_is_kept_as_it_came_and_a_passing_one_is_not(tmp_path: Path) -> None:
    assert_nothing(one_day(always(Fault(cut=200)), tmp_path)[0], "GB-1301", tmp_path)
    kept = tmp_path / "deadletter" / "inventory" / str(DAY) / "page-00001.body"
    assert kept.stat().st_size > 0
    with pytest.raises(json.JSONDecodeError):
        json.loads(kept.read_bytes())
    assert_whole(one_day(first_time(1, PASSING["truncated document"]), tmp_path / "again")[0])
    assert not (tmp_path / "again" / "deadletter").exists()
