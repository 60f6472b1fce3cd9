"""Every figure of gold is the figure that DuckDB computes from the sources: money and counts exactly, ratios to their last digit but one."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from tests.integration.gold_twins import CASES, figures_that_differ, rows_of_one_only
from tests.integration.lakes import Lake, fetched
from tests.integration.oracle import millilitres, oracle

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def duck(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    yield oracle(lake, tmp_path_factory.mktemp("oracle"))


@pytest.mark.parametrize("table", CASES)
def test_the_same_rows_and_no_other(duck: duckdb.DuckDBPyConnection, table: str) -> None:
    counted = fetched(duck, f"select (select count(*) from gold.{table}) as ours, (select count(*) from {CASES[table][0]}) as theirs")
    assert counted[0]["ours"] == counted[0]["theirs"] > 50
    assert rows_of_one_only(duck, table) == []


@pytest.mark.parametrize("table", CASES)
def test_the_same_figures_to_the_cent(duck: duckdb.DuckDBPyConnection, table: str) -> None:
    assert figures_that_differ(duck, table) == {}


def test_the_windows_are_tried_where_they_are_difficult(duck: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    """The comparison above is about something: on the first day all sums are one, on the 29th the first falls out, and products have days without sales."""
    at_start = fetched(
        duck,
        "select count(*) as rows from gold.fact_sku_market_performance "
        "where sale_date = ? and net_sales = net_sales_7d and net_sales_7d = net_sales_28d",
        [lake.days.first],
    )
    assert at_start[0]["rows"] > 100
    gaps = (
        "select count(*) as rows from gold.fact_sku_market_performance g where net_sales_7d <> net_sales and not exists "
        "(select 1 from gold.fact_sku_market_performance b where (b.sku, b.market_id, b.sale_date) = (g.sku, g.market_id, g.sale_date - 1))"
    )
    assert fetched(duck, gaps)[0]["rows"] > 100
    edge = """
        select sum(g.net_sales_28d) as ours, sum(w.net) as theirs, sum(w.wider) as wider from gold.fact_sku_market_performance g join (
            select a.market_id, a.sku, a.sale_date, sum(b.net) filter (where b.sale_date >= a.sale_date - 27) as net, sum(b.net) as wider
            from (select distinct market_id, sku, sale_date from sold) a join sold b on (a.market_id, a.sku) = (b.market_id, b.sku)
                and b.sale_date between a.sale_date - 28 and a.sale_date group by all) w using (market_id, sku, sale_date)
        where g.sale_date >= cast(? as date) + 28"""
    sums = fetched(duck, edge, [lake.days.first])[0]
    assert sums["ours"] == sums["theirs"] != sums["wider"]


@pytest.mark.parametrize(
    ("size", "volume"),
    [
        ("12/12 OZ", "4258.5840"),
        ("12 PK/12 OZ", "4258.5840"),
        ("2 L", "2000"),
        (".5 L", "500.0"),
        ("1/2 GAL", "1892.7059"),
        ("20 CT", None),
        ("?", None),
    ],
)
def test_the_oracle_reads_a_package_as_a_person_does(size: str, volume: str | None) -> None:
    assert str(millilitres(size)) == str(volume)
