"""The inventory client against pages that do not add up (F14), and its breaker over several processes (F15)."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from globalbev_assets.errors import TransientError
from resources.api_feed import ApiFeed, DayFailed, DayFetch, Limits
from resources.circuit_breaker import CircuitBreaker
from resources.json_api import fetch_days

from .chaos_server import Call, ChaosServer, Fault, stock_of
from .reading import DAY, FEED, PASSING, SEED, access, always, assert_nothing, assert_whole, first_time, one_day, records

pytestmark = [pytest.mark.faults, pytest.mark.timeout(30)]


def without_last_page(page: dict[str, Any]) -> dict[str, Any]:
    return {**page, "next_page_token": None}


def with_token(token: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda page: {**page, "next_page_token": token}


def with_total(total: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda page: {**page, "total": total}


FIRST_ITEMS = stock_of(str(DAY), 10)
PAGE_FAULTS: dict[str, tuple[int, Fault, str]] = {
    "last page missing": (3, Fault(alter=without_last_page), "GB-1303"),
    "token repeated": (2, Fault(alter=with_token("t2")), "GB-1304"),
    "loop over two pages": (3, Fault(alter=with_token("t2")), "GB-1304"),
    "the first page's items again": (2, Fault(alter=lambda page: {**page, "items": FIRST_ITEMS}), "GB-1304"),
    "total not what came": (1, Fault(alter=with_total(36)), "GB-1303"),
    "total shrinks on the way": (3, Fault(alter=with_total(20)), "GB-1303"),
    "a row is missing": (2, Fault(alter=lambda page: {**page, "items": page["items"][1:]}), "GB-1303"),
    "a row too much": (2, Fault(alter=lambda page: {**page, "items": [*page["items"], {**FIRST_ITEMS[0], "sku": "NEW"}]}), "GB-1303"),
    "rows of an earlier page in place of others": (2, Fault(alter=lambda page: {**page, "items": [*page["items"][:8], *FIRST_ITEMS[8:]]}), "GB-1303"),
    "an empty page in the middle": (2, Fault(alter=lambda page: {**page, "items": []}), "GB-1303"),
    "the day is gone between two pages": (2, Fault(404, body=b'{"error":"no_snapshot"}'), "GB-1301"),
}


@pytest.mark.parametrize("name", PAGE_FAULTS)
def test_f14_pages_that_do_not_add_up_once_are_read_again(name: str, tmp_path: Path) -> None:
    page, fault, _ = PAGE_FAULTS[name]
    fetched, _ = one_day(first_time(page, fault), tmp_path)
    assert assert_whole(fetched).retries >= 1


@pytest.mark.parametrize("name", PAGE_FAULTS)
def test_f14_pages_that_never_add_up_are_an_error_and_nothing_is_there(name: str, tmp_path: Path) -> None:
    page, fault, code = PAGE_FAULTS[name]
    error, server = one_day(lambda call: fault if call.page == page else None, tmp_path)
    assert_nothing(error, code, tmp_path)
    assert len(server.calls) <= 3 * 8


def test_f14_an_endless_chain_of_new_tokens_ends_at_the_page_limit(tmp_path: Path) -> None:
    def endless(call: Call) -> Fault:
        items = [{**FIRST_ITEMS[0], "sku": f"SKU-{call.page}"}]
        return Fault(alter=lambda page: {**page, "items": items, "next_page_token": f"t{call.page + 1}"})

    error, server = one_day(endless, tmp_path, limits=Limits(pages=12, day_attempts=1, wait_first_s=0.004))
    assert "more than 12 pages" in str(assert_nothing(error, "GB-1304", tmp_path))
    assert len(server.calls) == 12


def test_f14_rows_that_come_twice_while_all_are_there_are_kept_and_counted(tmp_path: Path) -> None:
    def overlap(call: Call) -> Fault | None:
        return Fault(alter=lambda page: {**page, "items": [*page["items"], *FIRST_ITEMS[8:]]}) if call.page == 2 else None

    fetched, _ = one_day(overlap, tmp_path)
    assert isinstance(fetched, DayFetch)
    assert (fetched.items, fetched.total, fetched.repeated, fetched.retries) == (37, 35, 2, 0)


def test_f14_without_a_total_rows_that_come_twice_prove_nothing_and_are_an_error(tmp_path: Path) -> None:
    """Five of the 35 rows have no lot, so no whole key: they are no repetition of one another."""

    def overlap(call: Call) -> Fault | None:
        return Fault(alter=lambda page: {**page, "items": [*page["items"], *FIRST_ITEMS[8:]]}) if call.page == 2 else None

    feed = ApiFeed("inventory", "/v1/inventory", page_size=10, key_fields=("warehouse_id", "sku", "lot_id"), total_field=None)
    error, _ = one_day(overlap, tmp_path, feed=feed)
    assert "2 of 37 items came twice" in str(assert_nothing(error, "GB-1304", tmp_path))


def test_f14_all_faults_at_once_at_a_fifth_of_the_requests_lose_nothing(tmp_path: Path) -> None:
    """Eight days of ten pages each; whatever is drawn, a day is whole or an error that can be tried again."""
    rng = random.Random(SEED)
    quick = [fault for name, fault in PASSING.items() if "byte" not in name] + [Fault(500), Fault(429), Fault(503)]
    faults = quick + [fault for _, fault, _ in PAGE_FAULTS.values()]
    days = [DAY - timedelta(days=back) for back in range(8)]
    limits = Limits(silence_s=0.2, attempt_s=0.3, wait_first_s=0.004, wait_max_s=0.02, day_attempts=25, day_s=20, breaker_failures=50)
    with ChaosServer(
        {str(day): stock_of(str(day), 95) for day in days}, script=lambda _: rng.choice(faults) if rng.random() < 0.2 else None
    ) as server:
        results = list(fetch_days(FEED, access(server.url, tmp_path), days, tmp_path / "into", limits=limits))
    whole = [result for result in results if isinstance(result, DayFetch)]
    for result in whole:
        assert {row["record"]["sku"] for row in records(result)} == {f"SKU{number:05d}" for number in range(95)}, f"seed {SEED}"
    assert len(whole) >= 6, [str(result.error) for result in results if isinstance(result, DayFailed)]


# F15: the breaker over processes

CHILD = """
import sys
from datetime import date
from pathlib import Path
from globalbev_assets.errors import GlobalBevError
from resources.api_feed import ApiAccess, ApiFeed, Limits
from resources.json_api import fetch_day
folder, url, open_s = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
limits = Limits(attempts=2, wait_first_s=0.004, breaker_failures=1, breaker_open_s=open_s)
feed, access = ApiFeed("inventory", "/v1/inventory", page_size=10), ApiAccess(url, None, folder / "state")
try:
    print(fetch_day(feed, access, date(2026, 5, 31), folder / "into", limits=limits).items)
