"""The lake as views of one DuckDB connection: ``silver.orders``, ``gold.…``, ``quarantine.…``, ``ops.ledger``; read only and offline.

Delta's log is read by ``deltalake``, DuckDB gets Arrow datasets and pushes filters and columns down into them (its own Delta extension
would have to be downloaded). The connection is locked: no files, no network, no settings, no Python variables.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import LAYERS, Layer, TableName
from globalbev_assets.contracts.operations import operations_contracts, quarantine_contract
from globalbev_assets.errors import GlobalBevError, TerminalError
from globalbev_assets.operations.lake_masks import add_hash_function, masked, masks_of, salt_of
from resources.delta_dataset import dataset_of
from resources.ledger import is_local, local_path
from resources.settings import Settings

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_WORD = re.compile(r"[a-z][a-z0-9_]*")
# No extension is looked for, and nothing but the views can be reached: an analyst's query cannot read /etc/passwd, nor write a file.
_LOCKS = (
    ("autoinstall_known_extensions", "false"),
    ("autoload_known_extensions", "false"),
    ("python_enable_replacements", "false"),
    ("enable_external_access", "false"),
    ("lock_configuration", "true"),
)


@dataclass(frozen=True)
class LakeViews:
    """An open connection and what it shows.

    Attributes:
        connection: DuckDB's, with a view a table.
        masked: columns that are masked, by table.
        left_out: tables that are in the lake and not shown, with the reason.
    """

    connection: DuckDBPyConnection
    masked: dict[TableName, tuple[str, ...]] = field(default_factory=dict)
    left_out: dict[TableName, str] = field(default_factory=dict)
    shown: list[TableName] = field(default_factory=list)


def lake_contracts(book: ContractBook) -> dict[TableName, Contract]:
    """The contracts of all tables that the lake may hold: the book's, a quarantine a silver table, the lakehouse's own."""
    everything = [*book.values(), *(quarantine_contract(contract) for contract in book.layer("silver")), *operations_contracts()]
    return {contract.name: contract for contract in everything}


def open_views(settings: Settings, book: ContractBook, *, query: str = "", is_unmasked: bool = False) -> LakeViews:
    """Open the lake, or of it the tables that a query names: 181 files a table take 30 ms to list, a thousand tables would take long.

    Raises:
        TerminalError: GB-1503, when there is no table at all.
    """
    import duckdb  # noqa: PLC0415

    contracts = lake_contracts(book)
    there = list(present(settings.lake_root, contracts))
    if not there:
        raise TerminalError(
            "GB-1503", "There is no table in the lake.", got=settings.lake_root, valid="a lake that something was loaded into",
            todo="Load it with `globalbev demo` or `globalbev backfill FROM TO`, or set GLOBALBEV_LAKE to where it is.",
        )  # fmt: skip
    connection = duckdb.connect(config={"temp_directory": str(Path(tempfile.gettempdir()) / f"globalbev-sql-{os.getpid()}")})
    connection.execute("SET TimeZone = 'UTC'")
    views = LakeViews(connection)
    for layer in LAYERS:
        connection.execute(f"CREATE SCHEMA {layer}")
    if not is_unmasked:
        add_hash_function(connection, salt_of(settings.home))
    for name in _named(query, there):
        _show(views, name, f"{settings.lake_root}/{name.layer}/{name.table}", _masks(contracts.get(name), is_unmasked))
    connection.execute("USE memory.main")
    for setting, value in _LOCKS:
        connection.execute(f"SET {setting} = {value}")
    return views


def _masks(contract: Contract | None, is_unmasked: bool) -> Mapping[str, str] | None:
    """The masks of a table; None for one that no contract describes, which is shown to nobody but who may see everything."""
    if is_unmasked:
        return {}
    return None if contract is None else masks_of(contract)


def _show(views: LakeViews, name: TableName, path: str, masks: Mapping[str, str] | None) -> None:
    if masks is None:
        views.left_out[name] = "no contract says which of its columns are personal; --unmasked shows it"
        return
    try:
        relation = views.connection.from_arrow(dataset_of(path))
    except Exception as error:  # noqa: BLE001  one table that cannot be read is no reason to refuse the others; a query that names it says why
        views.left_out[name] = f"it cannot be read ({type(error).__name__})"
        return
    kinds = dict(zip(relation.columns, map(str, relation.types), strict=True))
    views.connection.execute(f"USE {name.layer}")
    relation.select(*[masked(column, kind, masks.get(column)) for column, kind in kinds.items()]).create_view(name.table)
    views.shown.append(name)
    hidden = tuple(column for column in kinds if column in masks)
    if hidden:
        views.masked[name] = hidden


def present(root: str, contracts: Collection[TableName]) -> Iterator[TableName]:
    """The tables that are there: in a folder those with a log, elsewhere those that can be opened."""
    if is_local(root):
        for layer in LAYERS:
            yield from _in_folder(local_path(root) / layer, layer)
        return
    from deltalake import DeltaTable  # noqa: PLC0415

    for name in contracts:
        if DeltaTable.is_deltatable(f"{root}/{name.layer}/{name.table}"):
            yield name


def _in_folder(folder: Path, layer: Layer) -> Iterator[TableName]:
    for log in sorted(folder.glob("*/_delta_log")):
        try:
            yield TableName(layer, log.parent.name)
        except GlobalBevError:
            continue  # a copy somebody put beside, "orders.bak": no table of ours


def _named(query: str, present: Collection[TableName]) -> Collection[TableName]:
    """The tables that a query may mean; all, when it names none (``SHOW ALL TABLES``, or a misspelt one, which is then told what there is)."""
    words = set(_WORD.findall(query.lower()))
    return [name for name in present if name.table in words] or present
