"""Telling somebody that Dagster is silent, by the addresses of the alerts' settings and without Dagster, its storage or the lake."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from pydantic import SecretStr

from resources.atomic_files import append_line
from resources.settings import Settings

# The alerts' own settings: all messages, and those about errors.
ADDRESSES = ("alerts", "alerts_error")
TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Notice:
    """One message."""

    kind: Literal["silent", "back"]
    title: str
    body: str
    at: datetime


class Notifier(Protocol):
    """Sends to one place."""

    def send(self, notice: Notice) -> str:
        """Send; gives back why it did not work, empty when it did."""
        ...


class LinesFile:
    """A file that gets one JSON document a line; the same as the alerts' when no address is set."""

    def __init__(self, path: Path) -> None:
        """Take the path; the folder is made when it is written to."""
        self._path = path

    def send(self, notice: Notice) -> str:
        """Append it."""
        severity = "error" if notice.kind == "silent" else "info"
        line = {"at": notice.at.isoformat(), "kind": f"heartbeat_{notice.kind}", "severity": severity, "title": notice.title, "body": notice.body}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            append_line(self._path, json.dumps(line, ensure_ascii=False))
        except OSError as error:
            return f"the file cannot be written ({type(error).__name__})"
        return ""


class Apprise:
    """One address of apprise; it is a secret, so it is called by its place in the settings."""

    def __init__(self, name: str, address: str) -> None:
        """Take the address; it is looked at when something is sent."""
        self._name, self._address = name, address

    def send(self, notice: Notice) -> str:
        """Send, and test the truth of the answer: apprise raises nothing when it fails."""
        import apprise  # noqa: PLC0415  half a second, and only where something is sent

        logger = logging.getLogger(apprise.LOGGER_NAME)  # its lines hold addresses
        logger.propagate = False
        logger.addHandler(logging.NullHandler())
        service = apprise.Apprise.instantiate(self._address, suppress_exceptions=True)
        if service is None:
            return f"{self._name} is malformed"
        service.socket_connect_timeout = service.socket_read_timeout = TIMEOUT_S
        kind = apprise.NotifyType.FAILURE if notice.kind == "silent" else apprise.NotifyType.SUCCESS
        notifier = apprise.Apprise()
        notifier.add(service)
        sent = notifier.notify(title=notice.title, body=notice.body, notify_type=kind, body_format=apprise.NotifyFormat.TEXT)
        return "" if sent else f"{self._name} does not answer, or refuses the message"


def notifiers(settings: Settings) -> list[Notifier]:
    """Every address that errors go to; the file when there is none."""
    found: list[Notifier] = [
        Apprise(f"address {number} of GLOBALBEV_{name.upper()}", address)
        for name in ADDRESSES
        for number, address in enumerate(_opened(getattr(settings, name, None)).split(), 1)
    ]
    return found or [LinesFile(settings.home / "alerts" / "alerts.jsonl")]


def tell(notice: Notice, to: Sequence[Notifier]) -> list[str]:
    """Send to all; why it did not work where it did not."""
    return [problem for notifier in to if (problem := notifier.send(notice))]


def _opened(value: SecretStr | None) -> str:
    return value.get_secret_value() if value is not None else ""
