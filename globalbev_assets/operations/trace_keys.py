"""What ``globalbev trace`` is asked for: ``order:123``, ``sku:ABC``, or a bare value of which it is found out what it names.

The kinds are not a list: every silver table with a key of one column gives one, so a new table by contract can be traced at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import TableName
from globalbev_assets.contracts.problems import closest
from globalbev_assets.errors import TerminalError

LONGEST = 200
ALIASES = {"product": "sku"}
_WHOLE_NUMBERS = ("int", "bigint", "smallint")


@dataclass(frozen=True)
class Place:
    """A silver table, its bronze table, and the columns of both that hold a key."""

    silver: Contract
    bronze: Contract
    silver_column: str
    bronze_column: str


@dataclass(frozen=True)
class Key:
    """What is traced: its kind, its column, its value as it was typed."""

    kind: str
    column: str
    value: str
    home: TableName
    is_number: bool

    @property
    def texts(self) -> tuple[str, ...]:
        """How the value may stand in a source: as typed, or in capitals."""
        return tuple(dict.fromkeys((self.value, self.value.upper())))

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"


def kinds(book: ContractBook) -> dict[str, tuple[Contract, str]]:
    """The kinds of keys, each with its silver table and column."""
    found = {}
    for contract in book.layer("silver"):
        if len(contract.key) == 1:
            found[contract.key[0].removesuffix("_id")] = (contract, contract.key[0])
    return found


def parse_key(book: ContractBook, text: str) -> tuple[Key, ...]:
    """The keys that the text may mean: one where it names the kind, else one of each kind that such a value may be of.

    Raises:
        TerminalError: GB-2310 an unknown kind, GB-2311 a value that no key can have.
    """
    known = kinds(book)
    kind, separator, value = text.partition(":")
    if not separator:
        kind, value = "", text
    if not value.strip() or len(value) > LONGEST or not value.isprintable():
        raise _no_key(text, known)
    if kind:
        named = ALIASES.get(kind, kind)
        if named not in known:
            raise TerminalError(
                "GB-2310",
                "There is no such kind of key.",
                got=kind[:80],
                valid=closest(kind, known) or ", ".join(known),
                todo="Write it as kind:value, such as order:1000135.",
            )
        key = _key(named, known, value.strip())
        if key.is_number and not key.value.isdecimal():
            raise TerminalError("GB-2311", f"The key of {kind} is a whole number.", got=value[:80], valid=f"{kind}:123", todo="Correct the key.")
        return (key,)
    keys = [_key(name, known, value.strip()) for name in known]
    return tuple(key for key in keys if key.value.isdecimal() or not key.is_number)


def places(book: ContractBook, key: Key) -> list[Place]:
    """The tables whose source has the key's column: the key's own table first, the others in the order of the book."""
    found = []
    for silver in book.layer("silver"):
        table = silver.source.options.get("table")
        bronze = book.get(TableName.parse(table)) if table else None
        if bronze is None or key.column not in silver.column_names:
            continue
        column = silver.column(key.column)
        if column.is_cast and column.source_name in bronze.column_names:
            found.append(Place(silver, bronze, key.column, column.source_name))
    return sorted(found, key=lambda place: place.silver.name != key.home)


def _key(kind: str, known: Mapping[str, tuple[Contract, str]], value: str) -> Key:
    contract, column = known[kind]
    is_number = contract.column(column).type in _WHOLE_NUMBERS
    return Key(kind, column, (value.lstrip("0") or "0") if is_number and value.isdecimal() else value, contract.name, is_number)


def _no_key(text: str, known: Mapping[str, object]) -> TerminalError:
    return TerminalError(
        "GB-2312",
        "That is not a key.",
        got=repr(text)[:80],
        valid=f"kind:value, with one of {', '.join(known)}",
        todo="Write it as kind:value, such as order:1000135.",
    )
