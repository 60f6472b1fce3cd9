"""A contract as a pandera schema: the statement of the schema for tests and CI, compiled from the same rules as the gate.

Not the gate: pandera's Spark validation runs two jobs a rule, lets NULL pass and names no row. The only module that imports pandera (2 to 4 s,
100 MB), so nothing that is loaded with the definitions may import this one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pandera.pyspark import Check, Column, DataFrameSchema

from globalbev_assets.contracts.model import Contract, Rule
from globalbev_assets.transforms.schemas import spark_type


def pandera_schema(contract: Contract) -> DataFrameSchema:
    """The table's business columns with those of its rules that pandera can state; a check's ``error`` is the rule's id.

    ``required`` is ``nullable=False``; types and references, and expressions over several columns, have no check in pandera.
    """
    columns = {
        column.name: Column(
            _dtype(column.type), checks=list(_checks(contract, column.name)), nullable=column.is_nullable, description=column.description
        )
        for column in contract.business_columns
    }
    return DataFrameSchema(columns, name=str(contract.name), description=contract.description, unique=list(contract.key))


def _dtype(text: str) -> Any:
    return spark_type(text)  # pandera takes Spark's types and does not say so


def whole_value(pattern: str) -> str:
    r"""The pattern of a whole value in a form that Python (which pandera asks) and Java (which Spark runs) both read.

    ``$`` would let a trailing line break through, and Python has no ``\z`` before 3.14.
    """
    return rf"^(?:{pattern.removeprefix('^').removesuffix('$')})(?![\s\S])"


def _checks(contract: Contract, column: str) -> Iterator[Check]:
    for rule in contract.rules:
        if rule.column == column and rule.action == "quarantine":
            yield from _check(rule)


def _check(rule: Rule) -> Iterator[Check]:
    if rule.kind == "accepted_values":
        yield Check.isin(list(rule.values), error=rule.id)
    elif rule.kind == "pattern":
        yield Check.str_matches(whole_value(rule.pattern or ""), error=rule.id)
    elif rule.kind == "length":
        least, most = (None if bound is None else int(bound) for bound in (rule.minimum, rule.maximum))
        yield Check.str_length(min_value=least, max_value=most, error=rule.id)
    elif rule.kind == "range":
        if rule.minimum is not None:
            yield Check.greater_than_or_equal_to(rule.minimum, error=rule.id)
        if rule.maximum is not None:
            yield Check.less_than_or_equal_to(rule.maximum, error=rule.id)
