"""The types that a column may have, parsed: Spark SQL's names, so that nothing is translated between contract, Spark and Delta."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

SCALARS = frozenset(
    {"string", "boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "date", "timestamp", "timestamp_ntz", "binary", "variant"}
)
COUNTABLE = frozenset({"string", "tinyint", "smallint", "int", "bigint", "float", "double", "date", "timestamp", "decimal"})
_DELTA_NAMES = {"tinyint": "byte", "smallint": "short", "int": "integer", "bigint": "long"}
_DECIMAL = re.compile(r"decimal\((\d{1,2}),(\d{1,2})\)\Z")


@dataclass(frozen=True, slots=True)
class SqlType:
    """One type: a scalar's name, or ``decimal``, ``array``, ``map``, ``struct`` with what they hold."""

    name: str
    precision: int = 0
    scale: int = 0
    parts: tuple[SqlType, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def has_statistics(self) -> bool:
        """Whether Delta keeps the least and the greatest value of such a column."""
        return self.name in COUNTABLE


@cache
def parse_type(text: str) -> SqlType:
    """Parse such as ``bigint``, ``decimal(18,4)``, ``array<struct<rule_id:string,column:string>>``.

    Raises:
        ValueError: for anything that is no type we know.
    """
    text = text.replace(" ", "").lower()
    if text in SCALARS:
        return SqlType(text)
    found = _DECIMAL.match(text)
    if found and 0 < int(found[1]) <= 38 and int(found[2]) <= int(found[1]):
        return SqlType("decimal", int(found[1]), int(found[2]))
    outer, _, inner = text.partition("<")
    if not inner.endswith(">"):
        raise ValueError(text)
    return _nested(outer, _split(inner[:-1]), text)


def delta_type(kind: SqlType) -> Any:
    """The type in Delta's schema JSON."""
    if kind.name == "decimal":
        return f"decimal({kind.precision},{kind.scale})"
    if kind.name == "array":
        return {"type": "array", "elementType": delta_type(kind.parts[0]), "containsNull": True}
    if kind.name == "map":
        return {"type": "map", "keyType": delta_type(kind.parts[0]), "valueType": delta_type(kind.parts[1]), "valueContainsNull": True}
    if kind.name == "struct":
        fields = zip(kind.names, kind.parts, strict=True)
        return {"type": "struct", "fields": [{"name": name, "type": delta_type(part), "nullable": True, "metadata": {}} for name, part in fields]}
    return _DELTA_NAMES.get(kind.name, kind.name)


def _nested(outer: str, inner: list[str], text: str) -> SqlType:
    if outer == "array" and len(inner) == 1:
        return SqlType("array", parts=(parse_type(inner[0]),))
    if outer == "map" and len(inner) == 2:
        return SqlType("map", parts=(parse_type(inner[0]), parse_type(inner[1])))
    if outer == "struct" and all(":" in field for field in inner):
        pairs = [field.partition(":") for field in inner]
        return SqlType("struct", parts=tuple(parse_type(type_) for _, _, type_ in pairs), names=tuple(name for name, _, _ in pairs))
    raise ValueError(text)


def _split(text: str) -> list[str]:
    """Split at the commas that stand inside no bracket."""
    parts, depth = [""], 0
    for char in text:
        depth += (char in "<(") - (char in ">)")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts
