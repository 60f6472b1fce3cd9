"""Schema drift: what a source looks like now, compared with its contract. Pure: no source is read here.

A difference is breaking when silver could not read the table as its contract says: then its days are held. What is only new arrives in
``_rescued`` and holds nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.drift_formats import LEAST_VALUES, dominant, family_of, readable_forms
from globalbev_assets.contracts.drift_types import TIMES, is_safe, kind_of, same_type, source_family
from globalbev_assets.contracts.expressions import columns_in
from globalbev_assets.contracts.model import Column, Contract
from globalbev_assets.contracts.names import TableName

Kind = Literal["missing", "renamed", "retyped", "format", "added"]
DOCUMENT = "document"
WHOLE = "*"
"""Stands for the column where a whole table is gone."""
VALUES = " values"
"""Behind a form, where the values say what a column is and no type does."""
_HALF = 0.5

_LIKE_A_COLUMN = re.compile(r"[^\W\d]\w{0,62}(?:[ ./-]\w{1,20}){0,3}")


@dataclass(frozen=True)
class SourceField:
    """A column, a header's name or a JSON key as the source has it.

    ``type`` is the database's name of its type, else empty. ``forms`` counts a sample's values by form (:mod:`drift_formats`); it holds no value.
    """

    name: str
    type: str = ""
    is_nullable: bool = True
    forms: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Shape:
    """What one look at a source saw.

    Attributes:
        source: the source in words: ``shop.orders``, ``crm_contacts/2026-05-31/contacts.csv``, ``inventory``.
        fields: in the source's order.
        records: JSON records that were looked at; 0 where the source names its fields itself (a catalog, a header), so that none can hide.
        day: day of the delivery, for files.
    """

    source: str
    fields: tuple[SourceField, ...]
    records: int = 0
    day: date | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in the source's order."""
        return tuple(one.name for one in self.fields)

    def field(self, name: str) -> SourceField:
        """The field of that name (StopIteration when there is none)."""
        return next(one for one in self.fields if one.name == name)

    @property
    def is_certain(self) -> bool:
        """Whether a name that was not seen is not there: one document may lack what is optional, three seldom do."""
        return self.records == 0 or self.records >= LEAST_VALUES


@dataclass(frozen=True)
class Reader:
    """A silver column that is made from a bronze column; ``type`` is empty where an expression makes it."""

    name: str
    type: str = ""
    clean: str | None = None


@dataclass(frozen=True)
class Difference:
    """One thing in which a source is not what its contract says.

    Attributes:
        table: the bronze table, ``bronze.orders``.
        kind: what happened.
        column: the contract's column; the source's name for what was added.
        found: what is there now: a type, a form, the new name; empty for what is missing.
        expected: what the contract says.
        is_breaking: whether silver's days are held.
        evidence: why we think so, in counts; never a value.
        affects: the silver columns that are made from it.
    """

    table: str
    kind: Kind
    column: str
    found: str = ""
    expected: str = ""
    is_breaking: bool = False
    evidence: str = ""
    affects: tuple[str, ...] = ()

    @property
    def drift_id(self) -> str:
        """A short name that the same difference has every time."""
        text = "|".join((self.table, self.kind, self.column, self.found))
        return f"{self.table.partition('.')[2]}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"

    @property
    def words(self) -> str:
        """The difference as a sentence's part: ``column channel is missing``."""
        if self.column == WHOLE:
            return f"the table {self.expected} is gone"
        return {
            "missing": f"column {self.column} is missing",
            "renamed": f"column {self.column} is gone, and {self.found} looks like it ({self.evidence})",
            "retyped": f"column {self.column} is {self.found}, not {self.expected}",
            "format": f"column {self.column} is written as {self.found}, not as {self.expected}",
            "added": f"column {self.column} is new",
        }[self.kind]


Readers = Mapping[str, Sequence[Reader]]


