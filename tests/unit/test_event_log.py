"""The batched event log says what Dagster's own says, row for row and query for query."""

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from resources.event_log import BatchedSqliteEventLogStorage
from tests.dagster_events import DAYS, LINES, ORDERS, a_bit_of_everything, evaluation, materialization

WRITTEN_BY_THE_CLOCK = {"create_timestamp", "migration_completed"}


def rows(folder: Path) -> dict[str, list[dict[str, object]]]:
    """Every row of every table of every file, but for the moment at which it was written."""
    found = {}
    for path in sorted(folder.glob("*.db")):
        connection = sqlite3.connect(path)
        connection.row_factory = sqlite3.Row
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            read = connection.execute(f'SELECT * FROM "{table}" ORDER BY 1').fetchall()
            found[f"{path.name}/{table}"] = [{name: row[name] for name in row.keys() if name not in WRITTEN_BY_THE_CLOCK} for row in read]  # noqa: SIM118
        connection.close()
    return found


@pytest.fixture
def stock(tmp_path: Path) -> SqliteEventLogStorage:
    return SqliteEventLogStorage(str(tmp_path / "stock"))


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[BatchedSqliteEventLogStorage]:
    storage = BatchedSqliteEventLogStorage(str(tmp_path / "ours"))
    yield storage
    storage.dispose()


def test_a_batch_leaves_the_rows_that_single_events_leave(stock: SqliteEventLogStorage, ours: BatchedSqliteEventLogStorage, tmp_path: Path) -> None:
    """In order, then in a random order over what the first run left: updates are as right as inserts."""
    for number in range(2):
        events = a_bit_of_everything(f"run-{number}")
        if number:
            random.shuffle(events)
        stock.store_event_batch(events)
        ours.store_event_batch(events[:20])
        ours.store_event_batch(events[20:])
    assert rows(tmp_path / "ours") == rows(tmp_path / "stock")


def test_single_events_and_events_without_a_run_leave_the_same_rows(
    stock: SqliteEventLogStorage, ours: BatchedSqliteEventLogStorage, tmp_path: Path
) -> None:
    for storage in (stock, ours):
        storage.store_event(materialization("", ORDERS, DAYS[0]))
        storage.store_event_batch([evaluation("", ORDERS, DAYS[0]), materialization("", LINES, DAYS[0]), materialization("run", LINES, DAYS[1])])
        storage.store_event(evaluation("run", ORDERS, DAYS[1]))
    assert rows(tmp_path / "ours") == rows(tmp_path / "stock")


def test_an_error_inside_a_batch_leaves_nothing_of_it(ours: BatchedSqliteEventLogStorage, tmp_path: Path) -> None:
    ours.store_event(materialization("run", ORDERS, DAYS[0]))
    before = rows(tmp_path / "ours")
    with ours.index_connection() as index:
        index.exec_driver_sql("CREATE TRIGGER broken BEFORE INSERT ON asset_check_executions BEGIN SELECT RAISE(ABORT, 'disk is odd'); END")
    with pytest.raises(Exception, match="disk is odd"):
        ours.store_event_batch(a_bit_of_everything("run"))
    assert rows(tmp_path / "ours") == before
    with ours.index_connection() as index:
        index.exec_driver_sql("DROP TRIGGER broken")
    ours.store_event_batch(a_bit_of_everything("run"))
    assert len(rows(tmp_path / "ours")["run.db/event_logs"]) == 1 + len(a_bit_of_everything("run"))


def test_wiping_forgets_everything_and_goes_on(ours: BatchedSqliteEventLogStorage) -> None:
    ours.store_event_batch(a_bit_of_everything("run"))
    ours.wipe()
    assert ours.all_asset_keys() == []
    ours.store_event_batch(a_bit_of_everything("run"))
    assert sorted(ours.all_asset_keys(), key=str) == sorted([ORDERS, LINES], key=str)
