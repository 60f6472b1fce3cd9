"""A folder's log by deltalake and a cluster's by its Spark: the same answers to the same questions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.names import TableName
from resources.delta_log import ClusterLog, DeltaLog, FolderLog
from resources.ledger import DqResult, Ledger, LedgerRow
from resources.replays import Waiting, resolved_days

pytestmark = pytest.mark.spark
DAY, AT = date(2026, 6, 1), datetime(2026, 6, 3, 4, 5, 6, 789, tzinfo=UTC)
ROWS = [
    LedgerRow("silver.orders", DAY, "run-1", "published", AT, "1.2.0", 10, 7, 2, 1, delta_version=4, content_hash="7:12", duration_s=0.25),
    LedgerRow("silver.orders", date(2026, 6, 2), "run-1", "held", AT, "1.2.0", reason="too few"),
    LedgerRow("silver.lots", DAY, "run-2", "published", AT, "1.0.0"),
]
RESULT = DqResult(
    "silver.orders", "known_store", "row", "store_id", DAY, "run-1", "error", Decimal("2.5"), None, Decimal("0.05"), None, False, True, AT
)


@pytest.fixture(params=["folder", "paths", "names"])
def log(request: pytest.FixtureRequest, spark: SparkSession, tmp_path: Path) -> Iterator[DeltaLog]:
    """By deltalake; by Spark with paths; by Spark with the names of a catalog, which forgets them between tests as it does between clusters."""
    if request.param == "folder":
        yield FolderLog()
        return
    yield ClusterLog(lambda: spark, str(tmp_path), "spark_catalog" if request.param == "names" else None)
    for schema in ("ops", "gold"):
        spark.sql(f"drop database if exists {schema} cascade")


def another(log: DeltaLog, spark: SparkSession) -> DeltaLog:
    """Of the next cluster, whose catalog has yet to hear of the tables."""
    if isinstance(log, ClusterLog) and log.catalog:
        for schema in ("ops", "gold"):
            spark.sql(f"drop database if exists {schema} cascade")
        return replace(log, _known=set())
    return log


def test_a_ledger_comes_back_as_it_was_written(log: DeltaLog, tmp_path: Path, spark: SparkSession) -> None:
    ledger = Ledger(str(tmp_path), log)
    assert ledger.latest(["silver.orders"]) == {}
    ledger.append(ROWS, [RESULT])
    newer = replace(ROWS[0], run_id="run-3", recorded_at=AT.replace(hour=5), published=9)
    ledger = Ledger(str(tmp_path), another(log, spark))
    ledger.append([newer])
    assert ledger.latest(["silver.orders"]) == {("silver.orders", DAY): newer, ("silver.orders", date(2026, 6, 2)): ROWS[1]}
    assert ledger.of_run("run-2") == [ROWS[2]]
    assert ledger.results(["silver.orders"], "run-1") == [RESULT]
    assert Ledger(str(tmp_path)).latest(["silver.orders"]) == ledger.latest(["silver.orders"]), "and either reads what the other wrote"


def test_a_table_is_made_once_and_its_versions_and_commits_are_told(log: DeltaLog, tmp_path: Path, spark: SparkSession, book: ContractBook) -> None:
    contract, path = book[TableName("gold", "fact_daily_sales")], str(tmp_path / "gold" / "table")
    assert log.version(path) is None
    log.create(path, contract)
    log = another(log, spark)
    log.create(path, contract)
    log.add_missing_columns(path, contract)
    assert log.version(path) == 0
    made = spark.read.format("delta").load(path)
    assert [(field.name, field.nullable) for field in made.schema] == [(column.name, column.is_nullable) for column in contract.columns]
    spark.conf.set("spark.databricks.delta.commitInfo.userMetadata", "said")
    spark.sql(f"ALTER TABLE delta.`{path}` SET TBLPROPERTIES ('seen' = 'yes')")
    spark.conf.unset("spark.databricks.delta.commitInfo.userMetadata")
    assert [(row["version"], row["userMetadata"]) for row in log.history(path, 0)] == [(1, "said")]
    assert log.history(path, 1) == []


def test_a_column_that_the_contract_gained_is_added(log: DeltaLog, tmp_path: Path, spark: SparkSession, book: ContractBook) -> None:
    contract, path = book[TableName("gold", "fact_daily_sales")], str(tmp_path / "gold" / "table")
    log.create(path, replace(contract, columns=contract.columns[:-1]))
    log.add_missing_columns(path, contract)
    assert spark.read.format("delta").load(path).columns == [column.name for column in contract.columns]
    assert log.version(path) == 1


def test_a_record_is_replaced_by_its_key(log: DeltaLog, tmp_path: Path, spark: SparkSession) -> None:
    path = str(tmp_path / "ops" / "record")
    for words in (["a", "b"], ["c"]):
        log.merge(path, pa.table({"id": list(range(len(words))), "word": words}), ["id"], {})
    assert sorted((row["id"], row["word"]) for row in another(log, spark).read(path, [])) == [(0, "c"), (1, "b")]


def test_rows_are_filtered_alike(log: DeltaLog, tmp_path: Path, spark: SparkSession) -> None:
    path = str(tmp_path / "gold" / "table")
    spark.sql(
        "select * from values (1, 'open', date'2026-06-01'), (2, 'open', date'2026-06-02'), (3, 'done', date'2026-06-03') t(id, state, day)"
    ).write.format("delta").save(path)
    found = log.read(path, [("state", "=", "open"), ("day", "not in", [DAY])])
    assert [row["id"] for row in found] == [2]
    assert sorted(row["id"] for row in log.read(path, [("id", "in", [1, 3])])) == [1, 3]


REJECTED = """
    (date'2026-06-02', 1, 'open', '{"store_id": " 7 ", "sku": "a-1"}', array('unknown_store')),
    (date'2026-06-03', 2, 'open', '{"store_id": "8", "sku": "a-1"}', array('unknown_store')),
    (date'2026-06-04', 3, 'open', '{"store_id": "7", "sku": "A-1"}', array('unknown_store', 'unknown_sku')),
    (date'2026-06-05', 4, 'open', '{"store_id": "7", "sku": "b-1"}', array('unknown_store', 'unknown_sku')),
    (date'2026-06-06', 5, 'open', '{"store_id": "7", "sku": "a-1"}', array('unknown_store', 'negative_price')),
    (date'2026-06-07', 6, 'discarded', '{"store_id": "7", "sku": "a-1"}', array('unknown_store')),
    (date'2026-06-08', 7, 'open', '{"store_id": "7", "sku": "a-1"}', array('unknown_store')),
    (date'2026-06-09', 8, 'open', '{"order_id": "70", "sku": "a-1"}', array('parent_quarantined')),
    (date'2026-06-10', 9, 'open', '{"order_id": "70", "sku": "a-1"}', array('unknown_order')),
    (date'2026-06-11', 10, 'open', '{"sku": "a-1"}', array('unknown_store')),
    (date'2026-06-02', 11, 'open', '{"store_id": "9"}', array('unknown_store'))
