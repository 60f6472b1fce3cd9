"""A first contract for a table that there is none for yet, written from a database's columns, a file's header or a document.

What it guesses is on the safe side: a name that sounds like a person's datum is marked as one. It passes the lint once its owner is named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from globalbev_assets.contracts.names import identifier
from globalbev_assets.errors import TerminalError

IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
_FORMS = (
    ("bigint", re.compile(r"[-+]?\d{1,18}\Z")),
    ("decimal(18,4)", re.compile(r"[-+]?\d{1,14}(\.\d+)?\Z")),
    ("date", re.compile(r"\d{4}-\d{2}-\d{2}\Z")),
    ("timestamp", re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[-+]\d{2}(:?\d{2})?)?\Z")),
)
_DATABASE_TYPES = {
    "smallint": "int", "integer": "int", "int": "int", "int4": "int", "bigint": "bigint", "int8": "bigint", "serial": "int", "bigserial": "bigint",
    "numeric": "decimal(18,4)", "decimal": "decimal(18,4)", "money": "decimal(18,4)", "real": "double", "double precision": "double",
    "boolean": "boolean", "bool": "boolean", "date": "date", "timestamp": "timestamp", "timestamptz": "timestamp",
    "timestamp with time zone": "timestamp", "timestamp without time zone": "timestamp",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column of the source: its name, the type that silver gives it, what the source says of it, its type there (databases)."""

    name: str
    type: str = "string"
    comment: str = ""
    source_type: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known of the new table.

    Attributes:
        table: its name in bronze and silver.
        domain: the step that publishes it.
        source: source mapping of the bronze contract, in the YAML's spelling.
        columns: columns that can be named in the lake.
        key: columns that make a row unique.
        origin: the source in words.
        left_out: columns whose names cannot be; they arrive in ``_rescued``.
    """

    table: str
    domain: str
    source: Mapping[str, Any]
    columns: tuple[SourceColumn, ...]
    key: tuple[str, ...]
    origin: str
    left_out: tuple[str, ...] = field(default=())

    @property
    def business_time(self) -> str | None:
        """The column that says the business day, for a table that is read by day."""
        return self.source.get("businessTime") if self.source.get("mode") == "by_day" else None


def contract_from_database(  # noqa: PLR0913  all but two are options
    relation: str,
    columns: Sequence[tuple[str, str]],
    *,
    domain: str,
    key: Sequence[str] = (),
    dsn: str = "GLOBALBEV_SHOP_DSN",
    business_time: str | None = None,
    fallback_time: str | None = None,
) -> Draft:
    """Draft a table of a database: ``columns`` are names with the database's types; with ``business_time`` it is read by day, else whole.

    ``fallback_time`` places rows without a business time; when it is not given it is ``updated_at``, if the table has it.
    """
    names = [name for name, _ in columns]
    fallback_time = fallback_time or next((name for name in names if name == "updated_at" and business_time), None)
    _check_times([time for time in (business_time, fallback_time) if time], names)
    source: dict[str, Any] = {"kind": "database", "dsn": dsn, "relation": relation, "mode": "by_day" if business_time else "full"}
    if business_time:
        source |= {"businessTime": business_time} | ({"fallbackTime": fallback_time} if fallback_time else {})
    typed = [
        SourceColumn(name, _DATABASE_TYPES.get(re.sub(r"\(.*\)", "", type_).strip().lower(), "string"), source_type=type_) for name, type_ in columns
    ]
    return _usable(Draft(relation.rpartition(".")[2], domain, source, tuple(typed), tuple(key), f"the table {relation}"))


def _check_times(times: Sequence[str], names: Sequence[str]) -> None:
    unknown = [time for time in times if time not in names or not IDENTIFIER.match(time)]
    if unknown:
        raise TerminalError(
            "GB-1047",
            "No contract can be written from that.",
            got=", ".join(unknown),
            valid=f"columns of the table: {', '.join(name for name in names if IDENTIFIER.match(name))}",
            todo="Correct --business-time or --fallback-time.",
        )


def contract_from_csv_header(feed: str, header: Sequence[str], rows: Sequence[Sequence[str]] = (), *, domain: str, key: Sequence[str] = ()) -> Draft:
    """Draft a feed of CSV files from a file's header and some of its rows, which the types are read from."""
    source = {"kind": "file_feed", "feed": feed, "format": "csv", "encodings": ["utf-8", "cp1252"], "delimiters": [",", ";"]}
    typed = [SourceColumn(name, _type_of([row[place] for row in rows if place < len(row)])) for place, name in enumerate(header)]
    return _usable(Draft(feed, domain, source, tuple(typed), tuple(key), f"the files of {feed}"))


def contract_from_json(
    feed: str, documents: Sequence[Mapping[str, Any]], *, domain: str, key: Sequence[str] = (), source: Mapping[str, Any] | None = None
) -> Draft:
    """Draft a feed of JSON files, or (``source`` given) a JSON API, from some documents; what is nested stays JSON text."""
    names = dict.fromkeys(name for document in documents for name in document)
    typed = [SourceColumn(name, _type_of([_as_text(document.get(name)) for document in documents])) for name in names]
    files = {"kind": "file_feed", "feed": feed, "format": "json"}
    return _usable(Draft(feed, domain, source or files, tuple(typed), tuple(key), f"the documents of {feed}"))


def _usable(draft: Draft) -> Draft:
    """The draft without the columns that cannot be named in the lake, with a key."""
    usable = tuple(column for column in draft.columns if IDENTIFIER.match(column.name))
    left_out = tuple(column.name for column in draft.columns if not IDENTIFIER.match(column.name))
    names = [column.name for column in usable]
    unknown = [name for name in draft.key if name not in names]
    if not usable or unknown or len(set(names)) != len(names):
        raise TerminalError(
            "GB-1047",
            "No contract can be written from that.",
            got=", ".join(unknown) or (f"{len(draft.columns)} columns, {len(usable)} of them with such a name" if draft.columns else "no columns"),
            valid="columns named with lower-case letters, digits and _, each once; a key among them",
            todo="Name the key, or give the source a view with such names.",
        )
    guessed = next((name for name in names if name in ("id", "sku") or name.endswith("_id")), names[0])
    key = draft.key or (guessed,)
    return replace(draft, table=identifier(draft.table), columns=_in_key_order(usable, key), key=key, left_out=left_out)


def _in_key_order(columns: Sequence[SourceColumn], key: Sequence[str]) -> tuple[SourceColumn, ...]:
    """The columns with those of the key in the key's order, which a contract asks for; a primary key may have another than its table."""
    ordered = iter(sorted((column for column in columns if column.name in key), key=lambda column: key.index(column.name)))
    return tuple(next(ordered) if column.name in key else column for column in columns)


def _type_of(values: Sequence[str | None]) -> str:
    """The narrowest type that all values have; text where there are none."""
    filled = [value.strip() for value in values if value and value.strip()]
    if filled and all(value.lower() in ("true", "false") for value in filled):
        return "boolean"
    return next((name for name, form in _FORMS if filled and all(form.match(value) for value in filled)), "string")


def _as_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)
