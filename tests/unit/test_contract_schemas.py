"""A contract as a schema: Spark's, Delta's, SQL's. No JVM."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from deltalake import DeltaTable, Schema

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.operations import operations_contracts, quarantine_contract
from globalbev_assets.contracts.types import parse_type
from globalbev_assets.transforms.schemas import (
    column_ddl,
    create_statement,
    delta_schema_json,
    spark_type,
    statistics_columns,
    struct_type,
    table_properties,
    type_ddl,
)
from tests.unit.contract_files import packaged


@pytest.fixture
def book() -> ContractBook:
    return packaged()


@pytest.mark.parametrize(
    "text",
    ["string", "bigint", "int", "double", "boolean", "date", "timestamp", "decimal(18,4)", "array<string>", "map<string,decimal(18,6)>",
     "array<struct<rule_id:string,severity:string,column:string>>", "struct<a:array<map<string,int>>,b:decimal(3,2)>"],
)  # fmt: skip
def test_types_are_sparks_own(text: str) -> None:
    assert spark_type(text).simpleString() == text
    assert type_ddl(parse_type(text)).replace(" ", "").replace("`", "").lower() == text


@pytest.mark.parametrize(
    "text",
    ["", "text", "decimal", "decimal(0,0)", "decimal(39,2)", "decimal(4,5)", "array<>", "map<string>", "struct<a>", "array<string", "bigint; drop"],
)
def test_what_is_no_type_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_type(text)


def test_spark_and_delta_say_the_same(book: ContractBook) -> None:
    for contract in (*book.values(), *operations_contracts(), quarantine_contract(book.parse("silver.orders"))):
        assert json.loads(struct_type(contract).json()) == json.loads(delta_schema_json(contract))


def test_tables_are_made_from_it_without_a_jvm(book: ContractBook, tmp_path: Path) -> None:
    contract = book.parse("silver.orders")
    table = DeltaTable.create(str(tmp_path / "orders"), Schema.from_json(delta_schema_json(contract)), configuration=table_properties(contract))
    assert [field.name for field in table.schema().fields] == list(contract.column_names)
    assert [field.name for field in table.schema().fields if not field.nullable] == ["order_id", "status"]


def test_statistics_never_hold_personal_data(book: ContractBook) -> None:
    """An e-mail address in the statistics of the log outlives its erasure."""
    for contract in book.values():
        assert not {column.name for column in contract.columns if column.is_pii} & set(statistics_columns(contract))
    assert statistics_columns(book.parse("silver.order_lines")) == ("order_id", "line_no", "sku", "lot_id")
    assert table_properties(book.parse("silver.orders"))["delta.dataSkippingStatsColumns"] == "order_id,store_id,market_id,status"


def test_the_partition_column_is_not_among_the_statistics(book: ContractBook) -> None:
    """Spark refuses the table otherwise."""
    for contract in book.values():
        assert contract.partition_column not in statistics_columns(contract)


def test_ddl_quotes_what_it_is_given(book: ContractBook) -> None:
    statement = create_statement(book.parse("silver.orders"), "delta.`/lake/silver/orders`")
    assert statement.startswith("CREATE TABLE IF NOT EXISTS delta.`/lake/silver/orders` (`order_id` BIGINT NOT NULL COMMENT 'Number of the order.', ")
    assert "PARTITIONED BY (`order_date`)" in statement
    assert r"its store\'s" in column_ddl(book.parse("silver.orders"))


def test_operations_tables_have_the_ledgers_columns() -> None:
    """Two descriptions of one table must not drift apart."""
    ledger = pytest.importorskip("resources.ledger")
    by_table = {contract.table: list(contract.column_names) for contract in operations_contracts()}
    assert set(by_table["ledger"]) == set(ledger.LedgerRow.__dataclass_fields__)
    assert set(by_table["dq_results"]) == set(ledger.DqResult.__dataclass_fields__)
    assert by_table["alerts"] == list(pytest.importorskip("resources.alerts.outbox").AlertRow.__dataclass_fields__)


def test_quarantine_takes_owner_and_erasure_from_its_table(book: ContractBook) -> None:
    found = quarantine_contract(book.parse("silver.customers"))
    assert (str(found.name), found.key, found.date_column) == ("quarantine.customers", ("source", "source_position"), "partition")
    assert (found.owner, found.erasure) == ("customer-data@globalbev.example", "The row is deleted by customer_id.")
