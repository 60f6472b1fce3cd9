"""The shop's making: the same from the same seed, and every defect in the ledger once."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise

import pytest

from partitions.days import DayRange
from sandbox.ledger import Defect
from sandbox.rates import ORDER_DEFECTS, bands
from sandbox.sales import SALES_TABLES, Sales
from sandbox.state import State

LAST = date(2026, 11, 21)
DAYS = DayRange(LAST - timedelta(days=20), LAST)


def made(seed: int = 1, scale: int = 1, days: DayRange = DAYS) -> Sales:
    sales = Sales(State(seed=seed, scale=scale, made_last=LAST, last=LAST))
    sales.make(days)
    return sales


@pytest.fixture(scope="module")
def sales() -> Iterator[Sales]:
    making = made()
    yield making
    making.close()


def test_the_year_is_the_one_that_was_asked_for(sales: Sales) -> None:
    rows = sales.connection.execute("select count(*), count(distinct basket_id) from source_line").fetchall()
    assert rows == [(195_521, 84_335)]
    assert sales.connection.execute("select count(*), count(package_size) from shop_products").fetchall() == [(8266, 7807)]


def test_the_same_seed_gives_the_same_rows_and_another_seed_others(sales: Sales) -> None:
    again, other = made(), made(seed=2, days=DayRange(LAST, LAST))
    for table in SALES_TABLES:
        assert sorted(sales.rows(table), key=str) == sorted(again.rows(table), key=str)
    assert sales.defects("shop_defect") == again.defects("shop_defect")
    assert sales.defects("shop_defect") != other.defects("shop_defect")


def test_no_row_has_two_outcomes(sales: Sales) -> None:
    outcomes: dict[str, list[Defect]] = defaultdict(list)
    for defect in sales.defects("shop_defect"):
        outcomes[f"{defect.feed} {defect.key}"].append(defect)
    for row, defects in outcomes.items():
        ruled = [defect for defect in defects if defect.rule]
        assert len(ruled) <= 1, row
        assert len({defect.column for defect in defects}) == len(defects), row


def test_every_kind_of_defect_happens(sales: Sales) -> None:
    kinds = Counter(defect.kind for defect in sales.defects("shop_defect"))
    assert set(ORDER_DEFECTS) - {"manufactured_before_sold"} <= set(kinds)
    assert kinds["zero_quantity"] > 5


def test_a_bigger_scale_repeats_the_orders_under_other_ids(sales: Sales) -> None:
    last_week = DayRange(LAST - timedelta(days=6), LAST)
    count = "select count(*), count(distinct order_id), count(distinct customer_id) from base"
    double = made(scale=2, days=last_week)
    once, twice = made(days=last_week).connection.execute(count).fetchall()[0], double.connection.execute(count).fetchall()[0]
    assert twice == tuple(2 * number for number in once)
    assert len(double.rows("home")) == 2 * len(sales.rows("home"))


def test_ids_go_on_where_they_ended(sales: Sales) -> None:
    next_order, next_payment = sales.next_ids()
    assert next_order == 1_000_001 + len(sales.rows("base"))
    assert next_payment == 5_000_001 + len(sales.rows("payment"))


def test_a_number_falls_into_one_band_at_most() -> None:
    listed = list(bands())
    assert all(before[2] == after[1] for before, after in pairwise(listed))
    assert listed[-1][2] < 0.05


def test_payments_are_what_the_lines_cost(sales: Sales) -> None:
    off = """
        select count(*) from shop_payments p join payment using (payment_id)
        join (select order_id, sum(quantity * unit_price - sign(quantity) * discount_amount) as net
              from shop_order_lines group by all) t on t.order_id = p.order_id
        where payment.kind is null and p.status in ('captured', 'refunded') and abs(p.amount - abs(t.net)) > 0.0051
    """
    assert sales.connection.execute(off).fetchall() == [(0,)]
