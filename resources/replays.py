"""Days to process again because something that they refer to is there now: the reference of a quarantined row.

A row that is quarantined as ``unknown_<reference>`` or ``parent_quarantined`` waits for nothing but its reference. When that has arrived, the step
takes the row's day with its own, so that nobody has to remember it. Found in the quarantine table and the references alone, where
they are: in a folder by DuckDB, in 50 ms, and on a cluster's storage by its Spark; nothing but the days comes here. The rows themselves are judged
anew from bronze, by the ordinary way.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import TableName, identifier
from resources.delta_sql import day_literal

if TYPE_CHECKING:
    from resources.delta_log import DeltaLog, Dialect
    from resources.steps import Step

PARENT_RULE = "parent_quarantined"
_ANY = "select 1 from {{rejected}} where {open} limit 1"
_DAYS = """
    with waiting as (select partition, {rules} as rules, {keys} from {{rejected}} where {open})
    select distinct w.partition from waiting w {joins} where {size} = {resolved} order by w.partition
"""
_KEYS = """
    left join (select lower(cast({key} as string)) as key, {day} as day from {{{reference}}}
               where lower(cast({key} as string)) in (select {asked} from waiting)) {reference} on {reference}.key = w.{asked}{same_day}
"""


@dataclass(frozen=True)
class Waiting:
    """A rule whose rows wait for a reference.

    Attributes:
        rule_id: the rule.
        column: the table's column that refers.
        field: that column's name in the quarantined record.
        reference: the table referred to.
        key: its column.
        day: its business day, where a row may only refer to rows of its own day; else None.
    """

    rule_id: str
    column: str
    field: str
    reference: TableName
    key: str
    day: str | None = None


def with_replays(step: Step, contract: Contract, same_day: Collection[str]) -> Step:
    """The step, with the days to replay of this table beside its own.

    Args:
        step: the step that is to publish the table.
        contract: the table's.
        same_day: tables of which the transform reads the same days only.
    """
    source = TableName.parse(contract.source.options["table"])
    needed = [source, *(TableName.parse(name) for name in same_day)]
    histories = [step.history(name) for name in needed]
    rules, rejected = list(waiting_rules(step, contract, same_day)), step.lake.path(TableName("quarantine", contract.table))
    resolved = resolved_days(step.lake.log, rejected, rules, step.lake.path, step.days)
    found = [day for day in resolved if all(day in known and known[day].is_readable for known in histories)]
    return replace(step, days=sorted({*step.days, *found})) if found else step


def waiting_rules(step: Step, contract: Contract, same_day: Collection[str]) -> Iterator[Waiting]:
    """The contract's rules that a reference can put right."""
    references = {rule.column: (rule.reference, rule.reference_column or "") for rule in contract.rules if rule.reference}
    fields = {column.name: column.source or column.name for column in contract.columns}
    for rule in contract.rules:
        if rule.column and rule.column in references and rule.action == "quarantine" and (rule.reference or rule.id == PARENT_RULE):
            reference, key = references[rule.column]
            day = step.lake.book[reference].date_column if str(reference) in same_day else None
            yield Waiting(rule.id, rule.column, fields[rule.column], reference, key, day)


def resolved_days(log: DeltaLog, rejected: str, rules: Sequence[Waiting], place: Callable[[TableName], str], days: Collection[date]) -> list[date]:
    """Days outside the step's with an open row of which every broken rule waits for a reference that is there.

    Args:
        log: of the lake.
        rejected: where the quarantine is.
        rules: the table's rules that wait.
        place: where a table is.
        days: the step's.
    """
    rules = [rule for rule in rules if log.version(place(rule.reference)) is not None]
    if not rules or log.version(rejected) is None:
        return []
    is_open = " and ".join(["state = 'open'", *(f"partition <> {day_literal(day)}" for day in sorted(days))])
    if not log.query(_ANY.format(open=is_open), {"rejected": rejected}):
        return []
    tables = {f"of_{rule.column}": place(rule.reference) for rule in rules}
    return [day for (day,) in log.query(_question(log.dialect, rules, is_open), {"rejected": rejected, **tables})]


def _question(dialect: Dialect, rules: Sequence[Waiting], is_open: str) -> str:
    """The rejected rows beside the keys that they wait for, and the days of those that lack none."""
    lookups = {rule.column: rule for rule in rules}
    texts = {column: dialect.text.format(json="record", field=identifier(rule.field)) for column, rule in lookups.items()}
    found = (
        f"case when array_contains(w.rules, '{identifier(rule.rule_id)}') and of_{rule.column}.key is not null then 1 else 0 end" for rule in rules
    )
    joins = (
        _KEYS.format(
            reference=f"of_{column}",
            key=identifier(rule.key),
            day=identifier(rule.day) if rule.day else "null",
            asked=f"key_{column}",
            same_day=f" and of_{column}.day = w.partition" if rule.day else "",
        )
        for column, rule in lookups.items()
    )
    return _DAYS.format(
        rules=f"array_distinct({dialect.each.format(list='errors', field='rule_id')})",
        keys=", ".join(f"lower(trim({text})) as key_{column}" for column, text in texts.items()),
        open=is_open,
        joins="".join(joins),
        size=dialect.size.format(list="w.rules"),
        resolved=" + ".join(found),
    )
