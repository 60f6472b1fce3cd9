"""Predicates and statements for Delta, from parsed values only: a name, a path or a day is never pasted in as text."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

from globalbev_assets.contracts.names import identifier
from globalbev_assets.errors import TerminalError
from partitions.days import DayRange
from resources.places import Catalogued


def day_literal(day: date) -> str:
    """A DATE literal."""
    return f"DATE'{day.isoformat()}'"


def days_predicate(column: str, days: Collection[date]) -> str:
    """A predicate with literal bounds that holds for exactly these days: a range where they follow on each other, else a list.

    Delta prunes partitions, and tells disjoint writers apart, by literals only.
    """
    name, ordered = quoted(column), sorted(days)
    if not ordered:
        return "false"
    span = DayRange.around(ordered)
    if len(span) == len(ordered):
        return f"{name} >= {day_literal(span.first)} AND {name} <= {day_literal(span.last)}"
    return f"{name} IN ({', '.join(day_literal(day) for day in ordered)})"


def text_literal(value: str) -> str:
    """A STRING literal; what the text holds stays text."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def quoted(column: str) -> str:
    """A column name, quoted; technical columns may start with an underscore."""
    identifier(column.lstrip("_"))
    return f"`{column}`"


def table_at(path: str) -> str:
    """A Delta table by its path or its name in a catalog; GB-1201 when the path cannot stand in a statement."""
    if isinstance(path, Catalogued):
        return ".".join(quoted(part) for part in path.split("."))
    if "`" in path or "\n" in path or not path:
        raise TerminalError(
            "GB-1201",
            "That path cannot hold a table.",
            got=repr(path)[:200],
            valid="a path without back-ticks and line breaks",
            todo="Set GLOBALBEV_LAKE to another folder.",
        )
    return f"delta.`{path}`"


def merge(target: str, source_view: str, key: Sequence[str], *, columns: Sequence[str], withdrawn: Collection[str] = ()) -> str:
    """MERGE by key. Rows marked ``_is_deleted`` leave the target.

    A matched row is replaced only by the same or a newer ``_version``; by any, where it came from a ``withdrawn`` source.
    """
    on = " AND ".join(f"t.{quoted(name)} <=> s.{quoted(name)}" for name in key)
    values = ", ".join(f"t.{quoted(name)} = s.{quoted(name)}" for name in columns)
    listed, taken = ", ".join(quoted(name) for name in columns), ", ".join(f"s.{quoted(name)}" for name in columns)
    is_withdrawn = f" OR t._source IN ({', '.join(text_literal(name) for name in sorted(withdrawn))})" if withdrawn else ""
    parts = [
        f"MERGE INTO {table_at(target)} t USING {identifier(source_view)} s ON {on}",
        "WHEN MATCHED AND s._is_deleted THEN DELETE",
        f"WHEN MATCHED AND (s._version >= t._version{is_withdrawn}) THEN UPDATE SET {values}",
        f"WHEN NOT MATCHED AND NOT s._is_deleted THEN INSERT ({listed}) VALUES ({taken})",  # noqa: S608  all parts are parsed
    ]
    return "\n".join(parts)
