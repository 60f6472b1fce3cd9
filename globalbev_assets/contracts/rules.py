"""A contract's rules in their neutral form: what its columns imply, and what its ``quality`` entries say.

A ``quality`` entry whose name is that of an implied rule takes its place (and keeps its reference), so that a rule that the transform can
answer with a helper column needs no second join.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from globalbev_assets.contracts.custom import ACTIONS, OF_COLUMN, OF_LIMIT, OF_ROW_RULE, choice, custom_properties, is_set, known_keys, text
from globalbev_assets.contracts.model import Action, Column, Limit, Rule
from globalbev_assets.contracts.names import TableName
from globalbev_assets.contracts.problems import malformed
from globalbev_assets.errors import TerminalError

ENGINE = "globalbev"


def implied_rules(node: Mapping[str, Any], column: Column, where: str, *, is_typed_from_text: bool) -> Iterator[Rule]:
    """The rules that a column's own attributes imply, in the order in which they are judged."""
    if column.is_output:
        return
    custom = custom_properties(node, OF_COLUMN, where)
    on_invalid: Action = choice(custom, "onInvalid", ACTIONS, "quarantine", where)
    if not column.is_nullable:
        yield Rule(f"{column.name}_missing", "not_null", "quarantine", column.name, passes_null=False, description=f"{column.name} is there.")
    if is_typed_from_text and column.is_cast and (column.type != "string" or column.unreadable_rule):
        rule_id = column.unreadable_rule or f"type:{column.name}"
        yield Rule(rule_id, "type", column.on_unreadable, column.name, description=f"{column.source_name} can be read as {column.type}.")
    if node.get("enum"):
        values = tuple(str(entry["value"]) for entry in node["enum"])
        yield Rule(
            f"accepted:{column.name}",
            "accepted_values",
            on_invalid,
            column.name,
            values=values,
            description=f"{column.name} is one of {', '.join(values)}.",
        )
    yield from _option_rules(node.get("logicalTypeOptions") or {}, column, on_invalid, where)
    yield from _reference_rules(node, column, choice(custom, "onUnknown", ACTIONS, "quarantine", where), where)


def stated_rules(entries: list[Mapping[str, Any]], where: str, default_column: str | None = None) -> Iterator[Rule | Limit]:
    """The rules and limits of a list of ``quality`` entries."""
    for entry in entries:
        at = f"{where}.quality.{entry.get('name', '?')}"
        is_ours = entry.get("type") == "custom" and entry.get("engine") == ENGINE and entry.get("name")
        if not is_ours or not isinstance(entry.get("implementation"), dict):
            raise malformed(at, "Quality entries have a name, type custom, engine globalbev and an implementation.", str(entry.get("type")))
        implementation = entry["implementation"]
        if "metric" in implementation:
            yield _limit(entry, implementation, at)
        else:
            yield _row_rule(entry, implementation, at, default_column)


def merged(implied: list[Rule], stated: list[Rule]) -> tuple[Rule, ...]:
    """Implied rules, then the stated ones; a stated rule replaces the implied one of its name and keeps what that one refers to."""
    by_id = {rule.id: rule for rule in implied}
    ids = {rule.id for rule in stated}
    kept = [rule for rule in implied if rule.id not in ids]
    return (*kept, *(_completed(rule, by_id[rule.id]) if rule.id in by_id else rule for rule in stated))


def _completed(stated: Rule, implied: Rule) -> Rule:
    return replace(stated, column=stated.column or implied.column, reference=implied.reference, reference_column=implied.reference_column)


def _option_rules(options: Mapping[str, Any], column: Column, action: Action, where: str) -> Iterator[Rule]:
    low, high = _number(options, "minimum", where), _number(options, "maximum", where)
    if low is not None or high is not None:
        yield Rule(f"range:{column.name}", "range", action, column.name, minimum=low, maximum=high, description=_between(column.name, low, high))
    if options.get("pattern"):
        yield Rule(
            f"pattern:{column.name}",
            "pattern",
            action,
            column.name,
            pattern=options["pattern"],
            description=f"{column.name} is well-formed.",
        )
    shortest, longest = _number(options, "minLength", where), _number(options, "maxLength", where)
    if shortest is not None or longest is not None:
        described = _between(f"The length of {column.name}", shortest, longest)
        yield Rule(f"length:{column.name}", "length", action, column.name, minimum=shortest, maximum=longest, description=described)


def _reference_rules(node: Mapping[str, Any], column: Column, action: Action, where: str) -> Iterator[Rule]:
    for relation in node.get("relationships") or ():
        target = relation.get("to")
        if relation.get("type", "foreignKey") != "foreignKey" or not isinstance(target, str) or target.count(".") != 2:
            raise malformed(f"{where}.relationships", "The relation names no column.", repr(target), "foreignKey to layer.table.column")
        table, _, referred = target.rpartition(".")
        try:
            name = TableName.parse(table)
        except TerminalError as error:
            raise malformed(f"{where}.relationships", error.what, str(error.got), str(error.valid)) from error
        rule_id = f"unknown_{column.name.removesuffix('_id')}"
        yield Rule(
            rule_id, "reference", action, column.name, reference=name, reference_column=referred, description=f"{column.name} stands in {table}."
        )


def _row_rule(entry: Mapping[str, Any], implementation: Mapping[str, Any], where: str, default_column: str | None) -> Rule:
    known_keys(implementation, OF_ROW_RULE, f"{where}.implementation", "part of a row rule")
    expression = text(implementation, "expression", where)
    if not expression:
        raise malformed(f"{where}.implementation", "The rule has neither an expression nor a metric.", valid="expression, metric")
    return Rule(
        id=entry["name"],
        kind="expression",
        action=choice(implementation, "action", ACTIONS, "quarantine", where),
        column=text(implementation, "column", where) or default_column,
        passes_null=choice(implementation, "nulls", ("pass", "fail"), "pass", where) == "pass",
        expression=" ".join(expression.split()),
        description=" ".join((entry.get("description") or "").split()),
    )


def _limit(entry: Mapping[str, Any], implementation: Mapping[str, Any], where: str) -> Limit:
    known_keys(implementation, OF_LIMIT, f"{where}.implementation", "part of a limit")
    return Limit(
        id=entry["name"],
        metric=str(implementation["metric"]),
        blocking=is_set(implementation, "blocking", where),
        minimum=_number(implementation, "minimum", where),
        maximum=_number(implementation, "maximum", where),
        description=" ".join((entry.get("description") or "").split()),
    )


def _number(options: Mapping[str, Any], name: str, where: str) -> Decimal | None:
    value = options.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise malformed(f"{where}.{name}", "A number is wanted.", repr(value))
    return Decimal(str(value))


def _between(what: str, low: Decimal | None, high: Decimal | None) -> str:
    if low is None:
        return f"{what} is at most {high}."
    return f"{what} is at least {low}." if high is None else f"{what} is between {low} and {high}."
