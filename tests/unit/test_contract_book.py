"""The book of contracts: order, domains, neighbours, and that loading it stays light."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.loader import load_contracts
from globalbev_assets.contracts.names import LAYERS, TableName
from globalbev_assets.errors import TerminalError
from tests.unit.contract_files import draft, load, packaged, seen, write

ROOT = Path(__file__).parents[2]
DOMAINS = {"sales", "catalog", "customers", "supply"}


@pytest.fixture
def book() -> ContractBook:
    return packaged()


def test_tables_stand_after_what_they_are_made_from(book: ContractBook) -> None:
    order = list(book)
    assert [LAYERS.index(name.layer) for name in order] == sorted(LAYERS.index(name.layer) for name in order)
    assert [(name, other) for name in order for other in book[name].upstream if order.index(other) > order.index(name)] == []


def test_a_domain_is_one_step(book: ContractBook) -> None:
    assert set(book.domains("bronze")) == set(book.domains("silver")) == DOMAINS
    assert book.domains("gold") == ("operations", "sales")
    assert [contract.table for contract in book.domain("silver", "sales")] == ["orders", "order_lines", "payments"]
    assert sum(len(book.domain(layer, domain)) for layer in LAYERS for domain in book.domains(layer)) == len(book)


def test_neighbours(book: ContractBook) -> None:
    lines = TableName("silver", "order_lines")
    assert {str(contract.name) for contract in book.upstream_of(lines)} == {
        "bronze.order_lines", "bronze.orders", "silver.orders", "silver.products", "silver.lots",
    }  # fmt: skip
    assert TableName("gold", "fact_daily_sales") in {contract.name for contract in book.downstream_of(lines)}
    assert book.downstream_of(TableName("gold", "fact_daily_sales")) == ()


def test_an_unknown_table_is_answered_with_the_nearest(book: ContractBook) -> None:
    assert book.parse("silver/orders") is book.parse("silver.orders")
    with pytest.raises(TerminalError) as raised:
        book.parse("silver.order_line")
    assert (raised.value.code, raised.value.valid) == ("GB-1029", "do you mean silver.order_lines?")


def test_delta_partitions_are_the_facts_only(book: ContractBook) -> None:
    """Everything else unpartitioned: 181 days of kilobytes a table would be the small-file problem by design."""
    assert {str(contract.name): contract.partition_column for contract in book.values() if contract.partition_column} == {
        "bronze.orders": "_partition_date",
        "bronze.order_lines": "_partition_date",
        "bronze.payments": "_partition_date",
        "silver.orders": "order_date",
        "silver.order_lines": "order_date",
        "silver.payments": "paid_date",
        "gold.fact_sku_market_performance": "sale_date",
        "gold.fact_daily_sales": "sale_date",
    }


def test_technical_columns_come_by_themselves(book: ContractBook) -> None:
    technical = {
        layer: [column.name for column in book.layer(layer)[0].columns if column.name.startswith("_")] for layer in ("bronze", "silver", "gold")
    }
    assert technical == {
        "bronze": ["_partition_date", "_source", "_source_position", "_ingested_at", "_run_id", "_rescued"],
        "silver": ["_partition_date", "_source", "_source_position", "_version", "_warnings", "_run_id"],
        "gold": ["_run_id"],
    }


def test_fifty_tables_are_fifty_files(tmp_path: Path) -> None:
    for number in range(25):
        write(tmp_path, draft(f"feed_{number:02d}"))
    assert len(load(tmp_path)) == len(packaged()) + 50
    started = time.process_time()
    load_contracts([tmp_path], cache=seen())
    assert time.process_time() - started < 1.0, "a warm load of eighty contracts was measured at 0.12 s"


def test_loading_the_contracts_starts_nothing_heavy() -> None:
    """Definitions load in 5 s without a JVM; pandera alone costs 1 to 4 s, and the validator is not needed for what passed before."""
    packaged()
    code = (
        "import sys; from pathlib import Path; from globalbev_assets.contracts import docs, loader, new_yaml, operations, verdicts;"
        f"from globalbev_assets.transforms import schemas; book = loader.load_contracts(cache=Path({str(seen())!r}));"
        "schemas.table_properties(book.parse('silver.orders'));"
        "print(sorted({'pyspark', 'dagster', 'pandera', 'pandas', 'pydantic', 'deltalake', 'jsonschema'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
