"""YAML as a person would write a contract: blocks outside, one property a line inside."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_][\w ./()<>=+*-]*(?<! )\Z", re.ASCII)
_RESERVED = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{flow(str(key))}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(inner) for inner in value) + "]"
    if isinstance(value, str):
        return value if _PLAIN.match(value) and value.lower() not in _RESERVED else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)


def lines(items: list[Any], indent: int) -> str:
    """A list, one item a line."""
    return "".join(f"{' ' * indent}- {flow(item)}\n" for item in items)
