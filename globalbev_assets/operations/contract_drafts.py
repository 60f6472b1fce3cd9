"""Drafts of contracts from what is there: a table of a database, a file of the landing zone."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from globalbev_assets.contracts.new import Draft, contract_from_csv_header, contract_from_database, contract_from_json
from globalbev_assets.errors import TerminalError
from resources.settings import Settings

SAMPLE_ROWS = 500
_COLUMNS = """
    select a.attname, format_type(a.atttypid, a.atttypmod), array_position(i.indkey::int[], a.attnum::int)
    from pg_attribute a left join pg_index i on i.indrelid = a.attrelid and i.indisprimary
    where a.attrelid = to_regclass(%s) and a.attnum > 0 and not a.attisdropped order by a.attnum
"""


@dataclass(frozen=True)
class Wish:
    """What was said of the new table on the command line; an empty key is guessed."""

    domain: str
    key: tuple[str, ...] = ()
    business_time: str | None = None
    fallback_time: str | None = None
    feed: str | None = None


def draft_from_relation(settings: Settings, relation: str, dsn_variable: str, wish: Wish) -> Draft:
    """Of a table or view of the database that ``dsn_variable`` names; its primary key is the key.

    Raises:
        TerminalError: GB-1004 no such variable, GB-1231 the database refuses, GB-1532 it has no such table.
        TransientError: GB-1230, when it does not answer.
    """
    from resources.shop import open_snapshot  # noqa: PLC0415

    with open_snapshot(settings.variable(dsn_variable)) as snapshot:
        found = snapshot.connection.execute(_COLUMNS, (relation,)).fetchall()
    if not found:
        raise TerminalError(
            "GB-1532", "The database has no such table.", got=relation[:80], valid="a table or view as schema.table that this user may see",
            todo="Correct --relation.",
        )  # fmt: skip
    primary = tuple(name for name, _, place in sorted(found, key=lambda row: row[2] or 0) if place is not None)
    columns = [(name, kind) for name, kind, _ in found]
    return contract_from_database(
        relation,
        columns,
        domain=wish.domain,
        key=wish.key or primary,
        dsn=dsn_variable,
        business_time=wish.business_time,
        fallback_time=wish.fallback_time,
    )


def draft_from_file(path: Path, wish: Wish) -> Draft:
    """Of a file, by its ending: csv, json or jsonl. The first 500 records tell the types.

    Raises:
        TerminalError: GB-1533, when it cannot be read or its records have no names.
    """
    feed, kind = wish.feed or path.stem, path.suffix.lower().lstrip(".")
    if kind == "csv":
        header, rows = _csv_sample(path)
        return contract_from_csv_header(feed, header, rows, domain=wish.domain, key=wish.key)
    readers: dict[str, Callable[[Path], list[dict[str, Any]]]] = {"json": _json_sample, "jsonl": _jsonl_sample}
    if kind not in readers:
        raise _unreadable(path, f"a file that ends in .{kind}" if kind else "a file without an ending")
    source = {"kind": "file_feed", "feed": feed, "format": kind}
    return contract_from_json(feed, readers[kind](path), domain=wish.domain, key=wish.key, source=source)


def _csv_sample(path: Path) -> tuple[list[str], list[list[str]]]:
    lines = _text(path).splitlines(keepends=True)
    header = lines[0] if lines else ""
    delimiter = max(",;", key=header.count)
    rows = list(islice(csv.reader(lines, delimiter=delimiter), SAMPLE_ROWS + 1))
    if not rows or not any(rows[0]):
        raise _unreadable(path, "no header")
    return [name.strip() for name in rows[0]], rows[1:]


def _json_sample(path: Path) -> list[dict[str, Any]]:
    try:
        document = json.loads(_text(path))
    except ValueError:
        raise _unreadable(path, "a file that is no JSON") from None
    return _objects(path, document if isinstance(document, list) else [document])


def _jsonl_sample(path: Path) -> list[dict[str, Any]]:
    return _objects(path, list(_documents(path)))


def _documents(path: Path) -> Iterator[Any]:
    for line in filter(str.strip, islice(_text(path).splitlines(), SAMPLE_ROWS)):
        try:
            yield json.loads(line)
        except ValueError:
            raise _unreadable(path, "a line that is no JSON") from None


def _objects(path: Path, documents: list[Any]) -> list[dict[str, Any]]:
    found = [one for one in documents[:SAMPLE_ROWS] if isinstance(one, dict)]
    if not any(found):
        raise _unreadable(path, "no document with fields")
    return found


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error.strerror or type(error).__name__) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _unreadable(path: Path, got: str) -> TerminalError:
    return TerminalError(
        "GB-1533", "No contract can be drafted from that file.", got=f"{path}: {got}",
        valid="a .csv with a header, a .json document or an array of them, a .jsonl with a document a line", todo="Name another file.",
    )  # fmt: skip
