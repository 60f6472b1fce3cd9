"""How a step learns that its days hold little: from the ledger, of the tables of bronze."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from resources.lakehouse_resource import are_few_rows
from resources.ledger import Ledger, LedgerRow
from resources.settings import Settings
from resources.spark_profile import SMALL_ROWS

DAYS = [date(2026, 5, 1), date(2026, 5, 2)]


def rows(table: str, day: date, count: int) -> LedgerRow:
    return LedgerRow(table, day, "run", "published", datetime.now(UTC), "1.0.0", rows_in=count)


def test_few_rows_are_known_and_few_and_of_these_days(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, home=tmp_path)
    ledger = Ledger(settings.lake_root)
    assert not are_few_rows(settings, DAYS)  # nothing is known: six months of anything may come
    ledger.append([rows("silver.orders", DAYS[0], 7)])
    assert not are_few_rows(settings, DAYS)
    ledger.append(
        [rows("bronze.orders", DAYS[0], SMALL_ROWS), rows("bronze.orders", date(2026, 4, 30), 5), rows("bronze.orders", date(2026, 5, 3), 5)]
    )
    assert are_few_rows(settings, DAYS)
    ledger.append([rows("bronze.stores", DAYS[1], 1)])
    assert not are_few_rows(settings, DAYS)
    ledger.append([rows("bronze.orders", DAYS[0], 10)])  # loaded again
    assert are_few_rows(settings, DAYS)
