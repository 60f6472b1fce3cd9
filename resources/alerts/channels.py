"""Where messages go: addresses of the settings, each for errors, warnings or both; a file of JSON lines in the home for those that none is for.

An address is a secret: it holds a token or a password. A channel is called by its place in the settings, and nothing else of it is ever shown.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from globalbev_assets.errors import TerminalError
from resources.alerts.messages import Message
from resources.alerts.observations import RANK, Severity
from resources.atomic_files import append_line
from resources.settings import Settings

FILE = "file"
TIMEOUT_S = 4.0
_SETTINGS: Mapping[str, tuple[Severity, ...]] = {"alerts": ("error", "warn"), "alerts_error": ("error",), "alerts_warn": ("warn",)}
_STATUS = re.compile(r"error=(\d{3})")
VALID = "addresses as apprise knows them, parted by spaces: workflows://…, slack://…, mailtos://…, json://… or jsons://…"


class Sender(Protocol):
    """Sends a message to one place."""

    def send(self, message: Message) -> str:
        """Send; gives back why it did not work, empty when it did."""
        ...


@dataclass(frozen=True)
class Channel:
    """One place and what goes there."""

    name: str
    severities: tuple[Severity, ...]
    address: str = field(default="", repr=False)

    def takes(self, message: Message) -> bool:
        """Whether the message is for it."""
        return any(severity in self.severities for severity in message.severities)


def channels_of(settings: Settings) -> tuple[Channel, ...]:
    """The channels that the settings name: ``alerts-1``, ``alerts_error-1`` …; the file for a severity that none of them is for."""
    found = [
        Channel(f"{name}-{number}", severities, address)
        for name, severities in _SETTINGS.items()
        for number, address in enumerate(_addresses(settings, name), 1)
    ]
    left = tuple(severity for severity in RANK if not any(severity in channel.severities for channel in found))
    return (*found, Channel(FILE, left)) if left else tuple(found)


def sender_of(channel: Channel, home: Path) -> Sender:
    """What sends to the channel.

    Raises:
        TerminalError: GB-2201, when its address is none.
    """
    return LinesFile(home / "alerts" / "alerts.jsonl") if channel.name == FILE else AppriseSender(channel)


class LinesFile:
    """A file that gets one JSON document a line."""

    def __init__(self, path: Path) -> None:
        """Take the path; the folder is made when it is written to."""
        self.path = path

    def send(self, message: Message) -> str:
        """Append the message."""
        line = {
            "id": message.id,
            "at": message.created_at.isoformat(),
            "kind": message.kind,
            "severity": message.severity,
            "incidents": list(message.incidents),
            "title": message.title,
            "body": message.body,
        }
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            append_line(self.path, json.dumps(line, ensure_ascii=False))
        except OSError as error:
            return f"the file cannot be written ({type(error).__name__})"
        return ""


class AppriseSender:
    """An address that apprise knows how to send to."""

    def __init__(self, channel: Channel) -> None:
        """Parse the channel's address.

        Raises:
            TerminalError: GB-2201.
        """
        self._apprise = _apprise()
        service = self._apprise.Apprise.instantiate(channel.address, suppress_exceptions=True)
        if service is None:
            raise _malformed(channel)
        service.socket_connect_timeout = service.socket_read_timeout = TIMEOUT_S
        self._service = service

    def send(self, message: Message) -> str:
        """Send, and test the truth of the answer: apprise raises nothing when it fails."""
        types = {"over": self._apprise.NotifyType.SUCCESS, "test": self._apprise.NotifyType.INFO}
        by_severity = {"error": self._apprise.NotifyType.FAILURE, "warn": self._apprise.NotifyType.WARNING}
        notifier = self._apprise.Apprise()
        notifier.add(self._service)
        result = notifier.notify(
            title=message.title,
            body=message.body,
            notify_type=types.get(message.kind, by_severity[message.severity]),
            body_format=self._apprise.NotifyFormat.TEXT,
        )
        if result:
            return ""
        status = next((found for entry in result.logs() if (found := _STATUS.search(entry.message))), None)
        return f"it answered {status.group(1)}" if status else "it does not answer, or refuses the message"


def _apprise() -> Any:
    import apprise  # noqa: PLC0415  0.4 s, and only where something is sent

    # Its log lines hold addresses: nothing of them may reach our handlers.
    logger = logging.getLogger(apprise.LOGGER_NAME)
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    return apprise


def _addresses(settings: Settings, name: str) -> list[str]:
    value = getattr(settings, name)
    return value.get_secret_value().split() if value else []


def _malformed(channel: Channel) -> TerminalError:
    setting, _, number = channel.name.rpartition("-")
    variable = f"GLOBALBEV_{setting.upper()}"
    return TerminalError(
        "GB-2201",
        "An alert address is malformed.",
        got=f"address {number} of {variable}; it is not shown, because it may hold a password",
        valid=VALID,
        todo=f"Correct {variable}, then `globalbev alerts test`.",
    )
