"""The shop's database goes away, or takes too long, in the middle of a read: the step tries again or says so, and publishes nothing by halves."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest

from partitions.days import DayRange
from resources import shop
from sandbox.layout import Layout
from sandbox.postgres import Postgres
from tests.integration.lakes import Lake

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

READ_S = 4


@pytest.fixture(scope="module")
def slow_shop(own_lake: Lake) -> Iterator[Lake]:
    """Its markets take some seconds to read, by a view that sleeps."""
    own_lake.shop("alter table shop.markets rename to all_markets")
    own_lake.shop(f"create view shop.markets as select m.* from shop.all_markets m cross join (select pg_sleep({READ_S}) offset 0) as nap")
    yield own_lake


def server_of(lake: Lake) -> tuple[Postgres, int]:
    address = urlsplit(lake.dsn)
    return Postgres(Layout(lake.home), address.password or ""), address.port or 0


def is_read(lake: Lake) -> bool:
    """Whether somebody reads the markets just now."""
    with psycopg.connect(lake.dsn) as connection:
        found = connection.execute(
            "select count(*) from pg_stat_activity where state = 'active' and query like '%markets%' and pid <> pg_backend_pid()"
        ).fetchone()
        return found is not None and found[0] > 0


def test_a_restart_in_the_middle_of_a_read_is_got_over(slow_shop: Lake) -> None:
    server, port = server_of(slow_shop)
    restarted: list[float] = []

    def restart() -> None:
        deadline = time.monotonic() + 60
        while not is_read(slow_shop):
            assert time.monotonic() < deadline, "nobody read the markets"
            time.sleep(0.1)
        server.stop()
        server.start(port)
        restarted.append(time.monotonic())

    slow_shop.shop("update shop.all_markets set market_name = market_name || ' (renamed)' where market_id = 'GB'")
    other = threading.Thread(target=restart)
    other.start()
    last = slow_shop.days.last
    results = slow_shop.backfill(DayRange(last, last), ["bronze/markets"])
    other.join()
    assert restarted, "the server was not restarted"
    assert results[0].succeeded, results[0].errors
    rows = slow_shop.query("select market_id, market_name from bronze.markets where _partition_date = ? order by 1", [last])
    assert len(rows) == 8
    assert [row["market_name"] for row in rows if row["market_id"] == "GB"] == ["United Kingdom (renamed)"]


def test_a_read_that_takes_too_long_is_one_error_and_the_day_stays_as_it_was(slow_shop: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shop, "STATEMENT_MS", 1000 * READ_S // 8)
    before, last = slow_shop.versions(), slow_shop.days.last
    results = slow_shop.backfill(DayRange(last, last), ["bronze/markets"])
    after = slow_shop.versions()
    assert not results[0].succeeded
    assert "GB-1230" in "\n".join(results[0].errors)
    assert "statement timeout" in "\n".join(results[0].errors)
    assert after["bronze.markets"] == before["bronze.markets"]
    state = [row for row in slow_shop.latest() if (row["table_name"], row["business_day"]) == ("bronze.markets", last)]
    assert [row["state"] for row in state] == ["failed"]
