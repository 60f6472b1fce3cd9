"""JSON as it was sent: numbers keep their text, and what JSON forbids or leaves open is refused instead of guessed.

Python's own parser takes ``NaN``, lets the last of two equal keys win and turns ``1.10`` into ``1.1``: each would change
data without anybody seeing it. Used for the answers of HTTP APIs and for landed files.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TypeAlias

MAX_DEPTH = 100  # deeper than any record means something; 100,000 brackets end Python's parser with a RecursionError

JsonValue: TypeAlias = "dict[str, JsonValue] | list[JsonValue] | str | bool | None"


class Number(str):
    """A JSON number by its source text, so that no digit and no trailing zero is lost."""

    __slots__ = ()


class JsonFault(StrEnum):
    """Why a text is not taken as JSON."""

    SYNTAX = "invalid_json"
    DUPLICATE_KEY = "duplicate_key"
    NOT_A_NUMBER = "not_a_number"
    TOO_DEEP = "too_deep"


class MalformedJsonError(Exception):
    """The text is not JSON that can be taken; ``is_cut`` when it just ends too early. Carries no value of the text."""

    def __init__(self, fault: JsonFault, message: str, *, is_cut: bool = False) -> None:
        self.fault, self.message, self.is_cut = fault, message, is_cut
        super().__init__(message)


def _refuse_constant(_: str) -> str:
    raise MalformedJsonError(JsonFault.NOT_A_NUMBER, "NaN or Infinity stands where a number should")


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise MalformedJsonError(JsonFault.DUPLICATE_KEY, "an object names the same key twice")
    return document


_DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=_refuse_constant, object_pairs_hook=_unique)


def parse(text: str) -> JsonValue:
    """Parse one JSON text; every number becomes a :class:`Number`. Depth is the caller's to check: :func:`check_depth`, :func:`to_text`.

    Raises:
        MalformedJsonError: for broken syntax, a key named twice, ``NaN`` or ``Infinity``, or nesting that the parser does not get through.
    """
    try:
        value: JsonValue = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        is_cut = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
        raise MalformedJsonError(JsonFault.SYNTAX, f"not JSON at character {error.pos + 1} of {len(text)}", is_cut=is_cut) from None
    except RecursionError:
        raise _too_deep() from None
    return value


def parse_document(text: str) -> JsonValue:
    """Parse one JSON text of at most 100 levels.

    Raises:
        MalformedJsonError: as :func:`parse`, and when it nests deeper.
    """
    value = parse(text)
    if text.count("{") + text.count("[") > MAX_DEPTH:  # else it cannot: spares the common document the walk
        check_depth(value)
    return value


def check_depth(value: JsonValue) -> None:
    """Refuse a value of more than 100 levels; without recursion, so that the verdict does not hang on the caller's own stack.

    Raises:
        MalformedJsonError: when it nests deeper.
    """
    layer: list[JsonValue] = [value]
    for _ in range(MAX_DEPTH + 1):
        layer = [child for node in layer if isinstance(node, (dict, list)) for child in (node.values() if isinstance(node, dict) else node)]
        if not layer:
            return
    raise _too_deep()


def _too_deep() -> MalformedJsonError:
    return MalformedJsonError(JsonFault.TOO_DEEP, f"nested deeper than {MAX_DEPTH} levels")


def to_text(value: JsonValue) -> str | None:
    """A value as Bronze keeps it: text as it is, a number by its digits, anything nested as JSON text, null as None.

    Raises:
        MalformedJsonError: when it nests deeper than 100 levels.
    """
    if value is None or isinstance(value, str):
        return value
    check_depth(value)
    return _dump(value)


def _dump(value: JsonValue) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{_dump(child)}" for key, child in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_dump, value)) + "]"
    return json.dumps(value)