def readers_of(book: ContractBook, name: TableName) -> dict[str, list[Reader]]:
    """The silver columns that are made from each column of a bronze table."""
    found: dict[str, list[Reader]] = {}
    for contract in book.layer("silver"):
        if contract.source.options.get("table") != str(name):
            continue
        for column in contract.business_columns:
            reader = f"{contract.name}.{column.name}"
            if column.logic:
                for source in columns_in(column.logic):
                    found.setdefault(source, []).append(Reader(reader))
            elif column.is_cast:
                found.setdefault(column.source_name, []).append(Reader(reader, column.type, column.clean))
    return found


def differences(contract: Contract, shape: Shape, readers: Readers, before: Mapping[str, str] | None = None) -> tuple[Difference, ...]:
    """All differences between a source and its contract, in the contract's order, what was added at the end.

    Args:
        contract: the bronze table's.
        shape: what the source looks like.
        readers: of :func:`readers_of`.
        before: the form in which each column was last seen, for those of which the contract says none.
    """
    if not shape.fields:
        return (Difference(str(contract.name), "missing", WHOLE, expected=shape.source, is_breaking=True, evidence=f"there is no {shape.source}"),)
    found = list[Difference]()
    known = set[str]()
    for column in contract.business_columns:
        name = column.source_in(shape.names)
        known |= {column.name, column.source_name}
        if name is not None:
            found += _of_column(_Judge(contract, column, readers), shape.field(name), (before or {}).get(column.name, ""))
        elif _is_missed(contract, column, shape):
            found.append(_Judge(contract, column, readers).difference("missing", expected=_said(column), is_breaking=True))
    found += [
        Difference(str(contract.name), "added", one.name, one.type, evidence=f"in {shape.source}") for one in shape.fields if one.name not in known
    ]
    return tuple(found)


def told(difference: Difference) -> Difference:
    """The difference as it is kept and shown: what a source calls its columns may be somebody's name."""
    if difference.kind == "added":
        return replace(difference, column=named(difference.column))
    return replace(difference, found=named(difference.found)) if difference.kind == "renamed" else difference


def named(name: str) -> str:
    """A source's name as it is told: as it is where it is like a name of a column, else a mark of it, because what is a value may stand there."""
    return name if _LIKE_A_COLUMN.fullmatch(name) else f"name-{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:6]}"


def is_essential(contract: Contract, column: Column) -> bool:
    """Whether bronze cannot store a day without it: a part of the key, or the time that says the day."""
    return column.is_key or is_time(contract, column)


def is_time(contract: Contract, column: Column) -> bool:
    """Whether the column says a row's business day, or stands in for the one that does."""
    options = contract.source.options
    times = {options.get("fallback_time")} | (set() if options.get("parent") else {options.get("business_time")})
    return contract.source.kind == "database" and options.get("mode") == "by_day" and column.source_name in times


def forms_seen(contract: Contract, shape: Shape, readers: Readers) -> dict[str, str]:
    """The form that four fifths of a column's values have, for the columns of which silver makes dates and times: what the next look compares with."""
    found = {}
    for column in contract.business_columns:
        name = column.source_in(shape.names)
        form = dominant(shape.field(name).forms) if name else ""
        if form and "date" in {_wanted(reader) for reader in readers.get(column.name, ())}:
            found[column.name] = form
    return found


def sampled_columns(contract: Contract, readers: Readers) -> tuple[str, ...]:
    """The columns whose values have a form worth looking at: those of which silver makes numbers, dates and times."""
    return tuple(column.name for column in contract.business_columns if any(_wanted(reader) for reader in readers.get(column.name, ())))


@dataclass(frozen=True)
class _Judge:
    contract: Contract
    column: Column
    readers: Readers

    @property
    def of_column(self) -> Sequence[Reader]:
        return self.readers.get(self.column.name, ())

    def difference(self, kind: Kind, *, found: str = "", expected: str = "", is_breaking: bool, evidence: str = "") -> Difference:
        affects = tuple(reader.name for reader in self.of_column)
        return Difference(str(self.contract.name), kind, self.column.name, found, expected, is_breaking, evidence, affects)


