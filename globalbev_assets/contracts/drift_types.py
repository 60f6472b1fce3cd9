"""Types of a source against the types of silver: which change of a column's type still gives values that silver reads."""

from __future__ import annotations

import re

from globalbev_assets.contracts.types import parse_type

_FAMILIES: dict[str, tuple[str, ...]] = {
    "whole": ("smallint", "integer", "bigint", "int2", "int4", "int8", "int", "serial", "bigserial", "smallserial", "oid"),
    "decimal": ("numeric", "decimal"),
    "float": ("real", "double precision", "float4", "float8", "float"),
    "text": ("text", "character varying", "varchar", "character", "char", "bpchar", "citext", "name"),
    "boolean": ("boolean", "bool"),
    "date": ("date",),
    "timestamp": ("timestamp without time zone", "timestamp"),
    "timestamptz": ("timestamp with time zone", "timestamptz"),
}
_FAMILY = {name: family for family, names in _FAMILIES.items() for name in names}
TIMES = frozenset({"date", "timestamp", "timestamptz"})
NUMBERS = frozenset({"whole", "decimal"})
"""Families that add up exactly."""
_WIDTH = {"smallint": 1, "int2": 1, "integer": 2, "int": 2, "int4": 2, "bigint": 3, "int8": 3}
_BOUNDS = re.compile(r"\((\d+)(?:,\s*(-?\d+))?\)")
# For each family of a source type: the kinds of silver's types that read every value of it.
_SAFE: dict[str, frozenset[str]] = {
    "whole": frozenset({"whole", "decimal", "float"}),
    "decimal": frozenset({"decimal", "float"}),
    "float": frozenset({"float"}),
    "text": frozenset(),
    "boolean": frozenset({"boolean"}),
    "date": frozenset({"date", "timestamp"}),
    "timestamp": frozenset(),
    "timestamptz": frozenset({"date", "timestamp"}),
}


def source_family(type_name: str) -> str:
    """The family of a database's type: ``numeric(12,2)`` is a decimal; what has no family of its own (json, uuid, an enumeration) is ``other``."""
    bare = _BOUNDS.sub("", type_name.lower()).replace("  ", " ").strip()
    return "array" if bare.endswith("[]") else _FAMILY.get(bare, "other")


def kind_of(type_name: str) -> str:
    """The kind of one of silver's types: whole, decimal, float, date, timestamp, boolean, or ``text`` for all that a text can be."""
    name = parse_type(type_name).name
    if name in ("tinyint", "smallint", "int", "bigint"):
        return "whole"
    return {"decimal": "decimal", "float": "float", "double": "float", "date": "date", "timestamp": "timestamp", "boolean": "boolean"}.get(
        name, "text"
    )


def same_type(one: str, other: str) -> bool:
    """Whether two names mean the same type: ``int8`` and ``bigint``, ``numeric(12,2)`` and ``decimal(12, 2)``."""
    return (source_family(one), _bounds(one), _width(one)) == (source_family(other), _bounds(other), _width(other)) and (
        source_family(one) != "other" or one.lower() == other.lower()
    )


def is_safe(before: str, after: str, silver_type: str) -> bool:
    """Whether silver's column reads every value of the new source type as it read those of the old one.

    A text is safe only where silver keeps text. A clock without its zone is not safe where a zone was: its hours would be taken for UTC's.
    """
    kind, family = kind_of(silver_type), source_family(after)
    if kind == "text":
        return True
    if family == source_family(before) and family in ("timestamp", "text"):
        return True
    return kind in _SAFE.get(family, frozenset()) and _fits(after, silver_type)


def _fits(source: str, silver_type: str) -> bool:
    """Whether the digits of a decimal have room in silver's; one without bounds is taken to."""
    bounds, target = _bounds(source), parse_type(silver_type)
    if target.name != "decimal" or bounds is None or source_family(source) != "decimal":
        return True
    precision, scale = bounds
    return scale <= target.scale and precision - scale <= target.precision - target.scale


def _bounds(type_name: str) -> tuple[int, int] | None:
    found = _BOUNDS.search(type_name)
    return (int(found[1]), int(found[2] or 0)) if found else None


def _width(type_name: str) -> int:
    return _WIDTH.get(type_name.lower().strip(), 0)