"""


def test_the_days_whose_rejected_rows_lack_no_reference_any_more(log: DeltaLog, tmp_path: Path, spark: SparkSession) -> None:
    def place(name: TableName) -> str:
        return str(tmp_path / name.layer / name.table)

    def made(name: TableName, query: str) -> None:
        spark.sql(query).write.format("delta").save(place(name))

    sales, stores, orders, products = (TableName.parse(name) for name in ("gold.rejected", "ops.stores", "ops.orders", "ops.products"))
    rules = [
        Waiting("unknown_store", "store_id", "store_id", stores, "store_id"),
        Waiting("unknown_sku", "sku", "sku", products, "sku"),
        Waiting("unknown_order", "order_id", "order_id", orders, "order_id", "order_date"),
        Waiting("parent_quarantined", "order_id", "order_id", orders, "order_id", "order_date"),
    ]
    assert resolved_days(log, place(sales), rules, place, []) == [], "without any table"
    made(stores, "select * from values (7), (70) t(store_id)")
    assert resolved_days(log, place(sales), rules, place, []) == [], "without a quarantine"
    shape = "transform(rules, rule -> named_struct('rule_id', rule, 'severity', 'error', 'column', 'c')) as errors"
    made(
        sales, f"select partition, source_position, state, record, {shape} from values {REJECTED} t(partition, source_position, state, record, rules)"
    )
    assert [day.day for day in resolved_days(log, place(sales), rules, place, [])] == [2, 8], "of a reference without a table nothing is there"
    made(orders, "select * from values (70, date'2026-06-09'), (71, date'2026-06-10') t(order_id, order_date)")
    made(products, "select * from values ('a-1') t(sku)")
    assert [day.day for day in resolved_days(log, place(sales), rules, place, [date(2026, 6, 8)])] == [2, 4, 9]
    assert [day.day for day in resolved_days(log, place(sales), rules, place, [])] == [2, 4, 8, 9]
    assert resolved_days(log, place(sales), rules[1:2], place, []) == [], "a rule that waits for nothing"
    assert resolved_days(log, place(sales), rules, place, [date(2026, 6, day) for day in range(1, 31)]) == [], "the step's own days"
