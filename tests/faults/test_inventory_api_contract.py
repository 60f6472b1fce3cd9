"""What the API client promises its callers: values kept, secrets too, one clear error for a mistake, a second API by its description alone."""

from __future__ import annotations

import json
import logging
import os
import time
import tracemalloc
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from globalbev_assets.errors import TerminalError, TransientError
from partitions.days import today
from resources.api_feed import ApiAccess, ApiFeed, DayFetch
from resources.json_api import fetch_day, fetch_days

from .chaos_server import Call, ChaosServer, Fault, stock_of
from .reading import DAY, FEED, LIMITS, TOKEN, access, always, assert_whole, one_day, records

pytestmark = [pytest.mark.faults, pytest.mark.timeout(30)]


def test_no_secret_reaches_a_log_or_a_message(tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.DEBUG)

    def secret_token(page: dict[str, Any]) -> dict[str, Any]:
        return {**page, "next_page_token": "canary-page-token"}

    error, server = one_day(lambda call: Fault(alter=secret_token) if call.number == 1 else Fault(500), tmp_path)
    shown = f"{error} {error!r} {caplog.text} {capfd.readouterr()} {access(server.url, tmp_path)!r}"
    assert f"Bearer {TOKEN}" in server.calls[0].headers
    assert TOKEN not in shown
    assert "canary-page-token" not in str(error)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "inventory",
        "ftp://host",
        "http://",
        "http://user:hunter2@127.0.0.1",
        "http://host:port",
        "http://host/?a=hunter2",
        "http://ho st",
        "http://host:99999",
        "http://[::1",
    ],
)
def test_a_malformed_address_is_one_clear_error_that_does_not_show_it(url: str, tmp_path: Path) -> None:
    with pytest.raises(TerminalError) as caught:
        fetch_day(FEED, access(url, tmp_path), DAY, tmp_path / "into", limits=LIMITS)
    assert caught.value.code == "GB-1308"
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("token", ["two\nlines", "a blank", "schlüssel"])
def test_a_malformed_token_is_one_clear_error_that_does_not_show_it(token: str, tmp_path: Path) -> None:
    with pytest.raises(TerminalError) as caught:
        fetch_day(FEED, ApiAccess("http://127.0.0.1:9", token, tmp_path / "state"), DAY, tmp_path / "into", limits=LIMITS)
    assert caught.value.code == "GB-1305"
    assert token not in str(caught.value)


def test_a_proxy_is_not_asked_for_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    fetched, _ = one_day(lambda _: None, tmp_path)
    assert_whole(fetched)


def test_a_full_disk_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    with ChaosServer({str(DAY): stock_of(str(DAY), 35)}) as server:
        monkeypatch.setattr(Path, "write_text", full)
        with pytest.raises(TransientError, match=r"GB-1309(.|\n)*No space left on device"):
            fetch_day(FEED, access(server.url, tmp_path), DAY, tmp_path / "into", limits=LIMITS)
    assert list((tmp_path / "into").iterdir()) == []


def test_values_are_kept_as_they_were_sent(tmp_path: Path) -> None:
    sent = b'{"as_of":"x","total":1,"items":[{"a":1.10,"b":1e400,"c":123456789012345678901234567890,"d":-0,"e":true,"f":null,"g":"1.10",'
    sent += b'"h":{"k":[1.50,"x",null,false]},"i":"\\ud800 \\u0000 \xc3\xa4\\n","j":"},{\\"_position\\":"}],"next_page_token":null}'
    fetched, _ = one_day(always(Fault(body=sent)), tmp_path)
    assert isinstance(fetched, DayFetch)
    (row,) = records(fetched)
    assert row["record"] == {
        "a": "1.10",
        "b": "1e400",
        "c": "123456789012345678901234567890",
        "d": "-0",
        "e": "true",
        "f": None,
        "g": "1.10",
        "h": '{"k":[1.50,"x",null,false]}',
        "i": "\ud800 \0 ä\n",
        "j": '},{"_position":',
    }


def test_a_day_without_a_snapshot_and_a_day_to_come_have_no_data(tmp_path: Path) -> None:
    days = [date(2020, 1, 1), today() + timedelta(days=1)]
    with ChaosServer({"live": stock_of("live", 5)}) as server:
        results = list(fetch_days(FEED, access(server.url, tmp_path), days, tmp_path / "into", limits=LIMITS))
    assert [(result.has_data, result.files) for result in results if isinstance(result, DayFetch)] == [(False, ()), (False, ())]
    assert list((tmp_path / "into").iterdir()) == []


