"""``customProperties``: what the standard lacks, in closed lists, because its JSON Schema cannot tell a misspelt one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from globalbev_assets.contracts.problems import Problem, ProblemError, closest, malformed

OF_TABLE = frozenset(
    {"source", "upstream", "business", "erasure", "onBadRecord", "lookbackDays", "dateColumn", "partitionBy", "changeFeed"}
    | {"delivers", "remindAfterHours"}
)
OF_COLUMN = frozenset(
    {"source", "derive", "clean", "onUnreadable", "unreadableRule", "onInvalid", "onUnknown", "masking", "rawOf", "filledBy"}
    | {"sourceType", "sourceFormat", "mayBeAbsent"}
)
OF_ROW_RULE = frozenset({"expression", "nulls", "action", "column"})
OF_LIMIT = frozenset({"metric", "minimum", "maximum", "blocking"})
ACTIONS = ("quarantine", "warn")
REMIND_AFTER_HOURS = {"error": 4, "warn": 24}
"""When an alert that is still open is sent again, by severity, where the contract says no ``remindAfterHours``."""


def custom_properties(node: Mapping[str, Any], allowed: Collection[str], where: str) -> dict[str, Any]:
    """The custom properties of a node by name; GB-1022 for a name that is not in the list."""
    found = {entry["property"]: entry["value"] for entry in node.get("customProperties") or ()}
    known_keys(found, allowed, f"{where}.customProperties", "custom property")
    return found


def known_keys(found: Mapping[str, Any], allowed: Collection[str], where: str, noun: str) -> None:
    """GB-1022 for a key that is not in the list."""
    for name in found:
        if name not in allowed:
            raise ProblemError(Problem("GB-1022", where, f"There is no such {noun}.", name, closest(name, allowed) or ", ".join(sorted(allowed))))


def choice(found: Mapping[str, Any], name: str, valid: tuple[str, ...], default: str, where: str) -> Any:
    """One of a closed list of values; GB-1023 otherwise."""
    value = found.get(name, default)
    if value not in valid:
        raise malformed(f"{where}.{name}", "That choice does not exist.", repr(value), closest(str(value), valid) or ", ".join(valid))
    return value


def is_set(found: Mapping[str, Any], name: str, where: str) -> bool:
    """Whether a switch is on; off when it is not there; GB-1023 when it is neither."""
    value = found.get(name, False)
    if not isinstance(value, bool):
        raise malformed(f"{where}.{name}", "That is neither true nor false.", repr(value), "true, false")
    return value


def text(found: Mapping[str, Any], name: str, where: str) -> str | None:
    """A text, or None when it is not there; GB-1023 for anything else."""
    value = found.get(name)
    if value is not None and not isinstance(value, str):
        raise malformed(f"{where}.{name}", "A text is wanted.", repr(value))
    return value


def texts(value: Any, where: str) -> tuple[str, ...]:
    """A list of texts; GB-1023 for anything else."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise malformed(where, "A list of texts is wanted.", repr(value))
    return tuple(value)


def whole_number(found: Mapping[str, Any], name: str, where: str) -> int:
    """A whole number, 0 when it is not there; GB-1023 for anything else."""
    value = found.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool):
        raise malformed(f"{where}.{name}", "A whole number is wanted.", repr(value))
    return value
