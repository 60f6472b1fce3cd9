"""The currency of a payment: its own, else its order's; another one than the order's is kept aside."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from globalbev_assets.contracts.names import TableName
from globalbev_assets.transforms.silver import judged
from globalbev_assets.transforms.tables import transform_of
from tests.spark.conftest import READ_AT
from tests.unit.contract_files import packaged

pytestmark = pytest.mark.spark
DAY = date(2026, 6, 1)
NAMES = ("payment_id", "order_id", "method", "card_last4", "amount", "currency", "status", "paid_at", "updated_at")
COLUMNS = ", ".join(f"{name} string" for name in NAMES) + ", _partition_date date, _source string, _source_position string"


def test_a_payment_without_currency_takes_its_order_s_and_another_currency_is_kept_aside(spark: SparkSession) -> None:
    at = "2026-06-01T10:00:00Z"
    given = {"1": "usd", "2": None, "3": " ", "4": "GBP", "5": "GBP", "6": None}
    order_of = {"5": "8", "6": "8"}  # the shop has it, and it was not published
    rows = [
        (key, order_of.get(key, "7"), "card", None, "2.50", currency, "failed", at, at, DAY, "shop.payments", key) for key, currency in given.items()
    ]
    payments = spark.createDataFrame(rows, COLUMNS).withColumn("_ingested_at", F.lit(READ_AT))
    refs = {
        "bronze.orders": spark.createDataFrame([("7",), ("8",)], "order_id string"),
        "silver.orders": spark.createDataFrame(
            [(7, DAY, "paid", "USD", READ_AT)], "order_id long, order_date date, status string, currency string, updated_at timestamp"
        ),
        "silver.order_lines": spark.createDataFrame([(7, Decimal("2.50"))], "order_id long, net_amount decimal(18,4)"),
        "bronze.payments": payments,
    }
    name = TableName("silver", "payments")
    found = judged(packaged()[name], payments, transform_of(name), refs, is_delivered=False).collect()
    said = {row["payment_id"]: (row["currency"], row["_outcome"], [error["rule_id"] for error in row["_errors"]], row["_warnings"]) for row in found}
    assert said == {
        1: ("USD", "published", [], []),
        2: ("USD", "published", [], ["currency_missing"]),
        3: ("USD", "published", [], ["currency_missing"]),
        4: ("GBP", "quarantined", ["currency_not_market"], []),
        5: ("GBP", "quarantined", ["parent_quarantined"], []),
        6: (None, "quarantined", ["parent_quarantined"], ["currency_missing"]),
    }
