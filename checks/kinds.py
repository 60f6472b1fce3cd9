"""Which checks a table has, and which of its rules each of them judges: compiled from the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from globalbev_assets.contracts.model import Contract, Limit, Rule

CONTRACT = "contract"


@dataclass(frozen=True)
class CheckKind:
    """One check of one table.

    Attributes:
        name: as the UI shows it.
        description: what it means when it fails.
        rules: ids of the row rules it judges.
        limits: ids of the day limits it judges.
        is_blocking: whether a failed day keeps the next layer from being made.
    """

    name: str
    description: str
    rules: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    is_blocking: bool = False


def check_kinds(contract: Contract) -> tuple[CheckKind, ...]:
    """The checks of a table: ``contract`` over everything, and one for each kind of rule that the contract has."""
    return (_whole(contract), *_by_rules(contract), *_by_limits(contract))


def _whole(contract: Contract) -> CheckKind:
    rules = tuple(rule.id for rule in contract.rules)
    limits = tuple(limit.id for limit in contract.limits)
    return CheckKind(
        CONTRACT, "The day was published, every source row is accounted for, and no blocking limit is broken.", rules, limits, is_blocking=True
    )


# The first that a rule fits is its kind, and the last takes what is left: a rule without a check could break on every row, and nobody would be told.
_ROW_KINDS: tuple[tuple[str, str, Callable[[Rule], bool]], ...] = (
    ("not_null", "Few rows lack what every row must have.", lambda rule: rule.kind == "not_null"),
    (
        "reference",
        "Few rows name an order, product, store or market that is not there.",
        lambda rule: rule.kind == "reference" or rule.id.startswith(("unknown_", "parent_")),
    ),
    (
        "range",
        "Few rows have a number or date out of bounds.",
        lambda rule: rule.kind in ("range", "length") or rule.id.startswith(("negative_", "zero_", "manufactured_")),
    ),
    ("pattern", "Few rows have a text that cannot be read as what it should be.", lambda rule: rule.kind in ("pattern", "type", "accepted_values")),
    ("rules", "Few rows break a rule that the contract has for this table alone.", lambda _: True),
)
_LIMIT_KINDS: tuple[tuple[str, str, Callable[[Limit], bool]], ...] = (
    ("unique", "No key stands twice.", lambda limit: limit.metric == "duplicate_keys"),
    (
        "volume",
        "The day has about as many rows as the same weekdays before; the day itself is not in that figure.",
        lambda limit: limit.metric in ("volume_ratio", "rows_in", "published"),
    ),
    (
        "completeness",
        "Every source row has one outcome, and columns are as full as agreed.",
        lambda limit: limit.metric == "unaccounted" or limit.metric.startswith("null_ratio:"),
    ),
    ("reconciliation", "Counts and sums equal the source's.", lambda limit: limit.metric.startswith(("source_difference", "sum_difference:"))),
    ("quarantine", "No more rows are kept aside than the contract allows.", lambda _: True),
)


def _by_rules(contract: Contract) -> Iterator[CheckKind]:
    left = list(contract.rules)
    for name, description, belongs in _ROW_KINDS:
        rules = [rule for rule in left if belongs(rule)]
        left = [rule for rule in left if rule not in rules]
        if rules:
            yield CheckKind(name, description, tuple(rule.id for rule in rules))


def _by_limits(contract: Contract) -> Iterator[CheckKind]:
    left = list(contract.limits)
    for name, description, belongs in _LIMIT_KINDS:
        limits = [limit for limit in left if belongs(limit)]
        left = [limit for limit in left if limit not in limits]
        if limits:
            yield CheckKind(name, description, (), tuple(limit.id for limit in limits))
    yield CheckKind(
        "freshness", "The newest day that is due is there, in the table and at its source; a day that never came is owed until it is loaded."
    )