def _is_missed(contract: Contract, column: Column, shape: Shape) -> bool:
    is_whole_document = contract.source.kind == "file_feed" and column.name == DOCUMENT
    return not column.may_be_absent and not is_whole_document and shape.is_certain


def _of_column(judge: _Judge, seen: SourceField, before: str) -> Iterator[Difference]:
    by_type = _type_difference(judge, seen)
    if by_type is not None:
        yield by_type
        return
    if not judge.column.is_nullable and seen.is_nullable and seen.type:
        yield judge.difference("retyped", found=f"{seen.type}, may be empty", expected="never empty", is_breaking=False)
    by_values = _unreadable(judge, seen) or _other_form(judge, seen, before)
    if by_values is not None:
        yield by_values


def _type_difference(judge: _Judge, seen: SourceField) -> Difference | None:
    before = judge.column.source_type
    if not seen.type or (before and same_type(before, seen.type)):
        return None
    unsafe = [reader for reader in judge.of_column if reader.type and not is_safe(before or seen.type, seen.type, reader.type)]
    if before is None and source_family(seen.type) == "text":
        unsafe = []  # texts say themselves whether silver can read them
    is_breaking = bool(unsafe) or (is_time(judge.contract, judge.column) and source_family(seen.type) not in TIMES)
    if before is None and not is_breaking:
        return None
    expected = before or ", ".join(f"what {reader.name} reads as {reader.type}" for reader in unsafe) or "a time"
    return judge.difference("retyped", found=seen.type, expected=expected, is_breaking=is_breaking, evidence=_readability(judge, seen))


def _readability(judge: _Judge, seen: SourceField) -> str:
    total = sum(seen.forms.values())
    shares = [_readable(reader, seen.forms) for reader in judge.of_column if _wanted(reader)]
    return f"{min(shares)} of {total} values can still be read" if total and shares else ""


def _unreadable(judge: _Judge, seen: SourceField) -> Difference | None:
    """Values most of which silver cannot read: another form of the same thing, or another thing."""
    total = sum(seen.forms.values())
    for reader in judge.of_column if total >= LEAST_VALUES else ():
        wanted = _wanted(reader)
        if not wanted or _readable(reader, seen.forms) >= _HALF * total:
            continue
        readable = readable_forms(kind_of(reader.type), reader.clean) or frozenset()
        form, count = max(((name, count) for name, count in seen.forms.items() if name not in readable), key=lambda item: item[1])
        if form == judge.column.source_format:
            continue  # agreed: silver's own rules judge the rows
        kind: Kind = "format" if family_of(form) == wanted else "retyped"
        expected = judge.column.source_format or f"what {reader.name} reads as {reader.type}"
        return judge.difference(
            kind, found=form if kind == "format" else f"{form}{VALUES}", expected=expected, is_breaking=True, evidence=f"{count} of {total} values"
        )
    return None


def _other_form(judge: _Judge, seen: SourceField, before: str) -> Difference | None:
    """Another form than the contract or the last look had, which silver reads all the same."""
    now, then = dominant(seen.forms), judge.column.source_format or before
    if not now or not then or now == then or "date" not in {_wanted(reader) for reader in judge.of_column}:
        return None
    total = sum(seen.forms.values())
    return judge.difference("format", found=now, expected=then, is_breaking=False, evidence=f"{seen.forms[now]} of {total} values")


def _readable(reader: Reader, forms: Mapping[str, int]) -> int:
    readable: Collection[str] = readable_forms(kind_of(reader.type), reader.clean) or forms
    return sum(count for form, count in forms.items() if form in readable)


def _wanted(reader: Reader) -> str:
    """Whether silver makes a date or a number of it; empty for all else."""
    kind = kind_of(reader.type) if reader.type else "text"
    return {"date": "date", "timestamp": "date", "whole": "number", "decimal": "number"}.get(kind, "")


def _said(column: Column) -> str:
    return column.source_type or "in the contract"
