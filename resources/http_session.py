"""An HTTP session with hard bounds: no redirects followed elsewhere, no cookies, no hidden retries, no proxy towards this machine.

requests bounds each wait for a byte but not the whole: a server that sends a byte now and then held ``timeout=1`` for twelve
seconds (measured), headers included. So a watchdog shuts the socket down when the attempt's time is over.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from http.cookiejar import DefaultCookiePolicy
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from resources.api_errors import bad_address, malformed_token

_watches = threading.local()


class Watchdog:
    """Shuts the socket of the request that this thread makes down when its time is over."""

    def __init__(self, total_s: float) -> None:
        self.has_fired = False
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(max(total_s, 0.001), self._fire)
        self._timer.daemon = True

    def __enter__(self) -> Watchdog:
        _watches.current = self
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._timer.cancel()
        _watches.current = None

    def guard(self, connection: socket.socket | None) -> None:
        """Take note of the socket that the answer will come from."""
        self._socket = connection
        if self.has_fired:
            raise TimeoutError

    def _fire(self) -> None:
        self.has_fired = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # the plain socket's: TLS would answer politely and wait


def _guarded(kind: type[Any]) -> type[Any]:
    """A connection class that tells the thread's watchdog which socket it waits on."""

    class Guarded(kind):  # type: ignore[misc]
        def getresponse(self) -> Any:
            watch: Watchdog | None = getattr(_watches, "current", None)
            if watch is not None:
                watch.guard(self.sock)
            return super().getresponse()

    return Guarded


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _guarded(urllib3.connection.HTTPConnection)


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _guarded(urllib3.connection.HTTPSConnection)


class _BoundedAdapter(HTTPAdapter):
    """Guarded connections, and no retries below ours: they would multiply."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
        return manager


def checked_base_url(base_url: str) -> str:
    """The base URL without a trailing slash.

    Raises:
        TerminalError: GB-1308, when it is no plain http or https URL. The URL is not shown: it may hold a password.
    """
    try:
        parts = urlsplit(base_url)
        is_plain = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        is_plain = is_plain and not (parts.username or parts.password or parts.query or parts.fragment)
        is_plain = is_plain and base_url.isprintable() and " " not in base_url
    except ValueError:
        is_plain = False
    if not is_plain:
        raise bad_address("The API's base URL is malformed.", "a text that is not such a URL")
    return base_url.rstrip("/")


def _bearer(token: str | None) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    """Sets the token as requests' ``auth``: with none set it would look into ``~/.netrc`` and overwrite the header."""
    if token and not (token.isascii() and token.isprintable() and " " not in token):
        raise malformed_token()

    def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
        if token:
            request.headers["Authorization"] = f"Bearer {token}"
        return request

    return sign


def _is_loopback(host: str | None) -> bool:
    if host is None or host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@contextlib.contextmanager
def open_session(base_url: str, token: str | None, *, connections: int = 4) -> Iterator[requests.Session]:
    """A session that keeps its connections, keeps no cookies and goes to this machine without a proxy."""
    session = requests.Session()
    session.auth = _bearer(token)
    session.trust_env = not _is_loopback(urlsplit(base_url).hostname)
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.update({"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "globalbev-lakehouse"})
    adapter = _BoundedAdapter(pool_maxsize=connections, max_retries=urllib3.Retry(0, read=False))
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    try:
        yield session
    finally:
        session.close()
