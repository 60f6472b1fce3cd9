"""Days to process again because something that they refer to is there now: the reference of a quarantined row.

A row that is quarantined as ``unknown_<reference>`` or ``parent_quarantined`` waits for nothing but its reference. When that has arrived, the step
takes the row's day with its own, so that nobody has to remember it. Found in the quarantine table and the references alone, in 50 ms and
without Spark; the rows themselves are judged anew from bronze, by the ordinary way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa

from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import TableName

if TYPE_CHECKING:
    from collections.abc import Collection

    from resources.steps import Step

PARENT_RULE = "parent_quarantined"
_WANTED = "select distinct lower(trim(json_extract_string(record, $path))) as key from rejected where key is not null"
_RESOLVED = """
    select r.source, r.source_position, $column as "column" from rejected r
    join keys k on lower(trim(json_extract_string(r.record, $path))) = lower(cast(k.key as varchar)) and (k.day is null or k.day = r.partition)
"""
_DAYS = """
    with broken as (select source, source_position, partition, unnest(errors).rule_id as rule_id from rejected),
         judged as (select b.source, b.source_position, b.partition, bool_and(f.source is not null) as is_resolved
                    from broken b left join waiting w on w.rule_id = b.rule_id
                    left join found f on f.source = b.source and f.source_position = b.source_position and f."column" = w."column"
                    group by all)
    select distinct partition from judged where is_resolved order by partition
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
    found = [day for day in _resolved_days(step, contract, same_day) if all(day in known and known[day].is_readable for known in histories)]
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


def _resolved_days(step: Step, contract: Contract, same_day: Collection[str]) -> list[date]:
    rules = list(waiting_rules(step, contract, same_day))
    rejected = _rejected(step, contract) if rules else None
    if rejected is None or not rejected.num_rows:
        return []
    import duckdb  # noqa: PLC0415  40 ms, and most tables refer to nothing

    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.register("rejected", rejected)
    connection.register("waiting", pa.table({"rule_id": [rule.rule_id for rule in rules], "column": [rule.column for rule in rules]}))
    found = []
    for rule in {rule.column: rule for rule in rules}.values():
        path = f'$."{rule.field}"'
        wanted = [row[0] for row in connection.execute(_WANTED, {"path": path}).fetchall()]
        connection.register("keys", _keys(step, rule, wanted))
        found.append(connection.sql(_RESOLVED, params={"column": rule.column, "path": path}).to_arrow_table())
    connection.register("found", pa.concat_tables(found))
    return [row[0] for row in connection.execute(_DAYS).fetchall()]


def _rejected(step: Step, contract: Contract) -> pa.Table | None:
    """Open rows of the table's quarantine outside the step's days."""
    is_elsewhere = [("state", "=", "open"), ("partition", "not in", list(step.days))]
    path = step.lake.path(TableName("quarantine", contract.table))
    return step.lake.log.arrow(path, ["source", "source_position", "partition", "errors", "record"], is_elsewhere)


def _keys(step: Step, rule: Waiting, wanted: Sequence[str]) -> pa.Table:
    """Of the reference's keys, those that a rejected row waits for."""
    columns = [rule.key, *([rule.day] if rule.day else [])]
    keys = step.lake.log.arrow(step.lake.path(rule.reference), columns, [(rule.key, "is text", wanted)])
    if keys is None:
        keys = pa.table({rule.key: pa.array([], pa.string())})
    days = keys.column(rule.day) if rule.day in keys.column_names else pa.nulls(keys.num_rows, pa.date32())
    return pa.table({"key": keys.column(rule.key), "day": days})
