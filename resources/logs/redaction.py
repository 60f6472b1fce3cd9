"""Redaction: the last thing that happens to a text before it leaves the process.

Two ways at once. Values that are known to be secret (settings, variables that contracts name, passwords inside connection strings) are hidden
wherever they stand, spelt as they are or encoded for a URL; what merely looks like a secret or a personal datum is hidden by pattern.
"""

from __future__ import annotations

import logging
import os
import re
import traceback
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

from dotenv import dotenv_values
from pydantic import SecretStr

from resources.logs.patterns import HIDDEN, PERSONAL_FIELDS, RULES, SECRET_FIELD
from resources.settings import PROJECT, Settings

# Shorter values are words ("test"): they are hidden where an address or a name says that they are a password, not everywhere.
LEAST_LENGTH = 6
MOST_DEPTH = 8
SHORT = 400
_NAMES_A_SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|DSN|(?:\A|_)KEY\Z|CONNECTION_STRING|ALERT.*URL", re.IGNORECASE)
_PASSWORD_OF_DSN = re.compile(r"\bpassword\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))")


class Redactor:
    """Hides what is known to be secret and what looks secret or personal."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: frozenset[str] = frozenset()
        # A range run logs the same line for each of thousands of days.
        self._short_text = lru_cache(maxsize=4096)(self._hidden)
        self._literal: re.Pattern[str] | None = None
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Hide these values too, from now on; passwords inside them, and their spellings in a URL, with them."""
        found = {spelling for secret in secrets for part in _parts(secret) for spelling in _spellings(part) if len(spelling) >= LEAST_LENGTH}
        if not found <= self._known:
            self._known |= found
            self._literal = re.compile("|".join(re.escape(value) for value in sorted(self._known, key=len, reverse=True)))
            self._short_text.cache_clear()

    def text(self, text: str) -> str:
        """The text without secrets and personal data."""
        return self._short_text(text) if len(text) <= SHORT else self._hidden(text)

    def _hidden(self, text: str) -> str:
        hidden = self._literal.sub(HIDDEN, text) if self._literal else text
        for rule in RULES:
            hidden = rule.applied(hidden)
        return hidden

    def value(self, value: Any, depth: int = 0) -> Any:
        """The same for texts inside mappings and sequences; fields that are named after a secret or a personal datum are hidden whole."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, SecretStr) or depth >= MOST_DEPTH:
            return HIDDEN
        if isinstance(value, Mapping):
            return {self._name(name): HIDDEN if is_hidden_field(name) else self.value(inner, depth + 1) for name, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(inner, depth + 1) for inner in value]
        return self.text(str(value))

    def _name(self, name: object) -> str:
        return self.text(str(name))


def is_hidden_field(name: object) -> bool:
    """Whether a field of this name is hidden whatever it holds."""
    return isinstance(name, str) and (name.lower() in PERSONAL_FIELDS or SECRET_FIELD.search(name) is not None)


def secrets_of(settings: Settings) -> list[str]:
    """What this installation must not show: its secret settings, and every variable whose name says that it is one."""
    fields = (getattr(settings, name) for name in type(settings).model_fields)
    found = [field.get_secret_value() for field in fields if isinstance(field, SecretStr)]
    return found + secrets_of_environment()


def secrets_of_environment() -> list[str]:
    """The values of all variables, the lines of ``.env`` among them, whose names say that they are secret; a path is none."""
    variables = {**dotenv_values(PROJECT / ".env"), **os.environ}
    return [value for name, value in variables.items() if value and _NAMES_A_SECRET.search(name) and not value.startswith(("/", "."))]


class RedactingFilter(logging.Filter):
    """For handlers that we did not make: lets every record through, redacted."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact in place; always true."""
        redact_record(record)
        return True


def redact_record(record: logging.LogRecord) -> None:
    """Hide what the record's message, arguments and exception must not say; a record that says nothing of the kind stays as it is."""
    from resources.logs.error_redaction import scrubbed  # noqa: PLC0415  the two need each other

    try:
        said = record.getMessage()
    except (TypeError, ValueError):  # a library's mistake; logging would print the arguments with the traceback
        record.msg, record.args = f"{REDACTOR.text(str(record.msg))} (its arguments do not fit)", ()
        return
    hidden = REDACTOR.text(said)
    if hidden != said:
        record.msg, record.args = hidden, ()
    if record.exc_info and record.exc_info[1] is not None:
        error = scrubbed(record.exc_info[1])
        if error is not record.exc_info[1]:
            record.exc_info = (type(error), error, record.exc_info[2])
            record.exc_text = "".join(traceback.format_exception(error)).rstrip("\n")
    if record.exc_text:
        record.exc_text = REDACTOR.text(record.exc_text)


REDACTOR = Redactor()


def _parts(secret: str) -> set[str]:
    """A secret, and the password in it when it is a connection string; of a list of addresses each one."""
    parts = {secret, secret.strip()} | {piece for piece in secret.split() if "://" in piece}
    if "postgres" in secret or "password" in secret:
        from psycopg import ProgrammingError  # noqa: PLC0415  150 ms that a token need not wait
        from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415

        with suppress(ProgrammingError):  # as libpq reads it, which takes more than a URL
            parts.add(str(conninfo_to_dict(secret.strip()).get("password") or ""))
    try:
        address = urlsplit(secret)
        parts |= {unquote(address.password), address.password} if address.password else set()
    except ValueError:
        pass
    parts |= {quoted or plain for quoted, plain in _PASSWORD_OF_DSN.findall(secret)}
    return parts


def _spellings(secret: str) -> set[str]:
    return {secret, quote(secret, safe=""), quote_plus(secret), secret.replace("\\", "\\\\").replace('"', '\\"')}
