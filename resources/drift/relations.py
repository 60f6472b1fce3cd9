"""What PostgreSQL's catalog says of the tables that bronze reads, with a small sample where only values can tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from globalbev_assets.contracts.drift import Readers, Shape, SourceField, sampled_columns
from globalbev_assets.contracts.drift_formats import forms_of
from globalbev_assets.contracts.drift_types import same_type, source_family
from globalbev_assets.contracts.model import Contract
from resources.drift.observation import Key, Observation, Record
from resources.shop import as_text

SAMPLE_ROWS, SORTED_UP_TO_ROWS = 200, 200_000
NOT_NOW = (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable, psycopg.ProgrammingError, psycopg.DataError)
"""One statement's failure, after which a connection that commits by itself is as good as before."""
Connection = psycopg.Connection[Any]
_CATALOG = """
    select wanted.name, a.attname, format_type(a.atttypid, a.atttypmod), not a.attnotnull, c.reltuples::bigint,
        exists (select from pg_index i where i.indrelid = c.oid and i.indkey[0] = a.attnum)
    from unnest(%s::text[]) as wanted(name)
    join pg_class c on c.oid = to_regclass(wanted.name)
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    order by wanted.name, a.attnum
"""


@dataclass(frozen=True)
class CatalogColumn:
    """A column as the catalog has it; ``rows`` is the planner's guess of the table's."""

    name: str
    type: str
    is_nullable: bool
    rows: int
    is_indexed: bool


def catalog(connection: Connection, relations: Sequence[str]) -> dict[str, list[CatalogColumn]]:
    """The columns of these tables in their order, in one query; a table that is not there has none."""
    found: dict[str, list[CatalogColumn]] = {relation: [] for relation in relations}
    for relation, *column in connection.execute(_CATALOG, (list(relations),)).fetchall():
        found[relation].append(CatalogColumn(*column))
    return found


def observe_relation(connection: Connection, contract: Contract, columns: Sequence[CatalogColumn], readers: Readers) -> Observation:
    """Look at one table: what the catalog says, and the forms of those columns whose type does not tell whether silver can read them."""
    relation = str(contract.source.options["relation"])
    types = {column.name: column.type for column in columns}
    forms = _forms(connection, contract, columns, _doubtful(contract, types, readers))
    fields = tuple(SourceField(one.name, one.type, one.is_nullable, forms.get(one.name, {})) for one in columns)
    keys = tuple(contract.column(name).source_in(types) or "" for name in contract.key)

    def lookup(wanted: Sequence[Key], names: Sequence[str]) -> Mapping[Key, Record]:
        try:
            return dict(_looked_up(connection, relation, types, (keys, wanted), names))
        except NOT_NOW:
            if not connection.autocommit:  # a transaction that failed cannot go on, and it is the bronze step's
                raise
            return {}

    return Observation(Shape(relation, fields), lookup, keys if all(keys) else ())


def _doubtful(contract: Contract, types: Mapping[str, str], readers: Readers) -> list[str]:
    """Columns of texts of which silver makes numbers or dates, and columns whose type is another one than the contract's."""
    names = []
    for wanted in sampled_columns(contract, readers):
        column = contract.column(wanted)
        name = column.source_in(types)
        if name is None:
            continue
        is_retyped = column.source_type is not None and not same_type(column.source_type, types[name])
        if is_retyped or source_family(types[name]) in ("text", "other"):
            names.append(name)
    return names


def _forms(connection: Connection, contract: Contract, columns: Sequence[CatalogColumn], names: Sequence[str]) -> dict[str, dict[str, int]]:
    """The forms of a sample's values: of the newest rows where they are cheap to find, else of any."""
    if not names:
        return {}
    types = {column.name: column.type for column in columns}
    newest = str(contract.source.options.get("fallback_time") or "updated_at")
    is_cheap = any(one.name == newest and (one.is_indexed or one.rows < SORTED_UP_TO_ROWS) for one in columns)
    order = sql.SQL(" order by t.{} desc nulls last").format(sql.Identifier(newest)) if is_cheap else sql.SQL("")
    query = sql.SQL("select {} from {} as t{} limit {}").format(
        sql.SQL(", ").join(as_text(name, types[name]) for name in names),
        sql.Identifier(*str(contract.source.options["relation"]).split(".")),
        order,
        sql.Literal(SAMPLE_ROWS),
    )
    rows = connection.execute(query).fetchall()
    return {name: forms_of(row[place] for row in rows) for place, name in enumerate(names)}


def _looked_up(
    connection: Connection, relation: str, types: Mapping[str, str], keys: tuple[Sequence[str], Sequence[Key]], names: Sequence[str]
) -> Iterator[tuple[Key, Record]]:
    """The rows of these keys, found by the key's own index: each part is cast from text to its column's type."""
    key_names, wanted = keys
    places = [sql.Identifier(f"k{number}") for number in range(len(key_names))]
    lists = sql.SQL(", ").join(sql.SQL("{}::text[]").format(sql.Literal([key[number] for key in wanted])) for number in range(len(key_names)))
    same = sql.SQL(" and ").join(
        sql.SQL("t.{} = w.{}::{}").format(sql.Identifier(name), place, _type(types[name])) for name, place in zip(key_names, places, strict=True)
    )
    query = sql.SQL("select {}, {} from unnest({}) as w({}) join {} as t on {}").format(
        sql.SQL(", ").join(sql.SQL("w.{}").format(place) for place in places),
        sql.SQL(", ").join(as_text(name, types[name]) for name in names),
        lists,
        sql.SQL(", ").join(places),
        sql.Identifier(*relation.split(".")),
        same,
    )
    for row in connection.execute(query).fetchall():
        yield tuple(row[: len(key_names)]), dict(zip(names, row[len(key_names) :], strict=True))


def _type(name: str) -> sql.SQL:
    """A type's name as the catalog formats it, which quotes what needs quotes."""
    return sql.SQL(name)
