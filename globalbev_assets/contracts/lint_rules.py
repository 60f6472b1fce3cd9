"""What can be wrong with a contract's rules and limits: columns, references and figures that are not there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from globalbev_assets.contracts.expressions import MalformedExpressionError
from globalbev_assets.contracts.lint_columns import source_columns, unknown_columns
from globalbev_assets.contracts.model import Contract, Limit, Rule
from globalbev_assets.contracts.names import TableName
from globalbev_assets.contracts.problems import Problem, closest
from globalbev_assets.contracts.types import parse_type
from globalbev_assets.contracts.vocabulary import DUPLICATE_KEY, METRICS, METRICS_OF

_OF_TEXT = frozenset({"pattern", "length"})
_OF_NUMBERS = frozenset({"tinyint", "smallint", "int", "bigint", "float", "double", "decimal"})


def rule_problems(contract: Contract, book: Mapping[TableName, Contract]) -> Iterator[Problem]:
    """Everything that is wrong with the rules and limits of one contract."""
    ids = [*(rule.id for rule in contract.rules), *(limit.id for limit in contract.limits)]
    for name, count in Counter(ids).items():
        if count > 1:
            yield Problem("GB-1038", contract.path, "Two rules have one name.", name, todo="Rename one of them.")
    for rule in contract.rules:
        at = f"{contract.path}: quality.{rule.id}"
        yield from _column(contract, rule, at)
        yield from _expression(contract, rule, book, at)
        yield from _reference(rule, book, at)
    for limit in contract.limits:
        yield from _limit(contract, limit, f"{contract.path}: quality.{limit.id}")
    yield from _options(contract)


def _column(contract: Contract, rule: Rule, at: str) -> Iterator[Problem]:
    if rule.column is None:
        return
    if rule.column not in contract.column_names:
        yield Problem(
            "GB-1032",
            f"{at}.column",
            "The rule is on a column that the table does not have.",
            rule.column,
            closest(rule.column, contract.column_names),
        )
        return
    try:
        kind = parse_type(contract.column(rule.column).type).name
    except ValueError:
        return
    if rule.kind in _OF_TEXT and kind != "string":
        yield Problem("GB-1046", at, f"A {rule.kind} is a rule on text.", f"{rule.column} is {kind}")
    if rule.kind == "range" and kind not in _OF_NUMBERS:
        yield Problem("GB-1046", at, "A range is a rule on numbers.", f"{rule.column} is {kind}", "an expression")
    if rule.pattern is not None and not _is_pattern(rule.pattern):
        yield Problem("GB-1046", at, "The pattern is no regular expression.", rule.pattern[:80])
    if rule.minimum is not None and rule.maximum is not None and rule.minimum > rule.maximum:
        yield Problem("GB-1046", at, "The least is greater than the most.", f"{rule.minimum} > {rule.maximum}")


def _is_pattern(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _expression(contract: Contract, rule: Rule, book: Mapping[TableName, Contract], at: str) -> Iterator[Problem]:
    if rule.expression is None:
        return
    text = source_columns(contract, book)
    try:
        missing = unknown_columns(rule.expression, contract.column_names, [column.name for column in text] if text is not None else None)
    except MalformedExpressionError as error:
        yield Problem("GB-1032", f"{at}.expression", "The expression cannot be read.", str(error))
        return
    for name in missing:
        yield Problem(
            "GB-1032", f"{at}.expression", "The rule names a column that the table does not have.", name, closest(name, contract.column_names)
        )


def _reference(rule: Rule, book: Mapping[TableName, Contract], at: str) -> Iterator[Problem]:
    if rule.reference is None or rule.reference not in book:
        return  # a table without a contract is said of `upstream`
    names = book[rule.reference].column_names
    if rule.reference_column not in names:
        yield Problem(
            "GB-1037",
            at,
            "The reference is to a column that is not there.",
            f"{rule.reference}.{rule.reference_column}",
            closest(rule.reference_column or "", names),
        )


def _limit(contract: Contract, limit: Limit, at: str) -> Iterator[Problem]:
    base, separator, subject = limit.metric.partition(":")
    ids = {rule.id for rule in contract.rules} | {DUPLICATE_KEY, contract.source.options.get("dedupe", {}).get("rule", DUPLICATE_KEY)}
    if (base in METRICS_OF) != bool(separator) or base not in METRICS | METRICS_OF:
        known = [*sorted(METRICS), *(f"{name}:…" for name in sorted(METRICS_OF))]
        yield Problem("GB-1036", f"{at}.metric", "There is no such figure.", limit.metric, closest(base, METRICS | METRICS_OF) or ", ".join(known))
    elif base in ("null_ratio", "sum_difference") and subject not in contract.column_names:
        yield Problem("GB-1032", f"{at}.metric", "The table has no such column.", subject, closest(subject, contract.column_names))
    elif base == "rule" and subject not in ids:
        yield Problem("GB-1036", f"{at}.metric", "The table has no such rule.", subject, closest(subject, ids))
    if limit.minimum is None and limit.maximum is None:
        yield Problem("GB-1046", at, "The limit allows anything.", valid="minimum, maximum or both")
    elif limit.minimum is not None and limit.maximum is not None and limit.minimum > limit.maximum:
        yield Problem("GB-1046", at, "The least is greater than the most.", f"{limit.minimum} > {limit.maximum}")


def _options(contract: Contract) -> Iterator[Problem]:
    """Columns that the source mapping names: of the dedupe, and of the keys that rows are told apart by."""
    options, at = contract.source.options, f"{contract.path}: customProperties.source"
    dedupe = options.get("dedupe", {})
    named = [*dedupe.get("columns", ()), *([dedupe["keep"]] if dedupe else ()), *options.get("row_key", ()), *options.get("group_key", ())]
    for name in named:
        if not name.startswith("_") and name not in contract.column_names:
            yield Problem("GB-1032", at, "The table has no such column.", name, closest(name, contract.column_names))
