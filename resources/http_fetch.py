"""One HTTP GET within its bounds of time and bytes.

What may be tried again leaves here as :class:`AttemptFailedError`; what may not, as an error of the project's tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import requests
import urllib3

from partitions.days import now
from resources.api_errors import bad_address, not_let_in, refused, too_large
from resources.http_session import Watchdog

_CHUNK = 64 * 1024
_TRY_AGAIN = frozenset({408, 425, 429})


class AttemptFailedError(Exception):
    """One attempt failed in a way that may pass.

    Args:
        reason: what happened, free of secrets and values.
        retry_after_s: how long the server asked to wait; None when it did not.
        body: the whole answer, where there was one that could not be read.
        doubt: code of the day's error that a sound answer which cannot be right comes to when it stays so: GB-1303, GB-1304; else empty.
    """

    def __init__(self, reason: str, *, retry_after_s: float | None = None, doubt: str = "") -> None:
        self.reason, self.retry_after_s, self.doubt = reason, retry_after_s, doubt
        self.body: bytes | None = None
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one attempt may take: seconds to connect, seconds of silence, seconds in all, bytes."""

    connect_s: float
    silence_s: float
    total_s: float
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was read to its end; ``date`` is the server's clock, as its header has it."""

    status: int
    body: bytes
    date: str = ""


def get(session: requests.Session, url: str, query: list[tuple[str, str]], bounds: Bounds, *, also: frozenset[int] = frozenset()) -> Answer:
    """GET ``url`` and read the answer whole.

    Args:
        session: from ``http_session.open_session``.
        url: address without its query.
        query: parameters, encoded here.
        bounds: what the attempt may take.
        also: further statuses that count as an answer, beside 200.

    Raises:
        AttemptFailedError: worth another try.
        TerminalError: GB-1305 not let in, GB-1307 too large, GB-1308 wrong address, GB-1310 refused.
    """
    with Watchdog(bounds.total_s) as watch:
        try:
            timeout = (min(bounds.connect_s, bounds.total_s), min(bounds.silence_s, bounds.total_s))
            with session.get(url, params=query, timeout=timeout, stream=True, allow_redirects=False) as response:
                if response.status_code != 200 and response.status_code not in also:
                    raise _unwanted(response)
                body = _read(response, bounds.size_bytes)
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema) as error:
            raise bad_address("The API's address cannot be called.", type(error).__name__) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise AttemptFailedError(_late(bounds) if watch.has_fired else _wording(error)) from None
    if watch.has_fired:  # a body without a length ends quietly when its socket is shut
        raise AttemptFailedError(_late(bounds))
    return Answer(response.status_code, body, response.headers.get("Date", ""))


def _late(bounds: Bounds) -> str:
    return f"no whole answer within {bounds.total_s:.1f} s"


def _read(response: requests.Response, size_bytes: int) -> bytes:
    body = bytearray()
    announced = response.headers.get("Content-Length", "")
    if announced.isdecimal() and int(announced[:20]) > size_bytes:
        raise too_large(size_bytes)
    for chunk in response.iter_content(_CHUNK):
        body += chunk
        if len(body) > size_bytes:
            raise too_large(size_bytes)
    return bytes(body)


def _unwanted(response: requests.Response) -> Exception:
    status = response.status_code
    if status in _TRY_AGAIN or status >= 500 or 200 < status < 300:
        return AttemptFailedError(f"status {status}", retry_after_s=_retry_after(response))
    if status in {401, 403}:
        return not_let_in(status)
    if status == 404 or 300 <= status < 400:
        return bad_address("The API's address is not the right one.", f"status {status}")
    return refused(status)


def _retry_after(response: requests.Response) -> float | None:
    """Seconds that the server asks to wait: a number, or a date taken against the server's own clock where it tells it."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text[:9])
    try:
        until = parsedate_to_datetime(text)
        since = parsedate_to_datetime(response.headers["Date"]) if "Date" in response.headers else now()
        return max(0.0, (until - since).total_seconds())
    except (ValueError, TypeError):
        return None


def _wording(error: Exception) -> str:
    """What happened, by the error's class: its text would hold the URL."""
    cases: list[tuple[type[Exception], str]] = [
        (requests.exceptions.ConnectTimeout, "no connection in time"),
        (requests.exceptions.ReadTimeout, "no byte in time"),
        (requests.exceptions.SSLError, "TLS failed"),
        (requests.exceptions.ProxyError, "the proxy failed"),
        (requests.exceptions.ChunkedEncodingError, "the answer broke off"),
        (requests.exceptions.ContentDecodingError, "the answer could not be decompressed"),
        (requests.exceptions.ConnectionError, "the connection was refused or broke"),
    ]
    return next((text for kind, text in cases if isinstance(error, kind)), f"the connection failed ({type(error).__name__})")
