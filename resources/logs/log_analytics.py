"""Azure's Logs Ingestion API: one call, with a token. What to do when it fails is said by the error's kind, and done by the shipping."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlsplit

import requests

from globalbev_assets.errors import TerminalError
from partitions.days import now
from resources.settings import Settings

API_VERSION = "2023-01-01"
SCOPE = "https://monitor.azure.com/.default"
# A call takes 1 MB, compressed and uncompressed.
MOST_BYTES = 1_000_000
TIMEOUT_S = (5.0, 30.0)
MISCONFIGURED_S = 300.0
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class LaterError(Exception):
    """The call may work later: the receiver is down, slow or busy, or the rights are not there yet."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        self.reason, self.wait_s = reason, wait_s
        super().__init__(reason)


class RefusedError(Exception):
    """These lines will be refused again; ``is_too_large`` when fewer of them would not be."""

    def __init__(self, reason: str, *, is_too_large: bool = False) -> None:
        self.reason, self.is_too_large = reason, is_too_large
        super().__init__(reason)


class ClientCredentials:
    """Tokens of an app registration, by OAuth's client credentials; kept until five minutes before their end."""

    def __init__(self, session: requests.Session, address: str, client_id: str, secret: str) -> None:
        self._session, self._address, self._client_id, self._secret = session, address, client_id, secret
        self._token, self._until = "", 0.0

    def __call__(self, *, anew: bool = False) -> str:
        """A token; ``anew`` when the last one was refused."""
        if anew or time.monotonic() >= self._until:
            self._fetch()
        return self._token

    def _fetch(self) -> None:
        form = {"grant_type": "client_credentials", "client_id": self._client_id, "client_secret": self._secret, "scope": SCOPE}
        try:
            answer = self._session.post(self._address, data=form, timeout=TIMEOUT_S, allow_redirects=False)
        except requests.RequestException as error:
            raise LaterError(f"no token: {type(error).__name__}") from None
        if answer.status_code != 200:
            wait_s = MISCONFIGURED_S if answer.status_code in (400, 401) else retry_after_s(answer)
            raise LaterError(f"no token: status {answer.status_code}", wait_s)
        try:
            given = answer.json()
            self._token, lasts_s = str(given["access_token"]), float(given["expires_in"])
        except (ValueError, KeyError, TypeError):
            raise LaterError("no token: an answer without one") from None
        self._until = time.monotonic() + max(lasts_s - 300.0, 30.0)


class IdentityOfAzure:
    """Tokens of a managed or workload identity, by the package azure-identity, which dagster-azure brings."""

    def __init__(self, credential: Any = None) -> None:
        self._credential = credential

    def __call__(self, *, anew: bool = False) -> str:  # noqa: ARG002  azure-identity keeps tokens and knows when they end
        """A token."""
        try:
            if self._credential is None:
                from azure.identity import DefaultAzureCredential  # noqa: PLC0415  a second of imports, where logs are shipped so

                self._credential = DefaultAzureCredential()
            return str(self._credential.get_token(SCOPE).token)
        except Exception as error:  # noqa: BLE001  azure's own errors, which may not be importable
            raise LaterError(f"no token: {type(error).__name__}", MISCONFIGURED_S) from None


