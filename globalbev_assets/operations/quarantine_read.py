"""Quarantined rows as they stand: read without a JVM, found by table, day, rule, state or position; personal data masked twice.

The run masks what the contract calls personal when it writes a record; a column that a later version of the contract calls so is masked here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import TableName, position_named
from globalbev_assets.errors import TerminalError
from globalbev_assets.operations.lake_connection import connect
from globalbev_assets.operations.named import rule_words
from resources.quarantine import MASKED

if TYPE_CHECKING:
    from duckdb import DuckDBPyRelation

MOST_NAMED = 10


@dataclass(frozen=True)
class Chosen:
    """Which rows are meant; None and empty mean all."""

    day: date | None = None
    rule: str | None = None
    state: str | None = None

    def has(self, row: QuarantinedRow) -> bool:
        """Whether the row is one of them."""
        is_of_rule = self.rule is None or self.rule in row.rules
        return is_of_rule and self.day in (None, row.partition) and self.state in (None, row.state)


@dataclass(frozen=True)
class QuarantinedRow:
    """One rejected source row."""

    table_name: str
    source: str
    source_position: str
    partition: date
    errors: tuple[tuple[str, str | None], ...]
    record: str
    state: str
    first_seen: datetime
    last_seen: datetime
    attempts: int
    contract_version: str
    run_id: str
    decided_by: str | None = None
    decided_at: datetime | None = None
    decision: str | None = None

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that it broke."""
        return tuple(rule for rule, _ in self.errors)

    @property
    def position(self) -> str:
        """What names it on the command line: the key of a database row, else ``source#record``."""
        return position_named(self.source, self.source_position)

    def as_dict(self, contract: Contract) -> dict[str, Any]:
        """For a program: the errors with their words, the record parsed."""
        errors = [{"rule": rule, "column": column, "words": rule_words(contract, rule)} for rule, column in self.errors]
        return {**asdict(self), "position": self.position, "errors": errors, "record": parsed(self.record)}


def read_quarantine(lake_root: str, contracts: Iterable[Contract], book: ContractBook, chosen: Chosen | None = None) -> list[QuarantinedRow]:
    """The rows of these silver tables' quarantines, newest day first."""
    wanted = chosen or Chosen()
    found: list[QuarantinedRow] = []
    for contract in contracts:
        found += (row for row in _rows(lake_root, contract, book, wanted) if wanted.has(row))
    return sorted(found, key=lambda row: (-row.partition.toordinal(), row.table_name, row.source, row.source_position.zfill(20)))


def rules_kept(lake_root: str, contract: Contract, book: ContractBook) -> set[str]:
    """The rules that rows of the table are or were kept aside by: a rule that was mended or dropped since is still one of them."""
    return {rule for row in read_quarantine(lake_root, [contract], book) for rule in row.rules}


def find(lake_root: str, contract: Contract, book: ContractBook, positions: Sequence[str]) -> list[QuarantinedRow]:
    """The rows at these positions, in their order.

    Raises:
        TerminalError: GB-2305 a malformed position, GB-2306 no such row, GB-2307 a record number that several files have.
    """
    rows = read_quarantine(lake_root, [contract], book)
    return [_at(rows, contract, book, position) for position in positions]


def parsed(record: str) -> Any:
    """The record as an object, or its text where it is none."""
    try:
        return json.loads(record)
    except (TypeError, ValueError):
        return record


def _rows(lake_root: str, contract: Contract, book: ContractBook, wanted: Chosen) -> Iterator[QuarantinedRow]:
    name = TableName("quarantine", contract.table)
    connection = connect(lake_root, [name])
    if not connection.execute("select 1 from duckdb_views() where schema_name = 'quarantine'").fetchall():
        return
    relation = _filtered(connection.table(str(name)), wanted)
    names, personal = relation.columns, personal_fields(contract, book)
    for values in relation.fetchall():
        row = dict(zip(names, values, strict=True))
        errors = tuple((error["rule_id"], error["column"]) for error in row.pop("errors") or ())
        yield QuarantinedRow(**row | {"errors": errors, "record": masked_record(row["record"], personal)})


def _filtered(relation: DuckDBPyRelation, wanted: Chosen) -> DuckDBPyRelation:
    """Day and state are filtered by the files' statistics; the rule, inside a list, afterwards."""
    from duckdb import ColumnExpression, ConstantExpression  # noqa: PLC0415

    for column, value in (("partition", wanted.day), ("state", wanted.state)):
        if value is not None:
            relation = relation.filter(ColumnExpression(column) == ConstantExpression(value))
    return relation


def personal_fields(contract: Contract, book: ContractBook) -> set[str]:
    """The source's fields that are personal: by the silver contract, and by the bronze one."""
    columns = {column.source_name for column in contract.columns if column.is_pii} | set(contract.source.options.get("personal", ()))
    bronze = book.get(TableName.parse(contract.source.options["table"])) if contract.source.options.get("table") else None
    return columns | {column.name for column in (bronze.columns if bronze else ()) if column.is_pii}


def masked_record(record: str | None, personal: set[str]) -> str:
    """The record with every personal field hidden."""
    found = parsed(record or "{}")
    if not isinstance(found, dict) or not personal & found.keys():
        return record or "{}"
    return json.dumps({name: MASKED if name in personal and value is not None else value for name, value in found.items()}, ensure_ascii=False)


def _at(rows: Sequence[QuarantinedRow], contract: Contract, book: ContractBook, position: str) -> QuarantinedRow:
    source, separator, number = position.rpartition("#")
    _check_form(contract, book, position, number, has_source=bool(separator))
    found = [row for row in rows if row.source_position == number and (not source or row.source == source or row.source.endswith(f"/{source}"))]
    if not found:
        raise TerminalError(
            "GB-2306",
            "That row is not in quarantine.",
            got=position,
            valid=f"one of the {len(rows):,} rows of quarantine.{contract.table}",
            todo=f"`globalbev quarantine list {contract.table}` names them; `globalbev trace` says where a row went.",
        )
    if len(found) > 1:
        named = ", ".join(row.position for row in found[:MOST_NAMED]) + (", …" if len(found) > MOST_NAMED else "")
        raise TerminalError("GB-2307", "Several files have a rejected row of that number.", got=position, valid=named, todo="Name the file too.")
    return found[0]


def _check_form(contract: Contract, book: ContractBook, position: str, number: str, *, has_source: bool) -> None:
    bronze = book.get(TableName.parse(contract.source.options["table"]))
    if bronze is not None and bronze.source.kind == "database":
        key = bronze.key or (bronze.business_columns[0].name,)
        is_well_formed, form = not has_source and number.count("/") == len(key) - 1 and all(number.split("/")), "/".join(key)
    else:
        is_well_formed, form = number.isdecimal(), "the record's number, or file#number"
    if not is_well_formed:
        raise TerminalError(
            "GB-2305",
            "That is not a position of the table.",
            got=repr(position)[:80],
            valid=form,
            todo=f"`globalbev quarantine list {contract.table}` shows positions to copy.",
        )
