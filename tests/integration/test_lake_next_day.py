"""A next day happens while the lakehouse is at work: it is loaded alone, and gold is what it would have been, had all been loaded at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import sandbox
from partitions.days import DayRange, today
from tests.integration.gold_twins import CASES, figures_that_differ, rows_of_one_only
from tests.integration.lakes import Lake, fetched, make_lake, remove_lake, settings_of
from tests.integration.oracle import oracle

pytestmark = [pytest.mark.jvm, pytest.mark.integration, pytest.mark.slow]  # a sandbox and a Spark server of its own: two minutes
BEFORE = 3


@pytest.fixture(scope="module")
def ahead(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """A lake with some days and then one more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sandbox.lifecycle.today", lambda: today() - timedelta(days=1))  # made yesterday: the day that happens next is a whole one
        made = make_lake(tmp_path_factory.mktemp("ahead"))
    last = made.days.last
    day = last + timedelta(days=1)
    try:
        with settings_of(made):
            made.backfill(DayRange(last - timedelta(days=BEFORE - 1), last))
        sandbox.advance(made.home)
        ahead = replace(
            made,
            days=DayRange(last - timedelta(days=BEFORE - 1), day),
            variables={**made.variables, "GLOBALBEV_END_DATE": str(day + timedelta(days=1))},
        )
        with settings_of(ahead):
            yield replace(ahead, results=ahead.backfill(DayRange(day, day)))
    finally:
        remove_lake(made)


def test_the_day_is_loaded_and_each_of_its_rows_accounted_for(ahead: Lake) -> None:
    assert [stage.errors for stage in ahead.results if not stage.succeeded] == []
    rows = [row for row in ahead.latest() if row["business_day"] == ahead.days.last]
    assert {row["state"] for row in rows} <= {"published", "unchanged", "no_source_data"}
    assert [row["table_name"] for row in rows if row["unaccounted"]] == []
    by_table = {row["table_name"]: row for row in rows}
    of_day = "((case when ordered_at <= now() then ordered_at else updated_at end) at time zone 'utc')::date"
    ((in_shop,),) = ahead.shop(f"select count(*) from shop.orders where {of_day} = %s", [ahead.days.last])
    assert by_table["silver.orders"]["rows_in"] == in_shop > 50
    assert by_table["gold.fact_daily_sales"]["published"] > 10


@pytest.mark.parametrize("table", CASES)
def test_gold_is_what_the_sources_say(ahead: Lake, tmp_path: Path, table: str) -> None:
    duck = oracle(ahead, tmp_path)
    assert fetched(duck, f"select count(*) as rows from gold.{table}")[0]["rows"] > 0
    assert rows_of_one_only(duck, table) == []
    assert figures_that_differ(duck, table) == {}