@dataclass(frozen=True)
class LogAnalytics:
    """One stream of one data collection rule."""

    session: requests.Session
    address: str
    token: Callable[..., str]

    def send(self, lines: Sequence[bytes]) -> None:
        """Send lines, each a JSON object, as one call.

        Raises:
            LaterError: worth another try.
            RefusedError: these lines are not.
        """
        body = gzip.compress(b"[" + b",".join(lines) + b"]", compresslevel=6)
        answer = self._post(body, self.token())
        if answer.status_code == 401:
            answer = self._post(body, self.token(anew=True))
        status = answer.status_code
        if 200 <= status < 300:
            return
        if status == 413:
            raise RefusedError("too large", is_too_large=True)
        if status == 400:
            raise RefusedError("status 400: the rows do not fit the rule's stream")
        wait_s = MISCONFIGURED_S if status in (401, 403, 404) else retry_after_s(answer)
        raise LaterError(f"status {status}", wait_s)

    def _post(self, body: bytes, token: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Content-Encoding": "gzip"}
        try:
            return self.session.post(self.address, data=body, headers=headers, timeout=TIMEOUT_S, allow_redirects=False)
        except requests.RequestException as error:
            raise LaterError(f"no answer: {type(error).__name__}") from None


def log_analytics(settings: Settings) -> LogAnalytics | None:
    """The receiver that the settings name; None when they name none.

    Raises:
        TerminalError: GB-2401 a malformed address, GB-2402 a part is missing.
    """
    if settings.log_endpoint is None:
        return None
    _check_whole(settings)
    endpoint, session = checked_address("GLOBALBEV_LOG_ENDPOINT", settings.log_endpoint), requests.Session()
    session.trust_env = urlsplit(endpoint).hostname not in _LOOPBACK
    token: Callable[..., str] = IdentityOfAzure()
    if settings.log_client_secret is not None:
        authority = checked_address("GLOBALBEV_LOG_AUTHORITY", settings.log_authority)
        address = f"{authority}/{quote(settings.log_tenant or '', safe='')}/oauth2/v2.0/token"
        token = ClientCredentials(session, address, settings.log_client_id or "", settings.log_client_secret.get_secret_value())
    rule, stream = quote(settings.log_rule or "", safe=""), quote(settings.log_stream, safe="")
    return LogAnalytics(session, f"{endpoint}/dataCollectionRules/{rule}/streams/{stream}?api-version={API_VERSION}", token)


def checked_address(variable: str, address: str, *, is_plain_allowed: bool = False) -> str:
    """The address without a trailing slash; GB-2401 unless it is https, or a loopback's http, or no secret goes there and plain http will do."""
    try:
        parts = urlsplit(address)
        is_sound = bool(parts.hostname) and not (parts.username or parts.password or parts.query or parts.fragment)
        is_sound = (
            is_sound
            and (parts.scheme == "https" or (parts.scheme == "http" and (is_plain_allowed or parts.hostname in _LOOPBACK)))
            and parts.port != 0
        )
    except ValueError:
        is_sound = False
    if not is_sound:
        raise TerminalError(
            "GB-2401",
            f"The setting {variable} is no address that logs or metrics may be sent to.",
            got="a text that is none (not shown: it may hold a secret)",
            valid="https://host, or http:// on this machine, without user, query and fragment",
            todo=f"Correct {variable}, or remove it: nothing is sent then.",
        )
    return address.rstrip("/")


def retry_after_s(answer: requests.Response) -> float | None:
    """Seconds that the receiver asks to wait; None when it does not ask."""
    text = answer.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return min(float(text[:9]), 3600.0)
    try:
        return min(max((parsedate_to_datetime(text) - now()).total_seconds(), 0.0), 3600.0)
    except (ValueError, TypeError):
        return None


def _check_whole(settings: Settings) -> None:
    needed = {"GLOBALBEV_LOG_RULE": settings.log_rule}
    if settings.log_client_secret is not None or settings.log_client_id is not None:
        needed |= {
            "GLOBALBEV_LOG_TENANT": settings.log_tenant,
            "GLOBALBEV_LOG_CLIENT_ID": settings.log_client_id,
            "GLOBALBEV_LOG_CLIENT_SECRET": "set" if settings.log_client_secret is not None else None,
        }
    missing = [name for name, value in needed.items() if not value]
    if missing:
        raise TerminalError(
            "GB-2402",
            "The shipping of logs is set in part only.",
            got=f"GLOBALBEV_LOG_ENDPOINT without {', '.join(missing)}",
            valid="endpoint and rule, and for an app registration tenant, client id and client secret",
            todo="Set what is missing, or remove GLOBALBEV_LOG_ENDPOINT.",
        )
