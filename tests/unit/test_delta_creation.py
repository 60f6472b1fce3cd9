"""A table is created once, whoever comes first. No Spark."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Barrier

from deltalake import DeltaTable

from globalbev_assets.contracts.names import TableName
from resources.delta_creation import create_table
from resources.ledger import Ledger, LedgerRow
from tests.unit.contract_files import packaged

ORDERS = packaged()[TableName.parse("silver.orders")]
AT_ONCE = 4


def test_of_some_who_create_a_table_at_once_one_does_and_none_fails(tmp_path: Path) -> None:
    """With ``DeltaTable.create`` alone nine of ten tables had two creations, or somebody an error."""
    start = Barrier(AT_ONCE)

    def create(path: str) -> None:
        start.wait()
        create_table(path, ORDERS)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        for number in range(10):
            path = str(tmp_path / f"orders_{number}")
            list(threads.map(create, [path] * AT_ONCE))
            table = DeltaTable(path)
            assert table.version() == 0
            assert [field.name for field in table.schema().fields] == list(ORDERS.column_names)
            assert [found.name for found in Path(path, "_delta_log").iterdir()] == [f"{0:020d}.json"], "nothing is left behind"


def test_the_first_rows_of_some_who_record_at_once_are_all_there(tmp_path: Path) -> None:
    """The ledger's very first steps: half of them failed."""
    start = Barrier(AT_ONCE)

    def record(of: tuple[str, int]) -> None:
        root, number = of
        start.wait()
        Ledger(root).append([LedgerRow("bronze.orders", date(2026, 1, number), f"run-{number}", "published", datetime.now(UTC), "1.0.0")])

    with ThreadPoolExecutor(AT_ONCE) as threads:
        for number in range(5):
            root = str(tmp_path / f"lake_{number}")
            list(threads.map(record, [(root, day) for day in range(1, AT_ONCE + 1)]))
            assert len(Ledger(root).latest(["bronze.orders"])) == AT_ONCE


def test_a_table_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    create_table(str(tmp_path / "orders"), ORDERS)
    before = DeltaTable(tmp_path / "orders").metadata().id
    create_table(f"file://{tmp_path / 'orders'}", ORDERS)
    assert (DeltaTable(tmp_path / "orders").metadata().id, DeltaTable(tmp_path / "orders").version()) == (before, 0)