def test_today_is_read_as_it_is_now(tmp_path: Path) -> None:
    with ChaosServer({"live": stock_of("live", 25)}) as server:
        assert fetch_day(FEED, access(server.url, tmp_path), today(), tmp_path / "into", limits=LIMITS).items == 25


def test_an_empty_day_is_a_day_with_data(tmp_path: Path) -> None:
    fetched, _ = one_day(lambda _: None, tmp_path, items=0)
    assert isinstance(fetched, DayFetch)
    assert (fetched.has_data, fetched.items, fetched.pages, [file.read_text() for file in fetched.files]) == (True, 0, 1, [""])


def test_reading_a_day_again_replaces_it(tmp_path: Path) -> None:
    for items in (35, 12):
        fetched, _ = one_day(lambda _: None, tmp_path, items=items)
        assert_whole(fetched, items)
    assert len(list((tmp_path / "into" / str(DAY)).iterdir())) == 2


def test_what_a_killed_process_left_is_removed_a_day_later(tmp_path: Path) -> None:
    for name, age_s in (("old", 90_000), ("young", 60)):
        left = tmp_path / "into" / f".{DAY}.{name}.tmp"
        left.mkdir(parents=True)
        os.utime(left, (time.time() - age_s, time.time() - age_s))
    fetched, _ = one_day(lambda _: None, tmp_path)
    assert_whole(fetched)
    assert sorted(folder.name for folder in (tmp_path / "into").iterdir()) == [f".{DAY}.young.tmp", str(DAY)]


def test_another_api_is_another_description(tmp_path: Path) -> None:
    """Items below an object, page numbers as tokens, no total, no history, a fixed parameter, an unpaged list."""
    nested = ApiFeed(
        "prices",
        "/api/prices",
        items_field="data.rows",
        next_token_field="meta.next",
        token_param="page",
        page_size_param=None,
        as_of_param=None,
        total_field=None,
        query=(("currency", "EUR"),),
    )

    def answer(call: Call) -> Fault:
        return Fault(
            body=json.dumps({"data": {"rows": [{"id": call.number}]}, "meta": {"next": call.number + 1 if call.number < 3 else None}}).encode()
        )

    with ChaosServer({}, script=answer) as server:
        there = access(server.url, tmp_path)
        fetched = fetch_day(nested, there, today(), tmp_path / "into", limits=LIMITS)
        assert [row["record"] for row in records(fetched)] == [{"id": "1"}, {"id": "2"}, {"id": "3"}]
        assert "GET /api/prices?currency=EUR&page=3 HTTP/1.1" in server.calls[2].headers
        assert not fetch_day(nested, there, DAY, tmp_path / "into", limits=LIMITS).has_data, "an API without history has no past"
        assert len(server.calls) == 3
        flat = ApiFeed("flat", "/list", items_field="", next_token_field=None, total_field=None, as_of_field=None)
        server.script = always(Fault(body=b'[{"id":1},{"id":2}]'))
        assert fetch_day(flat, there, DAY, tmp_path / "into", limits=LIMITS).items == 2


@pytest.mark.parametrize(("name", "path", "page_size"), [("../x", "/a", 10), ("", "/a", 10), ("a", "a", 10), ("a", "/a", 0)])
def test_a_malformed_description_is_one_clear_error(name: str, path: str, page_size: int) -> None:
    with pytest.raises(TerminalError, match="GB-1311"):
        ApiFeed(name, path, page_size=page_size)


def test_memory_does_not_grow_with_the_number_of_pages(tmp_path: Path) -> None:
    with ChaosServer({str(DAY): stock_of(str(DAY), 20_000)}, page_size=500) as server:
        there = access(server.url, tmp_path)
        tracemalloc.start()
        fetch_day(FEED, there, DAY, tmp_path / "into", limits=LIMITS)
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    whole_bytes = sum(file.stat().st_size for file in (tmp_path / "into" / str(DAY)).iterdir())
    assert peak_bytes < whole_bytes, f"{peak_bytes} bytes for a day of {whole_bytes}"
