"""A query over the lake: asked, answered, and refused in words that show no row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from globalbev_assets.contracts.problems import closest
from globalbev_assets.errors import GlobalBevError, TerminalError
from globalbev_assets.operations.lake_views import LakeViews

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

T = TypeVar("T")
BATCH_ROWS = 10_000
_PLACE = re.compile(r"^LINE \d+: .*\n *\^+", re.MULTILINE)
_CAST = re.compile(r" (?:to|for the destination type) ([A-Z][A-Z0-9_]+)")
_COLUMN = re.compile(r"source column (\w+)")
_MISSING = re.compile(r"Table with name (\S+) does not exist")


@dataclass(frozen=True)
class Answer:
    """Columns with their types, and the rows in batches, as Python values."""

    columns: dict[str, str]
    batches: Iterator[list[tuple[Any, ...]]]


def statements(views: LakeViews, text: str) -> list[str]:
    """The statements of a text.

    Raises:
        TerminalError: GB-1501 when it does not parse, GB-1504 when one of them is no query.
    """
    import duckdb  # noqa: PLC0415

    with _refusing(views):
        found = views.connection.extract_statements(text)
    for statement in found:
        if statement.type not in (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN):
            raise TerminalError(
                "GB-1504", "Only queries are answered here.", got=f"a statement of kind {statement.type.name}",
                valid="SELECT, WITH, DESCRIBE, SUMMARIZE, SHOW, EXPLAIN", todo="Tables are written by runs alone: `globalbev backfill`, or Dagster.",
            )  # fmt: skip
    return [statement.query.strip() for statement in found]


def ask(views: LakeViews, text: str) -> Answer:
    """Ask one query.

    Raises:
        TerminalError: GB-1501 it does not fit the lake, GB-1502 a value stops it, GB-1504 it is no query or more than one, GB-1505 it
            needs too much memory, GB-1506 a table that it names cannot be shown.
    """
    found = statements(views, text)
    if len(found) != 1:
        raise TerminalError("GB-1504", "One query at a time.", got=f"{len(found)} statements", valid="one", todo="Run them one after another.")
    with _refusing(views):
        connection = _interruptible(views.connection, lambda: views.connection.execute(found[0]))
    columns = {column[0]: str(column[1]) for column in connection.description or ()}
    return Answer(columns, _batches(connection, views))


def refusal(error: Exception, views: LakeViews) -> GlobalBevError:
    """DuckDB's error as ours. What it says while it looks at the query is shown; what it says while it looks at rows may quote one."""
    import duckdb  # noqa: PLC0415

    if isinstance(error, duckdb.OutOfMemoryException):
        return TerminalError(
            "GB-1505", "The query needs more memory than there is.", got="DuckDB gave up", valid="a result or a sort that fits",
            todo="Ask for fewer days or columns, or aggregate.",
        )  # fmt: skip
    message = str(error)
    missing = _MISSING.search(message)
    if missing:
        return _no_such_table(missing.group(1), message, views)
    if isinstance(error, duckdb.ParserException | duckdb.BinderException | duckdb.CatalogException | duckdb.PermissionException):
        return TerminalError("GB-1501", "The query does not fit the lake.", got=_indented(message), todo="Correct the query.")
    return TerminalError(
        "GB-1502", "The query fails on a value.", got=_without_values(message), valid="values are not shown, they may be personal",
        todo="Use try_cast, or filter the rows that do not fit.",
    )  # fmt: skip


def _no_such_table(named: str, message: str, views: LakeViews) -> TerminalError:
    known = [str(name) for name in views.shown]
    hidden = next((f"{name}: {why}" for name, why in views.left_out.items() if named.strip('"!') in (name.table, str(name))), "")
    if hidden:
        return TerminalError(
            "GB-1506", "That table is in the lake and cannot be shown.", got=hidden, todo="Add a contract, or see `globalbev doctor`."
        )
    place = _PLACE.search(message)
    same = [name for name in known if name.endswith(f".{named}")]
    near = ", ".join(same) or closest(named, [*known, *(name.partition(".")[2] for name in known)]) or ", ".join(known)
    got = f"no table {named}" + (f"\n{place.group()}" if place else "")
    return TerminalError("GB-1501", "The query does not fit the lake.", got=_indented(got), valid=near, todo="Name the table as layer.table.")


def _without_values(message: str) -> str:
    """The kind of the error, the cast and the column that it is about, and the place in the query."""
    kind = message.partition(":")[0][:60]
    cast, column, place = _CAST.search(message), _COLUMN.search(message), _PLACE.search(message)
    words = kind + (f", a value cannot become {cast.group(1)}" if cast else "") + (f", column {column.group(1)}" if column else "")
    return _indented(words + (f"\n{place.group()}" if place else ""))


def _indented(message: str) -> str:
    """Further lines under the first one's place in an error."""
    return re.sub(r"\n+", "\n         ", message.strip())


def _batches(connection: DuckDBPyConnection, views: LakeViews) -> Iterator[list[tuple[Any, ...]]]:
    with _refusing(views):
        while batch := _interruptible(connection, lambda: connection.fetchmany(BATCH_ROWS)):
            yield batch


def _interruptible(connection: DuckDBPyConnection, work: Callable[[], T]) -> T:
    """Do the work beside this thread, so that Ctrl-C is heard: inside DuckDB the thread that Python sends signals to did not look for them for minutes."""
    with ThreadPoolExecutor(1, "query") as pool:
        answer = pool.submit(work)
        try:
            return answer.result()
        except KeyboardInterrupt:
            connection.interrupt()
            wait([answer])
            raise


@contextmanager
def _refusing(views: LakeViews) -> Iterator[None]:
    import duckdb  # noqa: PLC0415

    try:
        yield
    except duckdb.Error as error:
        raise refusal(error, views) from None
