"""A database as a source: each table on a connection of its own in one snapshot, and Spark sent to where psycopg is. No Spark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest

from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import TableName
from globalbev_assets.errors import DataRejectedError, TerminalError, TransientError
from partitions.days import DayRange
from resources.jdbc_address import jdbc_address
from resources.shop import Relation, open_snapshot
from tests.integration.drift_world import DAY, World, making, shop_server

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]
DAYS = DayRange(DAY, DAY + timedelta(days=1))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with shop_server(tmp_path_factory.mktemp("shop")) as dsn:
        yield dsn


@pytest.fixture
def world(server: str, tmp_path: Path) -> Iterator[World]:
    with making(server, tmp_path) as made:
        yield made


def contract(world: World, table: str, **options: Any) -> Contract:
    """A packaged contract, with some options of its source changed; those that are None are left out."""
    found = world.book[TableName.parse(table)]
    changed = {name: value for name, value in (found.source.options | options).items() if value is not None}
    return replace(found, source=replace(found.source, options=changed))


def test_a_table_that_fails_leaves_the_others_their_snapshot(world: World) -> None:
    orders, payments = contract(world, "bronze.orders"), contract(world, "bronze.payments", fallback_time="changed_at")
    with open_snapshot(world.dsn) as snapshot:
        with snapshot.beside() as sibling:
            world.shop("delete from shop.payments; delete from shop.order_lines; delete from shop.orders where order_id <= 30")
            with pytest.raises(DataRejectedError, match="GB-2008") as caught, snapshot.beside() as failing:
                failing.counts(payments, DAYS)
            assert "changed_at" in str(caught.value.got)
            assert sibling.counts(orders, DAYS) == {DAY: 60}
        with snapshot.beside() as later:
            assert later.counts(orders, DAYS) == {DAY: 60}, "who begins after the failure sees what the others saw"
            assert later.read_at == snapshot.read_at
    with open_snapshot(world.dsn) as fresh, fresh.beside() as reading:
        assert reading.counts(orders, DAYS) == {DAY: 30}


def test_a_table_without_a_time_of_change_is_read_by_day_and_what_has_no_day_lies_under_the_newest_that_is_over(world: World) -> None:
    world.shop("alter table shop.orders alter ordered_at drop not null")
    world.shop("update shop.orders set ordered_at = null where order_id = 1; update shop.orders set ordered_at = '2999-01-01' where order_id = 2")
    world.shop("alter table shop.orders drop column updated_at")
    orders = contract(world, "bronze.orders", fallback_time=None)
    orders = replace(orders, columns=tuple(column for column in orders.columns if column.name != "updated_at"))
    with open_snapshot(world.dsn) as snapshot, snapshot.beside() as reading:
        newest = reading.read_at.date() - timedelta(days=1)
        assert reading.counts(orders, DAYS) == {DAY: 58}
        assert reading.counts(orders, DayRange(DAY, newest)) == {DAY: 58, newest: 2}, "the day that is loaded next, not one that never is"
        rows = reading.connection.execute(
            reading._select(orders, Relation.of(orders), DayRange(newest, newest)).join(["select order_id from ", ""]).encode()
        )
        assert sorted(rows.fetchall()) == [("1",), ("2",)]


def test_a_snapshot_that_is_gone_is_worth_another_try(world: World) -> None:
    with open_snapshot(world.dsn) as snapshot:
        snapshot.connection.rollback()
        with pytest.raises(TransientError, match="GB-1236"), snapshot.beside():
            pass


def test_a_statement_that_fails_has_a_code_and_shows_no_value(world: World) -> None:
    with open_snapshot(world.dsn) as snapshot, pytest.raises(TerminalError, match="GB-1237") as caught, snapshot.beside() as reading:
        reading.connection.execute("select 's3cret'::int")
    assert "InvalidTextRepresentation (22P02)" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_the_server_may_not_end_the_snapshot_for_waiting(world: World) -> None:
    database = psycopg.conninfo.conninfo_to_dict(world.dsn)["dbname"]
    world.shop(f"alter database {database} set idle_in_transaction_session_timeout = '1s'")
    with open_snapshot(world.dsn) as snapshot:
        row = snapshot.connection.execute("show idle_in_transaction_session_timeout").fetchone()
        assert row == ("0",)


def test_what_the_dsn_asks_of_the_server_stays_asked(world: World) -> None:
    with open_snapshot(f"{world.dsn}?options=-csearch_path%3Dshop") as snapshot:
        assert snapshot.connection.execute("show search_path").fetchone() == ("shop",)
        assert snapshot.connection.execute("show timezone").fetchone() == ("UTC",)


def parts(dsn: str) -> dict[str, Any]:
    return dict(psycopg.conninfo.conninfo_to_dict(dsn))


def test_spark_goes_where_psycopg_went_whatever_said_so(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = parts(world.dsn)
    address = f"jdbc:postgresql://127.0.0.1:{given['port']}/{given['dbname']}"
    (tmp_path / "pgpass").write_text(f"127.0.0.1:*:*:{given['user']}:{given['password']}\n")
    (tmp_path / "pgpass").chmod(0o600)
    (tmp_path / "services").write_text(f"[shop]\nhost=127.0.0.1\nport={given['port']}\ndbname={given['dbname']}\nuser={given['user']}\n")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
    monkeypatch.setenv("PGSSLMODE", "allow")
    two_hosts = f"host=127.0.0.1,127.0.0.1 port=1,{given['port']} user={given['user']} dbname={given['dbname']}"
    for dsn in ("service=shop", two_hosts):
        with psycopg.connect(dsn) as connection:
            found = jdbc_address(connection)
        assert (found["url"], found["user"], found["password"], found["sslmode"]) == (address, given["user"], given["password"], "allow")


def test_a_dsn_without_a_database_means_the_users_own(world: World) -> None:
    given = parts(world.dsn)
    with psycopg.connect(world.dsn.rpartition("/")[0] + "/postgres", autocommit=True) as connection:
        if not connection.execute("select from pg_database where datname = %s", (given["user"],)).fetchone():
            connection.execute(psycopg.sql.SQL("create database {}").format(psycopg.sql.Identifier(given["user"])))
    with psycopg.connect(world.dsn.rpartition("/")[0]) as connection:
        assert jdbc_address(connection)["url"].endswith(f"/{given['user']}")


def connection_to(host: str, **used: str) -> psycopg.Connection[Any]:
    """What psycopg says of a connection that cannot be made here."""
    info = SimpleNamespace(host=host, port=5432, dbname="the shop", user="u", password="p")
    options = [SimpleNamespace(keyword=name.encode(), val=value.encode()) for name, value in used.items()]
    return cast("psycopg.Connection[Any]", SimpleNamespace(info=info, pgconn=SimpleNamespace(info=options)))


@pytest.mark.parametrize("host", ["/var/run/postgresql", "@abstract"])
def test_a_unix_socket_is_refused_with_what_to_do(host: str) -> None:
    with pytest.raises(TerminalError, match="GB-1238") as caught:
        jdbc_address(connection_to(host))
    assert f"{host}, port 5432" in str(caught.value)


def test_addresses_and_names_are_written_as_a_url_wants_them() -> None:
    assert jdbc_address(connection_to("::1"))["url"] == "jdbc:postgresql://[::1]:5432/the%20shop"
    assert jdbc_address(connection_to("db.example", hostaddr="10.0.0.7"))["url"] == "jdbc:postgresql://10.0.0.7:5432/the%20shop"


def test_what_only_libpq_does_by_itself_is_not_asked_of_jdbc() -> None:
    found = jdbc_address(connection_to("db", gssencmode="prefer", channel_binding="prefer", krbsrvname="postgres", sslmode="prefer"))
    assert sorted(found) == ["driver", "password", "sslmode", "url", "user"]
    asked = jdbc_address(connection_to("db", gssencmode="disable", channel_binding="require"))
    assert (asked["gssEncMode"], asked["channelBinding"]) == ("disable", "require")


def test_certificates_are_passed_on_by_their_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = jdbc_address(connection_to("db", sslmode="verify-full", sslrootcert="root.crt", sslcert="/c/me.crt", sslkey="/c/me.key", sslpassword="x"))
    assert {name: value for name, value in found.items() if name.startswith("ssl")} == {
        "sslmode": "verify-full", "sslrootcert": f"{tmp_path}/root.crt", "sslcert": "/c/me.crt", "sslkey": "/c/me.key", "sslpassword": "x",
    }  # fmt: skip
    system = jdbc_address(connection_to("db", sslmode="verify-full", sslrootcert="system"))
    assert (system["sslfactory"], "sslrootcert" in system) == ("org.postgresql.ssl.DefaultJavaSSLFactory", False)


def test_the_sources_numbers_are_added_up_by_day_where_they_are_numbers(world: World) -> None:
    """60 payments of 2, 4 … 120; one is of another day, one is no number, and a column that became text is left to schema drift."""
    payments = contract(world, "bronze.payments")
    world.shop("alter table shop.payments alter amount type numeric; update shop.payments set amount = 'NaN' where payment_id = 60")
    world.shop("update shop.payments set paid_at = paid_at + interval '1 day' where payment_id = 1")
    with open_snapshot(world.dsn) as snapshot, snapshot.beside() as reading:
        assert reading.sums(payments, ["amount"], DAYS) == {"amount": {DAY: Decimal(3660 - 120 - 2), DAY + timedelta(days=1): Decimal(2)}}
        assert reading.sums(payments, ["currency"], DAYS) == {}
    world.shop("alter table shop.payments alter amount type text")
    with open_snapshot(world.dsn) as snapshot, snapshot.beside() as reading:
        assert reading.sums(payments, ["amount"], DAYS) == {}
    products = contract(world, "bronze.products")
    with open_snapshot(world.dsn) as snapshot, snapshot.beside() as reading:
        assert reading.sums(products, ["list_price"], DAYS) == {"list_price": {DAYS.last: Decimal(55)}}