except GlobalBevError as error:
    print(error.code)
"""


def in_new_process(folder: Path, url: str, open_s: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), url, str(open_s)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )


def outcome(process: subprocess.Popen[str]) -> str:
    return process.communicate(timeout=20)[0].strip()


def test_f15_a_new_process_finds_the_breaker_open_and_asks_nothing(tmp_path: Path) -> None:
    with ChaosServer({}, script=always(Fault(500))) as server:
        assert outcome(in_new_process(tmp_path, server.url, 60)) == "GB-1301"
        asked = len(server.calls)
        assert outcome(in_new_process(tmp_path, server.url, 60)) == "GB-1302"
        assert len(server.calls) == asked == 2


def test_f15_after_the_wait_one_probe_is_sent_by_all_processes_together(tmp_path: Path) -> None:
    """While the API is down the probe is one request; when it is back, whoever waited for the probe goes on."""
    down = [True]
    with ChaosServer({str(DAY): stock_of(str(DAY), 35)}, script=lambda _: Fault(500, silent_s=0.2) if down[0] else Fault(silent_s=0.1)) as server:
        assert outcome(in_new_process(tmp_path, server.url, 60)) == "GB-1301"
        opened = len(server.calls)
        assert outcome(in_new_process(tmp_path, server.url, 0)) == "GB-1301"
        assert len(server.calls) == opened + 1, "a probe is one request"
        down[0] = False
        several = [in_new_process(tmp_path, server.url, 0.01) for _ in range(3)]
        assert [outcome(one) for one in several] == ["35"] * 3
    assert json.loads((tmp_path / "state" / "breaker-inventory.json").read_text())["opened_at"] is None


def test_f15_workers_wait_for_the_probe_instead_of_failing_beside_it(tmp_path: Path) -> None:
    days = [DAY - timedelta(days=back) for back in range(8)]
    down = [True]
    limits = Limits(attempts=1, wait_first_s=0.004, breaker_failures=1, breaker_open_s=0.2)
    with ChaosServer({str(day): stock_of(str(day), 15) for day in days}, script=lambda _: Fault(500) if down[0] else Fault(silent_s=0.05)) as server:
        there = access(server.url, tmp_path)
        assert isinstance(next(fetch_days(FEED, there, days, tmp_path / "into", limits=limits)), DayFailed)
        down[0] = False
        time.sleep(0.25)
        results = list(fetch_days(FEED, there, days, tmp_path / "into", limits=limits))
    assert all(isinstance(result, DayFetch) for result in results), results


def test_f15_of_all_that_find_the_wait_over_at_once_one_may_probe(tmp_path: Path) -> None:
    path = tmp_path / "breaker-inventory.json"
    CircuitBreaker(path, "http://a", failures=1, open_s=0, probe_s=30).failed(is_probe=False)
    start = threading.Barrier(12)

    def ask() -> bool:
        start.wait()
        try:
            return CircuitBreaker(path, "http://a", failures=1, open_s=0, probe_s=30).admit(0.2)
        except TransientError:
            return False

    with ThreadPoolExecutor(12) as pool:
        assert sum(future.result() for future in [pool.submit(ask) for _ in range(12)]) == 1


def test_f15_a_probe_whose_process_died_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    breaker = CircuitBreaker(tmp_path / "breaker-inventory.json", "http://a", failures=1, open_s=0, probe_s=0.2)
    breaker.failed(is_probe=False)
    assert breaker.admit(0) is True
    assert breaker.admit(2) is True, "the second probe, after the first one's time"


@pytest.mark.parametrize(
    "content", ["", "{", "null", "[]", '{"failures": "many"}', '{"address": "x", "failures": 1, "opened_at": "never", "probe_until": 0}']
)
def test_f15_a_damaged_state_is_a_closed_breaker(content: str, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "breaker-inventory.json").write_text(content)
    fetched, _ = one_day(lambda _: None, tmp_path)
    assert_whole(fetched)


def test_f15_an_open_breaker_is_for_the_address_that_failed(tmp_path: Path) -> None:
    """Otherwise a corrected setting would have to wait for the mistake's breaker."""
    limits = Limits(attempts=1, wait_first_s=0.004, breaker_failures=1)
    error, _ = one_day(always(Fault(500)), tmp_path, limits=limits)
    assert_nothing(error, "GB-1301", tmp_path)
    fetched, _ = one_day(lambda _: None, tmp_path, limits=limits)
    assert_whole(fetched)
