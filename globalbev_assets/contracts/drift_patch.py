"""What would make a contract right again: for each difference the edits that a person would make, or none where a person must decide."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from globalbev_assets.contracts import yaml_edits as edits
from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.drift import VALUES, Difference, is_essential
from globalbev_assets.contracts.drift_formats import CLEANER_OF
from globalbev_assets.contracts.drift_types import kind_of
from globalbev_assets.contracts.model import Column, Contract
from globalbev_assets.contracts.names import TableName
from globalbev_assets.contracts.new import IDENTIFIER
from globalbev_assets.contracts.new_yaml import sounds_personal


@dataclass(frozen=True)
class Change:
    """One edit of one contract; ``words`` say what it means."""

    table: TableName
    words: str
    edit: Callable[[str], str]


def changes_for(difference: Difference, book: ContractBook) -> tuple[Change, ...]:
    """The edits that accept a difference; none when it is a person's to decide."""
    contract = book[TableName.parse(difference.table)]
    if difference.kind != "added" and difference.column not in contract.column_names:
        return ()
    return tuple(_BY_KIND[difference.kind](difference, contract, book))


def _added(difference: Difference, contract: Contract, book: ContractBook) -> Iterator[Change]:  # noqa: ARG001  one form for all kinds
    if not IDENTIFIER.match(difference.column) or difference.column in contract.column_names:
        return
    column: dict[str, Any] = {"name": difference.column, "logicalType": "string", "physicalType": "string"}
    custom: list[dict[str, Any]] = []
    if sounds_personal(difference.column):
        column |= {"classification": "restricted", "tags": ["pii"]}
        custom.append({"property": "masking", "value": "redact"})
    column["description"] = f"{difference.column.replace('_', ' ').capitalize()}; new at the source, to be described."
    is_database = contract.source.kind == "database"
    custom.append({"property": "sourceType", "value": difference.found} if is_database else {"property": "mayBeAbsent", "value": True})
    column["customProperties"] = custom
    yield Change(contract.name, f"{difference.column} becomes a column", lambda text: edits.with_column(text, column))


def _missing(difference: Difference, contract: Contract, book: ContractBook) -> Iterator[Change]:
    column = contract.column(difference.column)
    if is_essential(contract, column) or any(one.is_key or not one.is_nullable for one in _silver_columns(difference, book)):
        return
    yield _custom(contract, column, "mayBeAbsent", value=True, words=f"the source may do without {column.name}; it is empty then")


def _renamed(difference: Difference, contract: Contract, book: ContractBook) -> Iterator[Change]:
    column = contract.column(difference.column)
    yield _custom(
        contract, column, "source", value=difference.found, words=f"{column.name} is read from {difference.found}, and by its old name before"
    )
    for other in book.layer("bronze"):
        options = ("business_time", "fallback_time") if other.name == contract.name else ("business_time",)  # a child's own fallback is its own
        for option in options if _same_relation(contract, other) else ():
            if other.source.options.get(option) == column.source_name:
                yield _option(other, option, difference.found)


def _retyped(difference: Difference, contract: Contract, book: ContractBook) -> Iterator[Change]:  # noqa: ARG001
    column = contract.column(difference.column)
    if difference.found.endswith(VALUES):
        form = difference.found.removesuffix(VALUES)
        yield _custom(contract, column, "sourceFormat", value=form, words=f"{column.name} is {form}; silver's rules judge the rows")
    elif "," not in difference.found.partition("(")[0]:
        words = f"{column.name} is {difference.found} at the source; silver's rules judge the rows"
        yield _custom(contract, column, "sourceType", value=difference.found, words=words)


def _format(difference: Difference, contract: Contract, book: ContractBook) -> Iterator[Change]:
    column, readers = contract.column(difference.column), _silver_columns(difference, book)
    words = f"{column.name} is written as {difference.found}"
    if not difference.is_breaking:
        yield _custom(contract, column, "sourceFormat", value=difference.found, words=words)
        return
    cleaners = [CLEANER_OF.get((kind_of(reader.type), difference.found)) for reader in readers]
    if not readers or not all(cleaners) or any(reader.clean for reader in readers):
        return
    yield _custom(contract, column, "sourceFormat", value=difference.found, words=words)
    for name, reader, cleaner in zip(difference.affects, readers, cleaners, strict=True):
        silver = book[TableName.parse(name.rpartition(".")[0])]
        yield _custom(
            silver, reader, "clean", value=cleaner, words=f"{name} is read by the cleaner {cleaner}, and as before where it is written as before"
        )


_BY_KIND: dict[str, Callable[[Difference, Contract, ContractBook], Iterator[Change]]] = {
    "added": _added,
    "missing": _missing,
    "renamed": _renamed,
    "retyped": _retyped,
    "format": _format,
}


def _custom(contract: Contract, column: Column, name: str, *, value: object, words: str) -> Change:
    return Change(contract.name, words, lambda text: edits.with_custom(text, column.name, name, value))


def _option(contract: Contract, option: str, value: str) -> Change:
    camel = {"business_time": "businessTime", "fallback_time": "fallbackTime"}[option]
    return Change(contract.name, f"its {camel} is {value}", lambda text: edits.with_source_option(text, camel, value))


def _same_relation(contract: Contract, other: Contract) -> bool:
    """Whether the other table's days are told by this one's relation: its own, or its child."""
    options, relation = other.source.options, contract.source.options.get("relation")
    parent = (options.get("parent") or {}).get("relation")
    return relation is not None and (parent == relation or (other.name == contract.name and parent is None))


def _silver_columns(difference: Difference, book: ContractBook) -> list[Column]:
    names = [name.rpartition(".") for name in difference.affects]
    return [book[TableName.parse(table)].column(column) for table, _, column in names if TableName.parse(table) in book]
