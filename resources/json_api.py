"""Reading days from a paged JSON API: all pages of a day, or an error and nothing.

A page is retried within its budget, a day whose pages do not add up is read anew, and an API that fails again and again is
left alone for a while (``circuit_breaker``). A day's files appear under their name when they are complete.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from datetime import date
from pathlib import Path

import stamina

from globalbev_assets.errors import GlobalBevError
from partitions.days import today
from resources import api_page
from resources.api_errors import disk, looping
from resources.api_feed import ApiAccess, ApiFeed, DayFailed, DayFetch, Limits
from resources.atomic_files import beside, replace_folder
from resources.circuit_breaker import CircuitBreaker
from resources.http_session import checked_base_url, open_session
from resources.page_ledger import PageLedger
from resources.page_reader import DayBudget, PageReader, Source
from resources.retry_log import install

install()
_UNWRITABLE = "The pages of the API cannot be written."
_STALE_S = 24 * 3600.0
_READ_ANEW = frozenset({"GB-1303", "GB-1304"})


def fetch_day(feed: ApiFeed, access: ApiAccess, day: date, into: Path, *, limits: Limits | None = None) -> DayFetch:
    """Read one day into ``<into>/<day>/page-00001.jsonl`` and so on.

    A line is ``{"_position": n, "_page": k, "record": {…}}``, the record's values texts or null: numbers by their digits, nested
    values as JSON text. Today is read as it is now, a past day by ``as_of_param``; a day to come, a past day
    of an API without that parameter, and a day that the API does not keep, are ``has_data=False``.

    Raises:
        TransientError: GB-1301 no answer within the budget, GB-1302 breaker open, GB-1303 not whole, GB-1304 pages repeat, GB-1309 disk.
        TerminalError: GB-1305 not let in, GB-1307 page too large, GB-1308 wrong address, GB-1310 refused.
        DataRejectedError: GB-1306 unexpected shape.
    """
    result = next(fetch_days(feed, access, [day], into, limits=limits, workers=1))
    if isinstance(result, DayFailed):
        raise result.error
    return result


def fetch_days(  # noqa: PLR0913  two of them are options
    feed: ApiFeed, access: ApiAccess, days: Iterable[date], into: Path, *, limits: Limits | None = None, workers: int = 4
) -> Iterator[DayFetch | DayFailed]:
    """Read several days at once; one result a day, in the order given. A day that fails stops no other."""
    limits = limits or Limits()
    base_url = checked_base_url(access.base_url)
    _prepare(into)
    state = access.state / f"breaker-{feed.name}.json"
    breaker = CircuitBreaker(state, base_url, failures=limits.breaker_failures, open_s=limits.breaker_open_s, probe_s=limits.attempt_s + 5)
    stop = threading.Event()
    with open_session(base_url, access.token, connections=workers) as session, ThreadPoolExecutor(workers, "json-api") as pool:
        source = Source(feed, base_url + feed.path, session, breaker, limits, today(), stop, access.deadletter)
        futures = [pool.submit(copy_context().run, _settled, source, day, into) for day in days]
        try:
            yield from map(Future.result, futures)
        finally:  # also when the reader of this iterator has had enough
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)


def _prepare(into: Path) -> None:
    """Make the folder and remove what a killed process left in it a day ago or earlier."""
    try:
        into.mkdir(parents=True, exist_ok=True)
        for left in into.glob(".*.tmp"):
            if time.time() - left.stat().st_mtime > _STALE_S:
                shutil.rmtree(left, ignore_errors=True)
    except OSError as error:
        raise disk(_UNWRITABLE, into, error) from error


def _settled(source: Source, day: date, into: Path) -> DayFetch | DayFailed:
    try:
        return _DayReader(source, day).read(into)
    except GlobalBevError as error:
        return DayFailed(day, error)
    except OSError as error:
        return DayFailed(day, disk(_UNWRITABLE, into, error))


class _DayReader:
    """Reads one day."""

    def __init__(self, source: Source, day: date) -> None:
        self._source, self._day = source, day
        self._budget = DayBudget(day, time.monotonic() + source.limits.day_s)

    def read(self, into: Path) -> DayFetch:
        limits = self._source.limits
        if self._day > self._source.today or (self._source.feed.as_of_param is None and self._day != self._source.today):
            return self._nothing()
        waits = {"wait_initial": limits.wait_first_s, "wait_max": limits.wait_max_s, "wait_jitter": limits.wait_first_s}
        for attempt in stamina.retry_context(_reads_anew, attempts=limits.day_attempts, timeout=limits.day_s, **waits):
            with attempt:
                self._budget.retries += attempt.num > 1
                return self._read_once(into / self._day.isoformat())
        raise AssertionError("stamina either returns or raises")

    def _read_once(self, place: Path) -> DayFetch:
        temporary = beside(place)
        temporary.mkdir()
        try:
            fetched = self._pages(temporary)
            if not fetched.has_data:
                return fetched
            replace_folder(temporary, place)
            return replace(fetched, files=tuple(place / file.name for file in fetched.files))
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _pages(self, folder: Path) -> DayFetch:
        ledger, files, token = PageLedger(self._source.feed), list[Path](), None
        while not files or token is not None:
            number = len(files) + 1
            if number > self._source.limits.pages:
                raise looping(f"more than {self._source.limits.pages} pages for {self._day}")
            got = PageReader(self._source, self._budget, ledger, number, token).read()
            if got is None:
                return self._nothing()
            page, hashes = got
            files.append(folder / f"page-{number:05d}.jsonl")
            files[-1].write_text(api_page.lines(page, number, ledger.items + 1), encoding="ascii")
            ledger.add(page, hashes)
            token = page.next_token
        return self._whole(ledger, tuple(files))

    def _whole(self, ledger: PageLedger, files: tuple[Path, ...]) -> DayFetch:
        return DayFetch(
            day=self._day,
            files=files,
            items=ledger.items,
            pages=ledger.pages,
            retries=self._budget.retries,
            as_of=ledger.as_of,
            bytes=ledger.size_bytes,
            complete=True,
            has_data=True,
            total=ledger.total,
            repeated=ledger.repeated,
        )

    def _nothing(self) -> DayFetch:
        return DayFetch(self._day, (), 0, 0, self._budget.retries, "", 0, complete=True, has_data=False)


def _reads_anew(error: Exception) -> bool:
    return isinstance(error, GlobalBevError) and error.code in _READ_ANEW
