"""What of a connection string is shown: the address, and nothing that a password can be taken for."""

from __future__ import annotations

import psycopg
import pytest

from globalbev_assets.errors import TerminalError
from resources.shop import not_carried_out, parse_dsn, refused


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://etl:Kd8/xQ2zLm@127.0.0.1:5432/shop",
        "postgresql://etl:1234/xQ2zLm@127.0.0.1:5432/shop",
        "postgresql://etl:Kd8@xQ2zLm@127.0.0.1:5432/shop",
        "host=db;user=etl;password=Kd8xQ2zLm",
        "postgresql://etl:Kd8%xQ2zLm@db/shop",
    ],
)
def test_a_password_that_is_not_encoded_is_taken_for_no_address(dsn: str) -> None:
    with pytest.raises(TerminalError) as raised:
        parse_dsn(dsn)
    assert raised.value.code == "GB-1234"
    assert not any(part in str(raised.value) for part in ("Kd8", "xQ2zLm"))


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://etl:Kd8%2FxQ2zLm@db.example.org:5432/shop",
        "postgresql://etl:pw@[::1]:5432/shop",
        "postgresql://etl:pw@one,two:5433/shop",
        "host=/var/run/postgresql dbname=shop",
        "postgresql:///shop?host=/tmp/socket",
        "host=10.0.0.1 port=5432 user=etl dbname=my-shop",
        "service=shop",
        "",
    ],
)
def test_an_address_is_one(dsn: str) -> None:
    shown = str(refused(psycopg.OperationalError("connection failed: Connection refused"), parse_dsn(dsn)))
    assert "Connection refused" in shown
    assert not any(part in shown for part in ("Kd8", "pw@"))


def test_what_a_database_says_of_a_value_is_told_by_its_kind() -> None:
    said = str(not_carried_out(psycopg.errors.InvalidTextRepresentation('invalid input syntax for type bigint: "guest Ada Canary"')))
    assert "Ada" not in said and "InvalidTextRepresentation" in said
