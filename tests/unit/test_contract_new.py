"""A first contract written from a table, a file's header or a document."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globalbev_assets.contracts.documents import load_document
from globalbev_assets.contracts.flow_yaml import flow
from globalbev_assets.contracts.new import Draft, contract_from_csv_header, contract_from_database, contract_from_json
from globalbev_assets.contracts.new_yaml import bronze_yaml, silver_yaml, write_contracts
from globalbev_assets.errors import TerminalError
from tests.unit.contract_files import load, problems_of, write

REFUNDS = [
    ("refund_id", "bigint"),
    ("customer_email", "text"),
    ("amount", "numeric(12, 2)"),
    ("refunded_at", "timestamp with time zone"),
    ("updated_at", "timestamptz"),
]


def by_day() -> Draft:
    return contract_from_database("shop.refunds", REFUNDS, domain="sales", business_time="refunded_at")


def test_only_the_owner_is_missing(tmp_path: Path) -> None:
    write_contracts(by_day(), tmp_path)
    assert [problem.code for problem in problems_of(tmp_path)] == ["GB-1026", "GB-1026"]


def test_a_table_read_by_day(tmp_path: Path) -> None:
    write(tmp_path, by_day())
    book = load(tmp_path)
    bronze, silver = book.parse("bronze.refunds"), book.parse("silver.refunds")
    assert bronze.source.options == {
        "dsn": "GLOBALBEV_SHOP_DSN", "relation": "shop.refunds", "mode": "by_day", "business_time": "refunded_at", "fallback_time": "updated_at",
    }  # fmt: skip
    assert (bronze.partition_column, silver.partition_column, silver.source.kind) == ("_partition_date", "refunded_date", "by_day")
    assert {column.name: column.type for column in silver.business_columns} == {
        "refund_id": "bigint", "customer_email": "string", "amount": "decimal(18,4)", "refunded_at": "timestamp", "updated_at": "timestamp",
        "refunded_date": "date",
    }  # fmt: skip
    assert "refunded_at_invalid" in {rule.id for rule in silver.rules if rule.kind == "expression"}


def test_what_sounds_like_a_person_is_masked(tmp_path: Path) -> None:
    write(tmp_path, by_day())
    contract = load(tmp_path).parse("silver.refunds")
    column = contract.column("customer_email")
    assert (column.is_pii, column.mask, column.classification) == (True, "redact", "restricted")
    assert contract.erasure == "The row is deleted by refund_id."


def test_a_csv_header_and_some_rows(tmp_path: Path) -> None:
    rows = [["7", "2026-01-01", "0.50", "true", "2026-01-01T10:00:00Z", ""], ["8", "2026-02-01", "1", "false", "2026-01-02 11:30:00+01", "x"]]
    found = contract_from_csv_header(
        "promotions", ["promo_id", "valid_from", "rate", "is_live", "seen_at", "note", "Bad Name"], rows, domain="catalog"
    )
    assert [column.type for column in found.columns] == ["bigint", "date", "decimal(18,4)", "boolean", "timestamp", "string"]
    assert (found.key, found.left_out) == (("promo_id",), ("Bad Name",))
    write(tmp_path, found)
    assert load(tmp_path).parse("bronze.promotions").source.options["delimiters"] == [",", ";"]


def test_a_second_json_api(tmp_path: Path) -> None:
    source = {"kind": "json_api", "url": "GLOBALBEV_FREIGHT_URL", "path": "/v2/freight", "itemsField": "data.rows", "asOfParam": None}
    found = contract_from_json(
        "freight", [{"shipment_id": 7, "weight": 1.5, "legs": [{"from": "A"}]}, {"shipment_id": 8, "late": True}], domain="supply", source=source
    )
    write(tmp_path, found)
    book = load(tmp_path)
    assert book.parse("bronze.freight").source.options == {
        "url": "GLOBALBEV_FREIGHT_URL",
        "path": "/v2/freight",
        "items_field": "data.rows",
        "as_of_param": None,
    }
    assert {column.name: column.type for column in book.parse("silver.freight").business_columns} == {
        "shipment_id": "bigint", "weight": "decimal(18,4)", "legs": "string", "late": "boolean",
    }  # fmt: skip


@pytest.mark.parametrize(("columns", "key"), [([], []), ([("Total €", "text")], []), ([("a", "text")], ["b"]), ([("a", "text"), ("a", "text")], [])])
def test_what_cannot_be_a_contract_is_said(columns: list[tuple[str, str]], key: list[str]) -> None:
    with pytest.raises(TerminalError) as raised:
        contract_from_database("shop.things", columns, domain="sales", key=key)
    assert raised.value.code == "GB-1047"


def test_a_contract_is_not_overwritten(tmp_path: Path) -> None:
    write_contracts(by_day(), tmp_path)
    with pytest.raises(TerminalError) as raised:
        write_contracts(by_day(), tmp_path)
    assert raised.value.code == "GB-1048"


scalars = (
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=20)
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcxyz_", min_size=1, max_size=8), inner, max_size=3), max_leaves=8
)


@settings(max_examples=40)
@given(values)
def test_flow_yaml_is_read_back_as_it_was(value: object) -> None:
    assert load_document(f"key: {flow(value)}\n", "x") == {"key": value}


def test_the_text_is_read_back_as_it_was() -> None:
    for text in (bronze_yaml(by_day()), silver_yaml(by_day())):
        document = load_document(text, "x")
        assert load_document("".join(f"{key}: {flow(value)}\n" for key, value in document.items()), "x") == document


def test_a_key_in_another_order_than_the_table_s_columns() -> None:
    columns = [("note", "text"), ("line_no", "int"), ("sku", "text"), ("order_id", "bigint")]
    found = contract_from_database("shop.lines", columns, domain="sales", key=["order_id", "line_no"])
    assert [column.name for column in found.columns] == ["note", "order_id", "sku", "line_no"]
    assert found.key == ("order_id", "line_no")


def without_a_change_time(**more: str) -> Draft:
    columns = [column for column in REFUNDS if column[0] != "updated_at"]
    return contract_from_database("shop.refunds", columns, domain="sales", business_time="refunded_at", **more)  # type: ignore[arg-type]


def test_a_table_by_day_without_a_time_of_change_names_no_fallback(tmp_path: Path) -> None:
    write(tmp_path, without_a_change_time())
    options = load(tmp_path).parse("bronze.refunds").source.options
    assert (options["business_time"], "fallback_time" in options) == ("refunded_at", False)


def test_a_fallback_of_another_name(tmp_path: Path) -> None:
    columns = [("changed_at" if name == "updated_at" else name, kind) for name, kind in REFUNDS]
    write(tmp_path, contract_from_database("shop.refunds", columns, domain="sales", business_time="refunded_at", fallback_time="changed_at"))
    assert load(tmp_path).parse("bronze.refunds").source.options["fallback_time"] == "changed_at"


@pytest.mark.parametrize("times", [{"fallback_time": "updatedat"}, {"business_time": "refundet_at"}])
def test_a_time_that_the_table_does_not_have(times: dict[str, str]) -> None:
    with pytest.raises(TerminalError, match="GB-1047") as caught:
        contract_from_database("shop.refunds", REFUNDS, domain="sales", **times)  # type: ignore[arg-type]
    assert caught.value.got == next(iter(times.values()))
    assert "refunded_at" in str(caught.value.valid)


def test_the_lint_asks_for_the_time_of_a_table_by_day(tmp_path: Path) -> None:
    bronze, _ = write(tmp_path, by_day())
    bronze.write_text(bronze.read_text().replace("businessTime: refunded_at, ", "").replace("businessTime: refunded_at,", ""))
    problems = [problem for problem in problems_of(tmp_path) if "read by day" in problem.what]
    assert len(problems) == 1
    assert "businessTime" in problems[0].valid


def test_the_lint_refuses_to_fail_fast_where_no_record_can_be_unfit_by_itself(tmp_path: Path) -> None:
    bronze, _ = write(tmp_path, by_day())
    bronze.write_text(bronze.read_text().rstrip("\n") + "\n  - {property: onBadRecord, value: fail_fast}\n")
    (problem,) = (problem for problem in problems_of(tmp_path) if "fail-fast" in problem.what)
    assert (problem.code, problem.got) == ("GB-1023", "database")
    assert "format: csv" in problem.valid


def test_a_table_that_says_nothing_of_it_is_held_when_a_row_is_unaccounted_for(tmp_path: Path) -> None:
    _, silver = write(tmp_path, by_day())
    silver.write_text("\n".join(line for line in silver.read_text().splitlines() if "nothing_unaccounted" not in line))
    assert "unaccounted" not in silver.read_text()
    contract = load(tmp_path).parse("silver.refunds")
    assert [(limit.maximum, limit.blocking) for limit in contract.limits if limit.metric == "unaccounted"] == [(Decimal(0), True)]


@pytest.mark.parametrize("looser", ["maximum: 5, blocking: true", "maximum: 0, blocking: false"])
def test_no_contract_lets_a_row_pass_that_is_unaccounted_for(tmp_path: Path, looser: str) -> None:
    _, silver = write(tmp_path, by_day())
    silver.write_text(silver.read_text().replace("metric: unaccounted, minimum: 0, maximum: 0, blocking: true", f"metric: unaccounted, {looser}"))
    (problem,) = (problem for problem in problems_of(tmp_path) if "without an outcome" in problem.what)
    assert (problem.code, problem.valid) == ("GB-1023", "maximum: 0, blocking: true")


def test_a_file_without_a_header_is_refused_without_its_first_row() -> None:
    """Its first row is somebody's."""
    with pytest.raises(TerminalError, match="GB-1047") as caught:
        contract_from_csv_header("people", ["Ada Canary", "ada@example.org", "12 Elm Street"], [], domain="crm", key=[])
    assert "Canary" not in str(caught.value) and "3 columns" in str(caught.value)
