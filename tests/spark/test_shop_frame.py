"""A table of a database as bronze's rows: read by JDBC in the snapshot that another table's failure has left alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from pyspark.sql import SparkSession

from globalbev_assets.contracts.names import TableName
from globalbev_assets.errors import DataRejectedError
from partitions.days import DayRange
from resources.shop import open_snapshot
from tests.integration.drift_world import DAY, World, making, shop_server

pytestmark = [pytest.mark.spark, pytest.mark.timeout(280)]
DAYS = DayRange(DAY, DAY + timedelta(days=1))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with shop_server(tmp_path_factory.mktemp("shop")) as dsn, making(dsn, tmp_path_factory.mktemp("world")) as made:
        yield made


def test_the_rows_are_the_snapshots_and_the_password_is_psycopgs(
    spark: SparkSession, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = psycopg.conninfo.conninfo_to_dict(world.dsn)
    (tmp_path / "pgpass").write_text(f"*:*:*:*:{given['password']}\n")
    (tmp_path / "pgpass").chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
    monkeypatch.setenv("PGDATABASE", str(given["dbname"]))
    orders, payments = (world.book[TableName("bronze", name)] for name in ("orders", "payments"))
    broken = replace(payments, source=replace(payments.source, options=payments.source.options | {"business_time": "gone_at"}))
    with open_snapshot(f"postgresql://{given['user']}@127.0.0.1:1,127.0.0.1:{given['port']}") as snapshot:
        with pytest.raises(DataRejectedError, match="GB-2008"), snapshot.beside() as failing:
            failing.counts(broken, DAYS)
        world.shop("delete from shop.payments; delete from shop.order_lines; delete from shop.orders")
        with snapshot.beside() as reading:
            assert reading.counts(orders, DAYS) == {DAY: 60}
            frame = reading.frame(spark, orders, DAYS)
        rows = frame.select("order_id", "ordered_at", "_partition_date", "_source").collect()
    assert len(rows) == 60
    assert min(rows, key=lambda row: int(row["order_id"])).asDict() == {
        "order_id": "1", "ordered_at": "2026-06-01T10:01:00.000000Z", "_partition_date": DAY, "_source": "shop.orders",
    }  # fmt: skip
