"""One classic session for the transform tests: the same code that the integration tests run through Spark Connect."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.loader import load_contracts
from resources.settings import PROJECT, Settings
from resources.spark import is_connect, open_session
from resources.spark_profile import small_conf

READ_AT = datetime(2026, 6, 30, 12, tzinfo=UTC)


@pytest.fixture(scope="package")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """An in-process session of 1 GB; its JVM ends with the folder's last test, before another one starts."""
    home = tmp_path_factory.mktemp("spark-home")
    jars = PROJECT / ".globalbev" / "jars"
    if (jars / "complete.json").exists():
        shutil.copytree(jars, home / "jars")
    session = open_session(Settings(_env_file=None, home=home, spark="in-process", spark_memory="1g"))
    assert not is_connect(session)
    for name, value in small_conf().items():  # a test's plan runs once, on a handful of rows
        session.conf.set(name, value)
    yield session
    session.stop()
    from pyspark import SparkContext  # noqa: PLC0415

    gateway: Any = SparkContext._gateway
    SparkContext._gateway = SparkContext._jvm = None
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait(30)
    for name in ("JAVA_HOME", *(name for name in os.environ if name.startswith(("PYSPARK_", "SPARK_")))):
        os.environ.pop(name, None)


@pytest.fixture(scope="package")
def book() -> ContractBook:
    """The packaged contracts."""
    return load_contracts()


def bronze(spark: SparkSession, columns: str, *rows: tuple[Any, ...], day: str = "2026-06-01", source: str = "shop.test") -> DataFrame:
    """Rows as bronze stores them: text columns, then where each came from; the position is the row's number."""
    names = columns.split()
    placed = [(*row, day, source, str(place)) for place, row in enumerate(rows, 1)]
    schema = ", ".join(f"{name} string" for name in [*names, "_day", "_source", "_source_position"])
    frame = spark.createDataFrame(placed, schema)
    return frame.selectExpr(
        *names, "cast(_day as date) as _partition_date", "_source", "_source_position", f"timestamp'{READ_AT:%Y-%m-%d %H:%M:%S}' as _ingested_at"
    )
