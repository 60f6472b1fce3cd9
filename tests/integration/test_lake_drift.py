"""A source changes between two loads and no sensor runs: bronze goes on, silver's days of that table alone are held until contract or source is mended."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from globalbev_assets.contracts.new import contract_from_database
from globalbev_assets.operations.backfill import StageResult
from globalbev_assets.operations.drift_apply import apply_patches
from globalbev_assets.operations.drift_report import Report
from partitions.days import DayRange
from resources.dagster_home import prepare_dagster_home
from resources.drift.comparing import Comparison
from resources.jars import ensure_jars
from resources.lakehouse_resource import book_of
from resources.settings import load_settings
from resources.spark_server import stop_server
from tests.integration.drift_world import World, making, shop_server
from tests.integration.lakes import Lake, Row, settings_of
from tests.unit.contract_files import load, write

pytestmark = [pytest.mark.jvm, pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(900)]  # a Spark server of its own

FIRST, LAST = date(2026, 6, 1), date(2026, 6, 2)
DAYS = DayRange(FIRST, LAST)
TABLES = ("refunds", "returns", "credits")
BRONZE, SILVER = ("bronze/refunds", "bronze/returns"), ("silver/refunds", "silver/returns")
COLUMNS = [("refund_id", "bigint"), ("sku", "text"), ("amount", "numeric(12,2)"), ("refunded_at", "timestamptz"), ("updated_at", "timestamptz")]
TABLE = (
    "create table shop.{0} (refund_id bigint primary key, sku text, amount numeric(12,2), refunded_at timestamptz, updated_at timestamptz);"
    "insert into shop.{0} select n, 'BEV-' || n, n, timestamptz '2026-06-01 10:00+00' + (n % 2) * interval '1 day', now() from generate_series(1, 20) n"
)


@dataclass
class Story:
    """The lake, and its sources to change."""

    lake: Lake
    world: World

    def load(self, *tables: str) -> list[StageResult]:
        """Load both days as a process of its own would, with the contracts as they are on disk."""
        book_of.cache_clear()
        with settings_of(self.lake):
            return self.lake.backfill(DAYS, tables)

    def states(self, table: str) -> dict[date, tuple[str, str]]:
        """State and reason of each day."""
        return {row["business_day"]: (row["state"], row["reason"]) for row in self.lake.latest() if row["table_name"] == table}

    def rows(self, table: str) -> list[Row]:
        return self.lake.query(f"select refund_id, sku, amount from {table} order by 1")

    @property
    def comparison(self) -> Comparison:
        return Comparison(self.world.settings, load(Path(str(self.world.settings.contracts))))


@contextmanager
def made(folder: Path, server: str) -> Iterator[Story]:
    contracts = folder / "contracts"
    for name in TABLES:
        write(contracts, contract_from_database(f"shop.{name}", COLUMNS, domain="sales", key=["refund_id"], business_time="refunded_at"))
    home = folder / "home"
    shutil.copytree(ensure_jars(load_settings().home)[0].parent, home / "jars")
    with making(server, home, load(contracts), contracts) as world:
        for name in TABLES:
            world.shop(TABLE.format(name))
        settings = world.settings
        variables = {
            "GLOBALBEV_ENV": "local", "GLOBALBEV_HOME": str(home), "GLOBALBEV_LAKE": settings.lake_root, "GLOBALBEV_LANDING": str(settings.landing_root),
            "GLOBALBEV_SHOP_DSN": world.dsn, "GLOBALBEV_INVENTORY_URL": str(settings.inventory_url), "GLOBALBEV_INVENTORY_TOKEN": "t" * 24,
            "GLOBALBEV_CONTRACTS": str(contracts), "GLOBALBEV_START_DATE": str(FIRST), "GLOBALBEV_END_DATE": "2026-06-05", "GLOBALBEV_SPARK": "server",
            "GLOBALBEV_SPARK_MEMORY": "1g", "DAGSTER_HOME": str(prepare_dagster_home(home)), "DAGSTER_EVENT_BATCH_SIZE": "200",
        }  # fmt: skip
        try:
            yield Story(Lake(home, home, DAYS, variables), world)
        finally:
            stop_server(settings)
            book_of.cache_clear()


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with shop_server(tmp_path_factory.mktemp("shop")) as server, made(tmp_path_factory.mktemp("drift"), server) as one:
        yield one


def test_a_breaking_change_holds_that_table_alone_until_the_contract_is_patched(story: Story) -> None:
    assert story.load("bronze/refunds")[0].succeeded  # what it held before says that the new name is the old one
    story.world.shop("alter table shop.refunds rename column sku to article; alter table shop.refunds add column reason text default 'broken'")
    bronze, silver = story.load(*BRONZE, *SILVER)
    assert (bronze.succeeded, silver.succeeded) == (True, False)
    assert {state for state, _ in story.states("bronze.refunds").values()} == {"published"}
    rescued = story.lake.query("select sku, _rescued from bronze.refunds where refund_id = '2'")
    assert [(row["sku"], json.loads(row["_rescued"])) for row in rescued] == [(None, {"article": "BEV-2", "reason": "broken"})]
    held = story.states("silver.refunds")
    assert [state for state, _ in held.values()] == ["held", "held"]
    assert "schema drift in shop.refunds: column sku is gone, and article looks like it" in held[FIRST][1]
    assert {state for state, _ in story.states("silver.returns").values()} <= {"published", "unchanged"}
    assert "schema drift in shop.refunds" in "\n".join(silver.errors)
    assert "silver.returns" not in "\n".join(silver.errors)

    outcome = apply_patches(Report.of(story.comparison, ["refunds"], is_all=False), is_dry_run=False)
    assert (len(outcome.closed), dict(outcome.held)) == (2, {"bronze.refunds": [FIRST, LAST]})
    results = story.load("bronze/refunds", "silver/refunds")
    assert [result.succeeded for result in results] == [True, True], [result.errors for result in results]
    assert [row["sku"] for row in story.rows("silver.refunds")] == [f"BEV-{number}" for number in range(1, 21)]
    assert story.lake.query("select distinct sku is not null as known, reason, _rescued from bronze.refunds") == [
        {"known": True, "reason": "broken", "_rescued": None}
    ]


def test_a_source_that_is_mended_releases_days_that_were_read_again(story: Story) -> None:
    story.load("bronze/returns", "silver/returns")
    story.world.shop("alter table shop.returns rename column sku to article; update shop.returns set amount = amount + 1 where refund_id = 2")
    before = story.rows("silver.returns")
    story.load("bronze/returns", "silver/returns")
    assert [state for state, _ in story.states("silver.returns").values()] == ["held", "held"]
    assert story.rows("silver.returns") == before
    story.world.shop("alter table shop.returns rename column article to sku")
    story.world.tick()
    assert not story.load("silver/returns")[0].succeeded
    assert "Load it again: `globalbev backfill 2026-06-01 2026-06-01`" in story.states("silver.returns")[FIRST][1]
    assert [result.succeeded for result in story.load("bronze/returns", "silver/returns")] == [True, True]
    assert [row["amount"] for row in story.rows("silver.returns")][:3] == [1, 3, 3]


def test_a_retyped_column_is_released_by_the_patch_alone(story: Story) -> None:
    story.world.shop("alter table shop.credits alter column amount type text")
    assert [result.succeeded for result in story.load("bronze/credits", "silver/credits")] == [True, False]
    assert "column amount is text, not numeric(12,2)" in story.states("silver.credits")[LAST][1]
    apply_patches(Report.of(story.comparison, ["credits"], is_all=False), is_dry_run=False)
    assert story.load("silver/credits")[0].succeeded
    assert {state for state, _ in story.states("silver.credits").values()} <= {"published", "unchanged"}
