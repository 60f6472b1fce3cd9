"""One page of one day, within its budget of attempts and time, with the breaker asked first and told after."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import requests
import stamina

from globalbev_assets.errors import DataRejectedError, GlobalBevError, TransientError
from resources import api_page, http_fetch
from resources.api_dead_letter import keep_answer
from resources.api_errors import bad_address, incomplete, looping, no_answer
from resources.api_feed import ApiFeed, Limits
from resources.api_page import Page
from resources.circuit_breaker import CircuitBreaker
from resources.http_fetch import AttemptFailedError, Bounds
from resources.page_ledger import PageLedger

_DOUBTS = 2  # further tries for a sound page that does not fit to the others; then the day is read anew


@dataclass(frozen=True, slots=True)
class Source:
    """What all days of one read share."""

    feed: ApiFeed
    url: str
    session: requests.Session
    breaker: CircuitBreaker
    limits: Limits
    today: date  # one for the whole read: at midnight the second page must not come from another state than the first
    stop: threading.Event
    deadletter: Path | None = None


@dataclass(slots=True)
class DayBudget:
    """What the pages of one day share: the day, when its time is over (monotonic seconds), requests beyond one a page."""

    day: date
    deadline: float
    retries: int = 0


class PageReader:
    """Reads one page within its budget of attempts and time."""

    def __init__(self, source: Source, day: DayBudget, ledger: PageLedger, number: int, token: str | None) -> None:
        self._source, self._day, self._ledger, self._number, self._token = source, day, ledger, number, token
        self._limits = source.limits
        self._began = time.monotonic()
        self._deadline = min(self._began + self._limits.page_s, day.deadline)
        self._is_probe = False
        self._tries = self._doubts = 0

    def read(self) -> tuple[Page, list[int]] | None:
        """The page and the hashes of its keys; None when the API has nothing of this day."""
        limits, breaker = self._limits, self._source.breaker
        if self._source.stop.is_set():
            raise no_answer("the read was ended", limits.attempts, limits.page_s)
        self._is_probe = breaker.admit(max(0.0, self._deadline - time.monotonic()))
        tries = 1 if self._is_probe else limits.attempts
        waits = {"wait_initial": limits.wait_first_s, "wait_max": limits.wait_max_s, "wait_jitter": limits.wait_first_s}
        try:
            for attempt in stamina.retry_context(self._wait, attempts=tries, timeout=None, **waits):
                with attempt:
                    return self._attempt()
        except AttemptFailedError as failed:
            raise self._given_up(failed) from None
        except GlobalBevError:  # it answered, if not what we want: no case for the breaker
            breaker.succeeded(is_probe=self._is_probe)
            raise
        raise AssertionError("stamina either returns or raises")

    def _attempt(self) -> tuple[Page, list[int]] | None:
        feed, source = self._source.feed, self._source
        self._tries += 1
        self._day.retries += self._tries > 1
        left_s = max(0.01, self._deadline - time.monotonic())
        bounds = Bounds(self._limits.connect_s, self._limits.silence_s, min(self._limits.attempt_s, left_s), self._limits.page_bytes)
        missing = frozenset() if feed.missing_status is None else frozenset({feed.missing_status})
        answer = http_fetch.get(source.session, source.url, self._query(), bounds, also=missing)
        if answer.status in missing:
            self._check_missing(answer)
            return None
        page = self._parsed(answer.body)
        hashes = self._ledger.check(page)
        source.breaker.succeeded(is_probe=self._is_probe)
        return page, hashes

    def _parsed(self, body: bytes) -> Page:
        """The page; what cannot be read goes with its bytes to whoever gives up on it."""
        try:
            return api_page.parse_page(self._source.feed, body)
        except AttemptFailedError as failed:
            failed.body = body
            raise
        except DataRejectedError as rejected:
            self._keep(body, f"{rejected.code} {rejected.what}")
            raise

    def _keep(self, body: bytes | None, reason: str) -> None:
        """The answer's bytes, for its owner to see; a disk that has no room for them changes nothing about the day."""
        if body is not None and self._source.deadletter is not None:
            with suppress(OSError):
                keep_answer(self._source.deadletter / self._source.feed.name / str(self._day.day), self._number, body, reason)

    def _check_missing(self, answer: http_fetch.Answer) -> None:
        feed = self._source.feed
        if not api_page.says_missing(feed, answer.body):
            raise bad_address("The API does not know this address.", f"status {answer.status} for {feed.path}")
        if self._number > 1:
            raise AttemptFailedError("the day is gone between two pages")
        self._source.breaker.succeeded(is_probe=self._is_probe)

    def _query(self) -> list[tuple[str, str]]:
        feed, query = self._source.feed, list(self._source.feed.query)
        if feed.page_size_param:
            query.append((feed.page_size_param, str(feed.page_size)))
        if feed.as_of_param and self._day.day < self._source.today:
            query.append((feed.as_of_param, self._day.day.isoformat()))
        if self._token is not None:
            query.append((feed.token_param, self._token))
        return query

    def _wait(self, error: Exception) -> bool | float:
        """Whether to try again, and after how long when the server has a wish."""
        if not isinstance(error, AttemptFailedError) or self._is_called_off():
            return False
        self._doubts += bool(error.doubt)
        wait_s = min(error.retry_after_s or 0.0, self._limits.retry_after_max_s)
        if self._doubts > _DOUBTS or time.monotonic() + wait_s + self._limits.wait_first_s >= self._deadline:
            return False
        return wait_s or True

    def _is_called_off(self) -> bool:
        """Whether nobody waits for the page any more, or the other workers have found the API to be down."""
        return self._source.stop.is_set() or (not self._is_probe and self._source.breaker.is_open())

    def _given_up(self, failed: AttemptFailedError) -> TransientError:
        breaker, where = self._source.breaker, f"page {self._number} of {self._day.day}"
        self._keep(failed.body, failed.reason)
        if failed.doubt:
            breaker.succeeded(is_probe=self._is_probe)
            kind = looping if failed.doubt == "GB-1304" else incomplete
            return kind(f"{where}: {failed.reason}")
        if not self._is_probe and breaker.is_open():  # the others found out first
            return breaker.refusal()
        if not self._source.stop.is_set():
            breaker.failed(is_probe=self._is_probe)
        spent_s = time.monotonic() - self._began
        return no_answer(f"{where}: {self._tries} attempts in {spent_s:.1f} s, the last: {failed.reason}", self._limits.attempts, self._limits.page_s)
