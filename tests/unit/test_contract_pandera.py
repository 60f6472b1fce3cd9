"""pandera's schema and our rules are compiled from one contract and say the same. No JVM: nothing is validated here."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from globalbev_assets.contracts.model import Contract, Rule
from globalbev_assets.contracts.vocabulary import CLEANERS
from globalbev_assets.transforms import cleaners
from globalbev_assets.transforms.pandera_model import pandera_schema, whole_value
from globalbev_assets.transforms.schemas import struct_type
from tests.unit.contract_files import packaged

CONTRACTS = list(packaged().values())


def stated(rule: Rule) -> Iterator[tuple[str, dict[str, object], str]]:
    """What pandera should say of a rule: name, statistics, and the rule's id as its error."""
    if rule.kind == "accepted_values":
        yield "isin", {"allowed_values": list(rule.values)}, rule.id
    if rule.kind == "pattern":
        yield "str_matches", {"pattern": whole_value(rule.pattern or "")}, rule.id
    if rule.kind == "length":
        yield "str_length", {"min_value": rule.minimum, "max_value": rule.maximum}, rule.id
    if rule.kind == "range" and rule.minimum is not None:
        yield "greater_than_or_equal_to", {"min_value": rule.minimum}, rule.id
    if rule.kind == "range" and rule.maximum is not None:
        yield "less_than_or_equal_to", {"max_value": rule.maximum}, rule.id


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: str(contract.name))
def test_pandera_and_the_rules_agree(contract: Contract) -> None:
    schema = pandera_schema(contract)
    for column in contract.business_columns:
        checks = [(check.name, check.statistics, check.error) for check in schema.columns[column.name].checks]
        rules = [rule for rule in contract.rules if rule.column == column.name and rule.action == "quarantine"]
        assert checks == [said for rule in rules for said in stated(rule)]
        assert schema.columns[column.name].nullable == (f"{column.name}_missing" not in {rule.id for rule in rules if rule.kind == "not_null"})


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: str(contract.name))
def test_pandera_and_spark_have_the_same_types(contract: Contract) -> None:
    schema, spark = pandera_schema(contract), struct_type(contract)
    assert {name: column.dtype.type for name, column in schema.columns.items()} == {
        column.name: spark[column.name].dataType for column in contract.business_columns
    }
    assert schema.unique == list(contract.key)


def test_every_cleaner_of_the_transforms_is_a_word_of_the_contracts() -> None:
    """A misspelt cleaner would leave the text as it is and say nothing, so the lint knows them all."""
    assert set(cleaners.CLEANERS) - CLEANERS == set()


@pytest.mark.parametrize(("text", "is_good"), [("US", True), ("US\n", False), ("us", False), ("USA", False), ("", False)])
def test_a_pattern_is_about_the_whole_value(text: str, is_good: bool) -> None:
    assert bool(re.search(whole_value("^[A-Z]{2}$"), text)) == is_good
