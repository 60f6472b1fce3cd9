"""Which tables a command is about: names and layers by the contracts alone, anything else by Dagster, which has to load its definitions for it (2 s)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.names import TableName
from globalbev_assets.errors import TerminalError

_NAME = re.compile(r"(?:key:)?\"?[\w./-]+\"?\Z")


def selected(book: ContractBook, select: Sequence[str]) -> list[TableName]:
    """The tables, in the book's order; all where nothing is selected.

    Args:
        book: the contracts.
        select: each a layer, a table as ``layer/table``, or an expression of Dagster's asset selection syntax; several with commas between them.

    Raises:
        TerminalError: GB-1008 for an expression that Dagster does not read or that nothing fits, GB-1010, GB-1011 and GB-1029 for a name.
    """
    if not select:
        return list(book)
    found = {name for text in select for part in text.split(",") for name in _of(book, part.strip())}
    return [name for name in book if name in found]


def _of(book: ContractBook, text: str) -> Iterator[TableName]:
    layer = [name for name in book if text in (name.layer, f"group:{name.layer}")]
    if layer:
        yield from layer
    elif _NAME.match(text):
        yield book.parse(text.removeprefix("key:").strip('"')).name
    else:
        yield from _by_dagster(book, text)


def _by_dagster(book: ContractBook, text: str) -> list[TableName]:
    import dagster as dg  # noqa: PLC0415
    from dagster._check import CheckError  # noqa: PLC0415
    from dagster._core.definitions.asset_selection import DagsterInvalidAssetSelectionError  # noqa: PLC0415

    from globalbev_assets.definitions import defs  # noqa: PLC0415

    try:
        keys = dg.AssetSelection.from_string(text).resolve(defs.resolve_asset_graph(), allow_missing=True)
    except DagsterInvalidAssetSelectionError as error:
        raise _nothing(text, "Dagster does not read it") from error
    except (CheckError, NotImplementedError) as error:  # an attribute that only Dagster+ has, such as status:failed
        raise _nothing(text, f"Dagster cannot resolve it here, {type(error).__name__}") from error
    found = [name for name in book if dg.AssetKey([name.layer, name.table]) in keys]
    if not found:
        raise _nothing(text, "no table fits")
    return found


def _nothing(text: str, why: str) -> TerminalError:
    return TerminalError(
        "GB-1008",
        "Nothing is selected.",
        got=f"{text[:200]} ({why})",
        valid="a layer, a table (silver/orders), or Dagster's selection syntax (silver/orders+, +gold/executive_kpis, not group:gold)",
        todo="Correct --select. The UI's lineage shows what an expression selects.",
    )
