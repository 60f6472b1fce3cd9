"""Where each column comes from, from what the contracts say: named (``transformSourceObjects``), read under its own or another name, or computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from globalbev_assets.contracts.expressions import columns_in
from globalbev_assets.contracts.model import Column, Contract
from globalbev_assets.contracts.names import TableName


@dataclass(frozen=True, slots=True, order=True)
class ColumnOf:
    """A column of a table."""

    table: TableName
    column: str


def lineage_of(contract: Contract, contracts: Mapping[TableName, Contract]) -> dict[str, tuple[ColumnOf, ...]]:
    """The columns upstream that each business column is made from; columns of which nothing is known are left out.

    What a transform puts into a helper column (leading ``_``) the contract has to name: no expression tells it.
    """
    found: dict[str, tuple[ColumnOf, ...]] = {}
    for column in contract.business_columns:
        sources = tuple(dict.fromkeys(_sources(column, contract, contracts, found)))
        if sources:
            found[column.name] = sources
    return found


def _sources(
    column: Column, contract: Contract, contracts: Mapping[TableName, Contract], before: Mapping[str, tuple[ColumnOf, ...]]
) -> Iterable[ColumnOf]:
    if column.lineage:
        return map(_parsed, column.lineage)
    if column.raw_of:
        return before.get(column.raw_of, ())
    if column.derive:
        return (source for name in columns_in(column.derive) for source in before.get(name.partition(".")[0], ()))
    table = contract.source.options.get("table")
    upstream = contracts.get(TableName.parse(table)) if table else None
    if upstream is None:
        return ()
    named = columns_in(column.logic) if column.logic else (column.source_name,)
    return (ColumnOf(upstream.name, name) for name in (each.partition(".")[0] for each in named) if name in upstream.column_names)


def _parsed(text: str) -> ColumnOf:
    table, _, column = text.rpartition(".")
    return ColumnOf(TableName.parse(table), column)
