"""What ``globalbev doctor`` looks at, and what it says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from globalbev_assets.contracts.book import ContractBook
from resources.settings import Settings

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: ok; warn: works, or will when it is needed, and somebody should know; fail: something does not work.
        topic: what was looked at, in a word or two.
        what: what was found, with figures; no secret, no personal datum.
        todo: the next thing to do, best a command; empty when all is well.
    """

    level: Level
    topic: str
    what: str
    todo: str = ""


@dataclass(frozen=True)
class Installation:
    """What the checks look at: the settings, and the contracts that can be read."""

    settings: Settings
    book: ContractBook

    def variables(self, option: str) -> list[str]:
        """The environment variables that the contracts name for their sources: ``dsn``, ``url`` or ``token``."""
        defaults = {"dsn": "GLOBALBEV_SHOP_DSN"}
        kinds = {"dsn": "database", "url": "json_api", "token": "json_api"}
        chosen = [contract.source.options for contract in self.book.values() if contract.source.kind == kinds[option]]
        return sorted({name for options in chosen if (name := options.get(option, defaults.get(option)))})


def ok(topic: str, what: str) -> Finding:
    """All is well."""
    return Finding("ok", topic, what)


def warn(topic: str, what: str, todo: str) -> Finding:
    """Somebody should know."""
    return Finding("warn", topic, what, todo)


def fail(topic: str, what: str, todo: str) -> Finding:
    """Something does not work."""
    return Finding("fail", topic, what, todo)
