"""What a deployment does to a catalog's tables and a rollback takes back: Databricks' own SDK to a statement API that executes on real Spark and Delta.

Played is the HTTP of the warehouse and Unity Catalog's information schema, which Spark has not; its rows are made from the tables before each question.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from deploy.release.tables import carry_out, plan
from deploy.release.warehouse import StatementError, Warehouse
from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.model import Column, Contract
from globalbev_assets.contracts.names import TableName
from globalbev_assets.governance.sql import Sql
from tests.statement_api import signed_in

pytestmark = pytest.mark.spark
CATALOG = "spark_catalog"
ORDERS, CUSTOMERS, PAID = TableName("silver", "orders"), TableName("silver", "customers"), TableName("gold", "finance_daily_payments")


class Api:
    """Executes one statement after the other, as the statement API answers."""

    def __init__(self, spark: SparkSession) -> None:
        self.spark, self.lock, self.done = spark, threading.Lock(), list[str]()

    def answer(self, statement: str) -> dict[str, Any]:
        with self.lock:
            try:
                if "information_schema" in statement:
                    self._describe()
                else:
                    self.done.append(statement)
                rows = [[None if value is None else str(value) for value in row] for row in self.spark.sql(statement).collect()]
            except Exception as error:  # noqa: BLE001  a warehouse says what Spark says
                return {"statement_id": "1", "status": {"state": "FAILED", "error": {"message": str(error)}}}
        first, second = rows[: len(rows) // 2], rows[len(rows) // 2 :]
        self.second = second
        return {"statement_id": "1", "status": {"state": "SUCCEEDED"}, "manifest": {"total_chunk_count": 2}, "result": {"data_array": first}}

    def _describe(self) -> None:
        self.spark.sql("CREATE DATABASE IF NOT EXISTS information_schema")
        tables, columns = [], []
        for layer in ("silver", "gold"):
            for table in self.spark.catalog.listTables(layer):
                fields = self.spark.table(f"{layer}.{table.name}").schema.fields
                columns += [(layer, table.name, field.name, field.metadata.get("comment")) for field in fields]
                described = {row["col_name"]: row["data_type"] for row in self.spark.sql(f"DESCRIBE TABLE EXTENDED {layer}.{table.name}").collect()}
                tables.append((layer, table.name, described.get("Comment")))
        for name, rows, shape in (
            ("tables", tables, "table_schema string, table_name string, comment string"),
            ("columns", columns, "table_schema string, table_name string, column_name string, comment string"),
        ):
            frame = self.spark.createDataFrame(rows, shape)
            frame.write.mode("overwrite").format("delta").saveAsTable(f"information_schema.{name}")


@pytest.fixture
def api(spark: SparkSession) -> Iterator[Api]:
    found = Api(spark)
    for layer in ("silver", "gold"):
        spark.sql(f"CREATE DATABASE {layer}")  # Terraform's to make
    with signed_in(lambda verb, _, body: found.answer(body["statement"]) if verb == "POST" else {"data_array": found.second}):
        yield found
    for layer in ("silver", "gold", "information_schema"):
        spark.sql(f"DROP DATABASE IF EXISTS {layer} CASCADE")


WAREHOUSE = Warehouse(CATALOG, "w1")


def lacking(contracts: dict[TableName, Contract]) -> list[str]:
    """The statements that a deployment executes."""
    planned = plan(WAREHOUSE, contracts, None)
    assert carry_out(WAREHOUSE, planned) == []
    return [str(statement) for statements in planned.values() for statement in statements]


def kinds(statements: list[str]) -> list[str]:
    """What each does."""
    words = ("CREATE TABLE", "DROP CONSTRAINT", "ADD COLUMNS", "ALTER COLUMN", "COMMENT ON", "SET TBLPROPERTIES", "ADD CONSTRAINT")
    return [next(word for word in words if word in statement) for statement in statements]


def versions(spark: SparkSession, contracts: dict[TableName, Contract]) -> list[int]:
    return [spark.sql(f"DESCRIBE HISTORY {name} LIMIT 1").collect()[0]["version"] for name in contracts]


def test_a_deployment_makes_what_is_missing_and_then_commits_nothing(api: Api, spark: SparkSession, book: ContractBook) -> None:
    contracts = {name: book[name] for name in (ORDERS, CUSTOMERS, PAID)}
    assert kinds(lacking(contracts)) == ["CREATE TABLE", "ADD CONSTRAINT", "CREATE TABLE", "CREATE TABLE"]
    before = versions(spark, contracts)
    assert lacking(contracts) == []
    assert versions(spark, contracts) == before
    with pytest.raises(StatementError, match=r"(?i)constraint"):
        WAREHOUSE.ask(Sql("INSERT INTO silver.orders (order_id, status, order_date) VALUES (1, 'nonsense', date'2026-06-01')"))

    # The next release's contracts: a column more that is indexed, another description, a rule that is no more and one that allows more.
    orders, customers = contracts[ORDERS], contracts[CUSTOMERS]
    more = replace(
        customers,
        description="Another; it's a customer's.",
        columns=(*customers.columns[:1], Column("loyalty_tier", "string", "Its tier; the shop's.", is_key=True), *customers.columns[1:]),
    )
    without = replace(orders, rules=tuple(rule for rule in orders.rules if rule.id != "accepted:status"))
    assert kinds(lacking({ORDERS: without})) == ["DROP CONSTRAINT"]
    assert kinds(lacking({CUSTOMERS: more})) == ["ADD COLUMNS", "COMMENT ON", "SET TBLPROPERTIES"]
    assert "loyalty_tier" in spark.table("silver.customers").columns
    assert lacking({ORDERS: without, CUSTOMERS: more}) == []


def age(spark: SparkSession, table: str, days: float) -> None:
    """Let all commits that a table has by now be so old."""
    place = Path(spark.sql(f"DESCRIBE DETAIL {table}").collect()[0]["location"].removeprefix("file:"))
    then = time.time() - days * 86400
    for number, path in enumerate(sorted((place / "_delta_log").glob("*.json"))):
        os.utime(path, (then + number, then + number))


def test_a_table_whose_last_good_version_is_old_goes_back_too(api: Api, spark: SparkSession, book: ContractBook) -> None:
    """RESTORE refuses a version that was committed longer ago than files are kept, though its files are there: a table that seldom changes has such a one."""
    lacking({PAID: book[PAID]})
    spark.sql("INSERT INTO gold.finance_daily_payments (paid_date, currency, method) VALUES (date'2026-06-01', 'USD', 'card')")
    age(spark, "gold.finance_daily_payments", 45)
    spark.sql("DELETE FROM gold.finance_daily_payments")
    moment = datetime.now(UTC) - timedelta(hours=1)
    with pytest.raises(StatementError, match="DELETED_FILE_RETENTION"):
        WAREHOUSE.ask(Sql(f"RESTORE TABLE gold.finance_daily_payments TO TIMESTAMP AS OF '{moment:%Y-%m-%dT%H:%M:%SZ}'"))
    assert WAREHOUSE.restore(PAID, moment) == "restored"
    assert spark.table("gold.finance_daily_payments").count() == 1
    kept = {row["key"]: row["value"] for row in spark.sql("SHOW TBLPROPERTIES gold.finance_daily_payments").collect()}
    assert kept["delta.deletedFileRetentionDuration"] == "interval 7 days", "as it was, with all else"
    assert lacking({PAID: book[PAID]}) == []


def test_a_table_that_is_what_it_was_or_was_not_there_stays(api: Api, spark: SparkSession, book: ContractBook) -> None:
    lacking({PAID: book[PAID]})
    assert WAREHOUSE.restore(PAID, datetime.now(UTC) - timedelta(hours=1)) == "younger"
    age(spark, "gold.finance_daily_payments", 1)
    assert WAREHOUSE.restore(PAID, datetime.now(UTC) - timedelta(hours=1)) == "unchanged"
    assert WAREHOUSE.restore(CUSTOMERS, datetime.now(UTC)) == "younger"
