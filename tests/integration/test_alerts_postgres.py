"""The alerts over Dagster's PostgreSQL storage, as a shared installation has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import dagster as dg
import psycopg
import pytest

from sandbox import processes
from sandbox.layout import Layout
from sandbox.postgres import Postgres
from tests.alert_world import DAY, World, lines


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an embedded PostgreSQL."""
    layout = Layout(tmp_path_factory.mktemp("postgres"))
    layout.root.mkdir(exist_ok=True)
    server, port = Postgres(layout, "alerts-pass"), processes.free_port(0)
    server.start(port)
    yield server.dsn(port, "postgres")
    server.stop()
    server.remove()


@pytest.fixture
def world(server: str, tmp_path: Path) -> Iterator[World]:
    at = urlsplit(server)
    folder = tmp_path / "dagster"
    folder.mkdir()
    storage = {
        "scheme": "postgresql+psycopg2",
        "hostname": at.hostname,
        "username": at.username,
        "password": at.password,
        "port": at.port,
        "db_name": "postgres",
    }
    settings = [
        "telemetry: {enabled: false}",
        "storage:",
        "  postgres:",
        "    postgres_db:",
        *(f"      {name}: {value}" for name, value in storage.items()),
    ]
    (folder / "dagster.yaml").write_text("\n".join(settings))
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        instance.event_log_storage.wipe()
        yield World(tmp_path / "home", instance)


def test_checks_runs_and_materialisations_are_followed(world: World) -> None:
    world.tick()
    world.volume("bronze.stores")
    world.fail(world.run(["bronze.orders"]))
    world.tick()
    assert sorted(line["title"].split(":")[0] for line in lines(world.home)) == ["FAILED", "warning"]
    world.volume("bronze.stores", observed=1.0)
    world.materialise("bronze.orders", DAY)
    world.tick()
    assert sorted(line["kind"] for line in lines(world.home)) == ["new", "new", "over", "over"]
    assert [world.tick().messages for _ in range(2)] == [0, 0]


def test_an_event_whose_transaction_ends_after_a_later_one_is_not_lost(world: World, server: str) -> None:
    """PostgreSQL gives an id when the row is written and shows it when the transaction commits."""
    world.tick()
    world.volume("bronze.orders")
    with psycopg.connect(server, autocommit=True) as connection:
        late = "WITH gone AS (DELETE FROM event_logs WHERE id = (SELECT max(id) FROM event_logs) RETURNING *) SELECT * FROM gone"
        row = connection.execute(late).fetchone()
        world.volume("bronze.stores")
        world.tick()
        assert len(lines(world.home)) == 1
        places = ", ".join(["%s"] * len(row))
        connection.execute(f"INSERT INTO event_logs VALUES ({places})", row)
    world.tick()
    assert len(lines(world.home)) == 2
