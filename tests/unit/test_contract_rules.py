"""Rules in their neutral form: what a contract's columns imply and its quality entries say."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.model import Contract, Limit, Rule
from globalbev_assets.contracts.names import TableName
from tests.unit.contract_files import draft, load, packaged, write


@pytest.fixture
def book() -> ContractBook:
    return packaged()


def rule(contract: Contract, rule_id: str) -> Rule:
    return next(found for found in contract.rules if found.id == rule_id)


def changed(folder: Path, old: str, new: str) -> Contract:
    _, silver = write(folder, draft())
    assert old in silver.read_text()
    silver.write_text(silver.read_text().replace(old, new, 1))
    return load(folder).parse("silver.refunds")


def test_required_is_a_rule_that_null_breaks(book: ContractBook) -> None:
    found = rule(book.parse("silver.order_lines"), "quantity_missing")
    assert (found.kind, found.action, found.column, found.passes_null) == ("not_null", "quarantine", "quantity", False)


def test_every_column_that_is_cast_has_a_type_rule(book: ContractBook) -> None:
    contract = book.parse("silver.order_lines")
    assert {found.column for found in contract.rules if found.kind == "type"} == {"order_id", "line_no", "quantity", "unit_price", "updated_at"}
    assert rule(contract, "type:quantity").passes_null


def test_bronze_and_gold_have_no_type_rules(book: ContractBook) -> None:
    assert not [found for layer in ("bronze", "gold") for contract in book.layer(layer) for found in contract.rules if found.kind == "type"]


def test_the_rule_of_a_cleaned_text_has_its_own_name_and_warns(book: ContractBook) -> None:
    contract = book.parse("silver.customers")
    found = rule(contract, "phone_unreadable")
    assert (found.kind, found.action, found.column) == ("type", "warn", "phone_e164")
    raw = contract.column("raw_phone")
    assert (raw.raw_of, raw.is_cast, [one.id for one in contract.rules if one.column == "raw_phone"]) == ("phone_e164", False, [])


def test_a_stated_rule_takes_the_place_of_the_implied_one_and_keeps_its_reference(book: ContractBook) -> None:
    found = [found for found in book.parse("silver.order_lines").rules if found.id == "unknown_lot"]
    assert [(one.kind, one.action, one.expression, one.reference, one.reference_column) for one in found] == [
        ("expression", "warn", "lot_id is null or _lot_known", TableName("silver", "lots"), "lot_id")
    ]
    assert [found.kind for found in book.parse("silver.orders").rules if found.id == "ordered_at_invalid"] == ["expression"]


def test_references_are_named_after_what_is_unknown(book: ContractBook) -> None:
    found = rule(book.parse("silver.stores"), "unknown_market")
    assert (found.kind, found.action, found.column, str(found.reference), found.reference_column) == (
        "reference", "quarantine", "market_id", "silver.markets", "market_id",
    )  # fmt: skip
    assert rule(book.parse("silver.lots"), "unknown_sku").action == "warn"


def test_rule_ids_of_the_defect_ledger_exist(book: ContractBook) -> None:
    """The sandbox's ledger expects these names; a renamed rule would count as a missed defect."""
    expected = {
        "orders": "ordered_at_invalid unknown_store unknown_market currency_missing currency_not_market status_unknown",
        "order_lines": "unknown_order parent_quarantined unknown_sku unknown_lot manufactured_before_sold zero_quantity negative_quantity negative_price"
        " zero_price",
        "payments": "unknown_order parent_quarantined second_capture amount_mismatch",
        "stores": "unknown_market",
        "customers": "phone_unreadable birth_date_ambiguous birth_date_unreadable postal_code_unreadable email_unreadable region_unreadable",
        "crm_contacts": "phone_unreadable postal_code_unreadable email_unreadable region_unreadable",
        "nutrition": "unknown_sku value_unreadable",
        "market_panel": "type:units type:sales_value type:avg_price unknown_market",
    }
    for table, ids in expected.items():
        assert set(ids.split()) - {found.id for found in book.parse(f"silver.{table}").rules} == set(), table
    assert book.parse("silver.order_lines").source.options["dedupe"]["rule"] == "duplicate_line"


def test_enumeration_range_pattern_and_length(tmp_path: Path) -> None:
    options = "logicalTypeOptions: {pattern: '^[A-Z]+$', minLength: 2, maxLength: 8}, enum: [{value: A1}, {value: B2}], "
    options += "customProperties: [{property: onInvalid, value: warn}],"
    contract = changed(tmp_path, "name: sku,", f"name: sku, {options}")
    by_kind = {found.kind: found for found in contract.rules if found.column == "sku"}
    assert {found.action for found in by_kind.values()} == {"warn"}
    assert (by_kind["accepted_values"].id, by_kind["accepted_values"].values) == ("accepted:sku", ("A1", "B2"))
    assert (by_kind["pattern"].id, by_kind["pattern"].pattern) == ("pattern:sku", "^[A-Z]+$")
    assert (by_kind["length"].id, by_kind["length"].minimum, by_kind["length"].maximum) == ("length:sku", Decimal(2), Decimal(8))


def test_numbers_stay_exact(tmp_path: Path) -> None:
    contract = changed(tmp_path, "name: amount,", "name: amount, logicalTypeOptions: {minimum: 0.1},")
    assert rule(contract, "range:amount").minimum == Decimal("0.1")


def test_limits_are_apart_from_row_rules(book: ContractBook) -> None:
    contract = book.parse("silver.order_lines")
    limit = next(found for found in contract.limits if found.id == "few_quarantined")
    assert limit == Limit("few_quarantined", "quarantined_ratio", True, None, Decimal("0.25"), "At most a quarter of a day's lines is kept aside.")


def test_a_column_that_the_output_step_fills_implies_no_rule(book: ContractBook) -> None:
    """Rules are judged before: a required nutrient would quarantine every document."""
    contract = book.parse("silver.nutrition")
    assert {found.column for found in contract.rules if found.kind != "expression"} == {"sku"}


def test_every_column_is_described_for_a_reader(book: ContractBook) -> None:
    assert [f"{contract.name}.{column.name}" for contract in book.values() for column in contract.columns if len(column.description) < 4] == []
