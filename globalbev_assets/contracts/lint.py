"""What the standard does not ask and we do: an owner, a key, a retention, an erasure rule for personal data, upstream tables that exist.

Columns and rules have modules of their own (:mod:`lint_columns`, :mod:`lint_rules`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import PurePath

from globalbev_assets.contracts.book import ContractBook, cycle
from globalbev_assets.contracts.lint_columns import column_problems
from globalbev_assets.contracts.lint_rules import rule_problems
from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import TableName
from globalbev_assets.contracts.problems import Problem, closest

_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d\Z")
_VERSION = re.compile(r"\d+\.\d+\.\d+\Z")
SUBJECT_TAG = "subject_key"


def lint(book: ContractBook, passed: Collection[TableName] = ()) -> tuple[Problem, ...]:
    """Everything that is wrong with any contract of the book but those that have passed before."""
    found = [problem for contract in book.values() if contract.name not in passed for problem in contract_problems(contract, book)]
    return (*found, *_cycle_problems(book))


def contract_problems(contract: Contract, book: Mapping[TableName, Contract]) -> Iterator[Problem]:
    """Everything that is wrong with one contract; the others are needed for what it refers to."""
    yield from _identity(contract)
    yield from _promises(contract)
    yield from _erasure(contract)
    yield from _upstream(contract, book)
    yield from column_problems(contract, book)
    yield from rule_problems(contract, book)


def _identity(contract: Contract) -> Iterator[Problem]:
    file = PurePath(contract.path).name
    if contract.path and file != f"{contract.table}.odcs.yaml":
        yield Problem("GB-1040", contract.path, "The file is not named after its table.", file, f"{contract.table}.odcs.yaml", "Rename the file.")
    if not _VERSION.match(contract.version):
        yield Problem("GB-1040", f"{contract.path}: version", "That is no version.", contract.version, "three numbers, such as 1.0.0")
    if not contract.domain:
        yield Problem("GB-1040", f"{contract.path}: domain", "The contract has no domain: it says which step publishes the table.")


def _promises(contract: Contract) -> Iterator[Problem]:
    if not _MAIL.match(contract.owner):
        at = f"{contract.path}: team.members"
        yield Problem(
            "GB-1026",
            at,
            "The table has no owner.",
            contract.owner or "nobody",
            "a member with role owner and an e-mail address as username",
            "Name the owner.",
        )
    if not contract.key:
        yield Problem("GB-1027", contract.path, "The table has no key.", valid="at least one column with primaryKey: true")
    if not contract.description:
        yield Problem("GB-1043", f"{contract.path}: description.purpose", "The contract does not say what one row is.")
    for name, value in (("retention", contract.retention_days), ("freshness", contract.freshness_hours)):
        if value is None or value <= 0:
            yield Problem(
                "GB-1028", f"{contract.path}: slaProperties", f"The contract has no {name}.", valid=f"{{property: {name}, value: 30, unit: d}}"
            )
    if contract.due is not None and not _TIME.match(contract.due):
        yield Problem("GB-1028", f"{contract.path}: slaProperties.due", "That is no time of the day.", contract.due, 'HH:MM in UTC, quoted: "06:30"')
    if contract.remind_after_hours is not None and contract.remind_after_hours < 1:
        at = f"{contract.path}: customProperties.remindAfterHours"
        yield Problem("GB-1034", at, "A reminder cannot follow at once.", str(contract.remind_after_hours), "1 or more hours")
    if contract.lookback_days < 0:
        yield Problem(
            "GB-1034",
            f"{contract.path}: customProperties.lookbackDays",
            "A look-back cannot be negative.",
            str(contract.lookback_days),
            "0 or more days",
        )


def _erasure(contract: Contract) -> Iterator[Problem]:
    personal = [column.name for column in contract.columns if column.is_pii or SUBJECT_TAG in column.tags]
    if personal and not contract.erasure:
        at = f"{contract.path}: customProperties"
        yield Problem(
            "GB-1030",
            at,
            "The table holds personal data and does not say how it is erased.",
            ", ".join(personal),
            "a custom property erasure",
            "Say what is erased.",
        )


def _upstream(contract: Contract, book: Mapping[TableName, Contract]) -> Iterator[Problem]:
    for name in contract.upstream:
        if name not in book:
            yield Problem(
                "GB-1033", contract.path, "The table is made from one that no contract describes.", str(name), closest(str(name), map(str, book))
            )
    if contract.source.kind == "aggregate" and not contract.upstream:
        yield Problem("GB-1033", f"{contract.path}: customProperties.upstream", "The table does not say what it is made from.")
    if contract.source.kind == "by_day" and contract.date_column is None:
        at = f"{contract.path}: customProperties.dateColumn"
        yield Problem("GB-1045", at, "A table that is replaced by day has no column that says the day.", valid="a partitioned column, or dateColumn")
    if contract.date_column is not None and contract.date_column not in contract.column_names:
        at = f"{contract.path}: customProperties.dateColumn"
        yield Problem("GB-1032", at, "The table has no such column.", contract.date_column, closest(contract.date_column, contract.column_names))


def _cycle_problems(book: Mapping[TableName, Contract]) -> Iterable[Problem]:
    circle = cycle(book)
    if circle:
        first = book[circle[0]]
        yield Problem(
            "GB-1039", first.path, "Tables are made from each other in a circle.", " <- ".join(map(str, circle)), todo="Take one out of upstream."
        )
