"""What silver asks before it reads, and how a table gets the columns that a patched contract has: without Spark."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import dagster as dg
import pytest
from deltalake import DeltaTable

from globalbev_assets.contracts.drift import Difference
from globalbev_assets.contracts.model import Column
from globalbev_assets.contracts.names import TableName
from globalbev_assets.transforms.tables import transform_of
from partitions.days import now
from resources.delta_log import FolderLog
from resources.drift.evaluation import verdict
from resources.drift.record import Drifts, Seen
from resources.lakehouse import Lakehouse
from resources.ledger import LedgerRow
from resources.settings import Settings
from resources.silver_step import _refused
from resources.steps import Step
from tests.unit.contract_files import packaged

DAYS = [date(2026, 6, 1), date(2026, 6, 2)]


def step(lake: Path, *read: str) -> Step:
    """A step over two days of some tables, all loaded just now."""
    rows = [LedgerRow(table, day, "run", "published", now(), "1.0.0") for table in read for day in DAYS]
    stub = SimpleNamespace(settings=SimpleNamespace(lake_root=str(lake)), log=FolderLog())
    return Step(cast("Any", stub), cast("Any", None), DAYS, {(row.table_name, row.business_day): row for row in rows})


def drift(lake: Path, table: str, *, is_breaking: bool = True, day: date | None = None) -> None:
    one = Difference(table, "missing", "channel", is_breaking=is_breaking)
    Drifts(str(lake)).change(
        [table], lambda _, at: [Seen(one, "shop.orders", "1.0.0", frozenset({day} if day else ())).row(at - timedelta(minutes=1))]
    )


def refused(at: Step, silver: str, bronze: str) -> dict[date, str]:
    return _refused(at, TableName.parse(bronze), transform_of(TableName.parse(silver)))


def test_an_open_breaking_difference_holds_the_days_of_its_table_and_no_others(tmp_path: Path) -> None:
    drift(tmp_path, "bronze.orders")
    at = step(tmp_path, "bronze.orders", "bronze.stores", "bronze.payments")
    held = refused(at, "silver.orders", "bronze.orders")
    assert set(held) == set(DAYS)
    assert held[DAYS[0]] == "schema drift in shop.orders: column channel is missing. See `globalbev drift show bronze.orders`"
    assert refused(at, "silver.stores", "bronze.stores") == {}
    assert refused(at, "silver.payments", "bronze.payments") == {}


def test_a_delivery_that_is_wrong_holds_its_own_day(tmp_path: Path) -> None:
    drift(tmp_path, "bronze.orders", day=DAYS[1])
    assert set(refused(step(tmp_path, "bronze.orders"), "silver.orders", "bronze.orders")) == {DAYS[1]}


def test_the_check_links_its_runbook_where_the_project_can_be_read(tmp_path: Path) -> None:
    drift(tmp_path, "bronze.orders")
    rows, table = Drifts(str(tmp_path)).rows(), TableName("bronze", "orders")
    here = Settings(_env_file=None, home=tmp_path)
    there = Settings(_env_file=None, home=tmp_path, docs_url="https://git.example/lake/")
    assert verdict(table, rows, here).metadata()["runbook"] == dg.MetadataValue.path("docs/runbooks/schema-drift.md")
    assert verdict(table, rows, there).metadata()["runbook"] == dg.MetadataValue.url("https://git.example/lake/docs/runbooks/schema-drift.md")


def test_what_is_only_new_holds_nothing(tmp_path: Path) -> None:
    drift(tmp_path, "bronze.orders", is_breaking=False)
    assert refused(step(tmp_path, "bronze.orders"), "silver.orders", "bronze.orders") == {}


def test_a_day_that_was_never_loaded_says_so_and_not_drift(tmp_path: Path) -> None:
    drift(tmp_path, "bronze.orders")
    assert "was never loaded" in refused(step(tmp_path), "silver.orders", "bronze.orders")[DAYS[0]]


def test_a_table_gets_the_columns_that_its_contract_has_by_now_and_keeps_its_rows_and_properties(tmp_path: Path) -> None:
    before = packaged()[TableName("bronze", "orders")]
    after = replace(before, columns=(Column("gift_note", "string", "A note."), *before.columns))
    lake = Lakehouse(Settings(_env_file=None, home=tmp_path), packaged(), lambda: pytest.fail("Spark was asked for"))
    lake.ensure_table(before)
    made = DeltaTable(lake.path(before.name))
    lake.evolve_table(before)
    assert lake.version(before.name) == made.version()
    lake.evolve_table(after)
    evolved = DeltaTable(lake.path(before.name))
    assert {field.name for field in evolved.schema().fields} == {*before.column_names, "gift_note"}
    assert evolved.metadata().configuration == made.metadata().configuration
    assert evolved.metadata().partition_columns == ["_partition_date"]
    lake.evolve_table(after)
    assert lake.version(before.name) == evolved.version()
