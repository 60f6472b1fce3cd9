"""What became of one bronze row in silver, and by which rule: exactly the outcomes that the publisher counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.vocabulary import DUPLICATE_KEY
from globalbev_assets.operations.named import rule_words
from globalbev_assets.operations.quarantine_read import QuarantinedRow
from globalbev_assets.operations.trace_keys import Place
from globalbev_assets.operations.trace_rows import Row, TracedLake, place_of

Where = tuple[date, str, str]


@dataclass(frozen=True)
class Fate:
    """The outcome of a source row in silver.

    Attributes:
        outcome: published, quarantined, deduplicated, superseded, held, not_run or unknown.
        words: what happened, in a sentence; the rules with their descriptions.
        rules: the rules that moved it, or that it breaks and was published all the same.
        silver: the row as it stands in silver, where it was published.
        rejected: its row in quarantine, where it is kept aside.
    """

    outcome: str
    words: str
    rules: tuple[str, ...] = ()
    silver: Row | None = None
    rejected: QuarantinedRow | None = None


@dataclass(frozen=True)
class Surroundings:
    """What decides the fate of a place's rows: all of the key's rows in bronze, silver and quarantine, and the files that were replaced."""

    lake: TracedLake
    place: Place
    bronze: Sequence[Row]
    silver: Mapping[Where, Row]
    rejected: Mapping[tuple[str, str], QuarantinedRow]
    replaced: Mapping[str, str] = field(default_factory=dict)


def fate_of(row: Row, around: Surroundings) -> Fate:
    """What became of the row."""
    where, contract = place_of(row), around.place.silver
    if where in around.silver:
        return _published(around.silver[where], contract)
    rejected = around.rejected.get(where[1:])
    if rejected is not None and rejected.state != "replayed":
        words = "; ".join(f"{rule}: {rule_words(contract, rule)}" for rule in rejected.rules)
        return Fate("quarantined", words, rejected.rules, rejected=rejected)
    state, reason = around.lake.state(contract.name, where[0])
    if state in ("held", "failed"):
        return Fate("held", f"{contract.name} of {where[0]} is {state}: {reason}")
    if not state:
        return Fate("not_run", f"{contract.name} of {where[0]} was never loaded")
    return _left_out(row, around)


def _published(silver: Row, contract: Contract) -> Fate:
    warnings = tuple(silver.get("_warnings") or ())
    words = "; ".join(f"warned by {rule}: {rule_words(contract, rule)}" for rule in warnings)
    return Fate("published", words, warnings, silver=silver)


def _left_out(row: Row, around: Surroundings) -> Fate:
    """Neither published nor kept aside: another row stands for it."""
    contract = around.place.silver
    if row["_source"] in around.replaced:
        return Fate("superseded", f"a later delivery of the file took its place: {around.replaced[row['_source']]}")
    dedupe = contract.source.options.get("dedupe")
    twin = _twin(row, around, tuple(dedupe["columns"])) if dedupe else None
    if dedupe and twin is not None:
        rule = dedupe["rule"]
        return Fate("deduplicated", f"{rule}: says the same as {_named(twin)}, which stays. {rule_words(contract, rule)}", (rule,))
    group = tuple(contract.source.options.get("group_key", contract.key))
    standing = [other for other in around.silver.values() if all(_same(row, contract, name, other.get(name)) for name in group)]
    if not standing:
        return Fate("unknown", "neither published nor kept aside; the ledger's figures of the day should say more")
    if any(other["_partition_date"] == row["_partition_date"] for other in standing) and not contract.source.options.get("collapse"):
        return Fate("deduplicated", f"{DUPLICATE_KEY}: {_named(standing[0])} of the same day stays", (DUPLICATE_KEY,))
    newest = max(standing, key=lambda other: str(other.get("_version") or ""))
    return Fate("superseded", f"a newer version was published: {_named(newest)} of {newest['_partition_date']}")


def _twin(row: Row, around: Surroundings, columns: tuple[str, ...]) -> Row | None:
    """A row of the same day that says the same and was published."""
    names = [around.place.silver.column(column).source_name for column in columns]
    for other in around.bronze:
        is_same = other is not row and all(other.get(name) == row.get(name) for name in ("_partition_date", *names))
        if is_same and place_of(other) in around.silver:
            return other
    return None


def _same(row: Row, contract: Contract, name: str, value: Any) -> bool:
    """Whether the source's text is that value: as text, without case, for silver has its own spelling."""
    column = contract.column(name)
    return str(row.get(column.source_name, "")).strip().casefold() == str(value).casefold()


def _named(row: Row) -> str:
    source, position = row["_source"], row["_source_position"]
    return f"{source}#{position}" if "/" in source else f"{source} {position}"
