"""Exceptions without secrets: a copy where the original says too much, the original where it does not.

Dagster keeps the text and the traceback of whatever a step, a check or a sensor raises. All of it passes one method of Dagster's,
``SerializableErrorInfo.from_traceback``, which has no hook for this: it is wrapped, and a test tells when Dagster changes it.
"""

from __future__ import annotations

import traceback
from functools import cache
from typing import Any

from globalbev_assets.errors import GlobalBevError
from resources.logs.redaction import REDACTOR


class RedactedError(Exception):
    """Stands for an exception whose text held a secret or a personal datum."""

    def __init__(self, kind: str, text: str) -> None:
        self.kind, self.text = kind, text
        super().__init__(kind, text)

    def __str__(self) -> str:
        """The kind of the original and what is left of its words."""
        return f"{self.kind}: {self.text}"


def scrubbed(error: BaseException) -> BaseException:
    """The error, or a copy without secrets, its causes included; the copy keeps traceback and, for an error of ours, its type and code."""
    chain = _chain(error)
    if all(_is_clean(each) for each in chain):
        return error
    copies = {id(each): _copy(each) for each in chain}
    for each in chain:
        copy = copies[id(each)]
        copy.__traceback__ = each.__traceback__
        copy.__cause__ = copies.get(id(each.__cause__))
        copy.__context__ = copies.get(id(each.__context__))
        copy.__suppress_context__ = each.__suppress_context__
    return copies[id(error)]


def redact_errors_of_dagster() -> None:
    """From now on Dagster keeps errors of this process redacted: message, cause, context and the source lines of the traceback."""
    _wrap_from_traceback()


@cache
def _wrap_from_traceback() -> None:
    from dagster_shared.error import SerializableErrorInfo  # noqa: PLC0415

    original = SerializableErrorInfo.from_traceback.__func__  # type: ignore[attr-defined]

    def from_traceback(kind: Any, found: traceback.TracebackException) -> Any:
        return _redacted(original(kind, found))

    SerializableErrorInfo.from_traceback = classmethod(from_traceback)  # type: ignore[method-assign,assignment]


def _redacted(info: Any) -> Any:
    """Causes and contexts were made by the same method, so they are redacted already."""
    return info._replace(message=REDACTOR.text(info.message), stack=[REDACTOR.text(line) for line in info.stack])


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is not None and all(each is not known for known in found):
            found.append(each)
            waiting += [each.__cause__, None if each.__suppress_context__ else each.__context__]
    return found


def _is_clean(error: BaseException) -> bool:
    said = _said(error)
    return REDACTOR.text(said) == said and all(REDACTOR.text(note) == note for note in getattr(error, "__notes__", ()))


def _copy(error: BaseException) -> BaseException:
    if isinstance(error, GlobalBevError):
        hide = REDACTOR.value
        copy: BaseException = type(error)(error.code, hide(error.what), got=hide(error.got), valid=hide(error.valid), todo=hide(error.todo))
    else:
        copy = RedactedError(type(error).__qualname__, REDACTOR.text(_said(error)))
    for note in getattr(error, "__notes__", ()):
        copy.add_note(REDACTOR.text(note))
    return copy


def _said(error: BaseException) -> str:
    """``str(error)``; an exception may be unable to say even that."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001
        return "(it cannot be shown)"
