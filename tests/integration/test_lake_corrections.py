"""What the sources correct later: an order's day, a file that leaves somebody out, a week's panel that comes after the week, a payment after an attempt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from globalbev_assets.operations.backfill import StageResult
from partitions.days import DayRange
from tests.integration.drift_world import CRM_HEADER, PANEL_HEADER
from tests.integration.lakes import Lake, Row

pytestmark = [pytest.mark.integration, pytest.mark.slow]  # two minutes

ORDER, LEFT_OUT, KEPT = 870_000_001, "C8700001", "C8700002"
FIRST_TABLES = ["crm_contacts", "orders", "order_lines", "payments"]
BASE = [f"{layer}/{table}" for layer in ("bronze", "silver") for table in FIRST_TABLES]


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def deliver(lake: Lake, feed: str, day: date, name: str, lines: list[str]) -> None:
    folder = lake.landing / feed / str(day)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join(lines) + "\n")
    (folder / f"{name}.done").touch()


def contact(number: str, name: str) -> str:
    return f"{number},{name},Corrected,c{number}@mail.example,,1 Road,Town,OH,43004,US,gold,2026-01-02,"


@dataclass
class Story:
    """What was there before the corrections of the last day, and what a load of that day alone made of them."""

    lake: Lake
    attempted: date
    in_week: date
    moved_from: date
    moved: int
    sold: Row
    is_new: Row
    before: dict[date, Decimal]
    first: list[StageResult]
    results: list[StageResult]


def unreconciled(lake: Lake) -> dict[date, Decimal]:
    rows = lake.query("select paid_date, sum(unreconciled_amount) as amount from gold.finance_daily_payments group by 1")
    return {row["paid_date"]: row["amount"] for row in rows}


@pytest.fixture(scope="module")
def story(own_lake: Lake) -> Story:
    last = own_lake.days.last
    attempted, in_week, moved_from = last - timedelta(days=9), last - timedelta(days=6), last - timedelta(days=3)
    is_new = own_lake.query("select customer_id, min(order_date) as day from silver.orders join silver.order_lines using (order_id, order_date) where status = "
                            "'delivered' and market_id is not null group by 1 having min(order_date) > ? order by 1 limit 1",
                            [attempted + timedelta(days=1)])[0]  # fmt: skip
    own_lake.shop("insert into shop.orders select %s, %s, store_id, %s, 'delivered', 'web', null, %s from shop.stores join shop.markets using (market_id) "
                  "where currency = 'USD' limit 1", [ORDER, is_new["customer_id"], noon(attempted), noon(attempted)])  # fmt: skip
    own_lake.shop("insert into shop.order_lines select %s, 1, sku, null, 2, 3.50, 0, %s from shop.products limit 1", [ORDER, noon(attempted)])
    own_lake.shop(
        "insert into shop.payments values (%s, %s, 'card', null, 7, 'USD', 'failed', %s, %s)", [ORDER, ORDER, noon(attempted), noon(attempted)]
    )
    deliver(own_lake, "crm_contacts", attempted, "early.csv", [CRM_HEADER, contact(LEFT_OUT, "Early"), contact(KEPT, "Early")])
    deliver(own_lake, "crm_contacts", attempted + timedelta(days=1), "late.csv", [CRM_HEADER, contact(LEFT_OUT, "Late"), contact(KEPT, "Late")])
    first = own_lake.backfill(DayRange(attempted, attempted + timedelta(days=1)), [*BASE, "gold/finance_daily_payments", "gold/executive_kpis"])
    before = unreconciled(own_lake)

    sold = own_lake.query(
        "select market_id, sku from gold.fact_sku_market_performance where sale_date = ? order by net_sales desc limit 1", [in_week]
    )[0]
    week = in_week - timedelta(days=1)
    deliver(own_lake, "market_panel", last, "panel_own.csv", [PANEL_HEADER, f"{week},{sold['market_id']},{sold['sku']},777,800,1,1,A"])
    deliver(own_lake, "crm_contacts", last, "late.csv", [CRM_HEADER, contact(KEPT, "Corrected")])
    moved = own_lake.query("select order_id from silver.orders join silver.order_lines using (order_id) where orders.order_date = ? "
                           "and status = 'delivered' and net_amount > 0 order by 1 limit 1", [moved_from])[0]["order_id"]  # fmt: skip
    own_lake.shop("update shop.orders set ordered_at = %s, updated_at = now() where order_id = %s", [noon(last), moved])
    own_lake.shop("insert into shop.payments values (%s, %s, 'card', null, 7, 'USD', 'captured', %s, %s)", [ORDER + 1, ORDER, noon(last), noon(last)])
    tables = [
        *BASE,
        "bronze/market_panel",
        "silver/market_panel",
        "gold/fact_sku_market_performance",
        "gold/finance_daily_payments",
        "gold/fact_daily_sales",
    ]
    return Story(own_lake, attempted, in_week, moved_from, moved, sold, is_new, before, first, own_lake.backfill(DayRange(last, last), tables))


def test_the_loads_succeed_and_take_the_days_that_were_left(story: Story) -> None:
    assert [result.errors for result in (*story.first, *story.results)] == [[]] * 6
    assert story.results[0].replayed == (story.moved_from,)
    silver, gold = story.results[1].stage, story.results[2].stage
    assert silver.days == DayRange(story.moved_from, story.lake.days.last)
    assert gold.days.first == story.moved_from
    assert "published again" in silver.why


@pytest.mark.parametrize("table", ["bronze.orders", "silver.orders"])
def test_an_order_whose_day_was_corrected_stands_on_its_new_day_alone(story: Story, table: str) -> None:
    column = "_partition_date" if table.startswith("bronze") else "order_date"
    found = story.lake.query(f"select {column} as day from {table} where order_id::bigint = ?", [story.moved])
    assert found == [{"day": story.lake.days.last}]
    lines = story.lake.query(
        f"select distinct {column} as day from {table.removesuffix('orders')}order_lines where order_id::bigint = ?", [story.moved]
    )
    assert lines == [{"day": story.lake.days.last}]


def test_gold_counts_it_once(story: Story) -> None:
    sums = "select sale_date, sum(net_sales) as amount from gold.fact_daily_sales where sale_date in (?, ?) group by 1 order by 1"
    silver = """select o.order_date as sale_date, sum(l.net_amount) as amount from silver.orders o join silver.order_lines l using (order_id)
                where o.status not in ('cancelled', 'unknown') and o.market_id is not null and o.order_date in (?, ?) group by 1 order by 1"""
    days = [story.moved_from, story.lake.days.last]
    assert story.lake.query(sums, days) == story.lake.query(silver, days)


def test_whom_a_correction_leaves_out_is_as_the_file_before_had_them(story: Story) -> None:
    rows = story.lake.query("select contact_id, full_name from silver.crm_contacts where contact_id in (?, ?) order by 1", [LEFT_OUT, KEPT])
    assert [(row["contact_id"], row["full_name"].split()[0]) for row in rows] == [(LEFT_OUT, "Early"), (KEPT, "Corrected")]
    ledger = {row["business_day"]: row["unaccounted"] for row in story.lake.latest() if row["table_name"] == "silver.crm_contacts"}
    assert (ledger[story.attempted], ledger[story.lake.days.last]) == (0, 0)


def test_a_panel_that_comes_after_its_week_is_in_gold_of_the_week_whatever_day_the_week_begins_with(story: Story) -> None:
    found = story.lake.query(
        "select sale_date, is_on_display, panel_units from gold.fact_sku_market_performance where market_id = ? and sku = ? and panel_units = 777 order by 1",
        [story.sold["market_id"], story.sold["sku"]],
    )
    assert story.in_week in {row["sale_date"] for row in found}
    assert {row["is_on_display"] for row in found} == {True}
    week = DayRange(story.in_week - timedelta(days=1), story.in_week + timedelta(days=5))
    assert {row["sale_date"] for row in found} <= set(week)


def test_what_is_open_moves_to_the_day_of_the_last_payment_with_days_between_left_alone(story: Story) -> None:
    after = unreconciled(story.lake)
    changed = {day: after[day] - story.before.get(day, Decimal(0)) for day in after if after[day] != story.before.get(day)}
    assert changed[story.attempted] == Decimal(7)
    between = set(DayRange(story.attempted + timedelta(days=1), story.moved_from - timedelta(days=1)))
    assert between & set(changed) == set()


def test_who_was_new_is_returning_once_an_older_sale_has_come(story: Story) -> None:
    """Of the order's own day and the next alone was asked; the day on which the customer was new is counted again all the same."""
    assert story.is_new["day"] in story.first[2].replayed
    silver = """
        with lines as (select distinct o.customer_id, o.currency, o.order_date as sale_date
                       from silver.orders o join silver.order_lines l using (order_id, order_date)
                       where o.status not in ('cancelled', 'unknown') and o.market_id is not null and o.customer_id is not null),
             first as (select customer_id, min(sale_date) as sale_date from lines group by 1)
        select sale_date, currency, count(distinct customer_id) as new_customers from lines join first using (customer_id, sale_date) group by 1, 2"""
    wrong = f"select k.sale_date from gold.executive_kpis k left join ({silver}) s using (sale_date, currency) " \
            "where k.sale_date < ? and k.new_customers is distinct from coalesce(s.new_customers, 0)"  # fmt: skip
    assert story.lake.query(wrong, [story.moved_from]) == []


def test_what_was_paid_for_an_order_without_lines_is_counted_elsewhere_once_it_is_cancelled(story: Story) -> None:
    """All its lines are rejected, so that it is found by nothing but itself."""
    lake, number, placed, paid = story.lake, ORDER + 7, story.attempted, story.attempted + timedelta(days=2)
    tables = [*BASE, "gold/finance_daily_payments"]

    def amounts() -> tuple[Decimal, Decimal]:
        (row,) = lake.query(
            "select sum(captured) as ours, sum(captured_elsewhere) as elsewhere from gold.finance_daily_payments where paid_date = ?", [paid]
        )
        return row["ours"], row["elsewhere"]

    lake.shop("insert into shop.orders select %s, null, store_id, %s, 'delivered', 'web', null, %s from shop.stores join shop.markets using (market_id) "
              "where currency = 'USD' limit 1", [number, noon(placed), noon(placed)])  # fmt: skip
    lake.shop("insert into shop.order_lines values (%s, 1, 'BEV-NOBODY-KNOWS', null, 2, 50, 0, %s)", [number, noon(placed)])
    lake.shop("insert into shop.payments values (%s, %s, 'gift', null, 100, 'USD', 'captured', %s, %s)", [number, number, noon(paid), noon(paid)])
    assert all(result.succeeded for result in lake.backfill(DayRange(placed, paid), tables))
    ours, elsewhere = amounts()
    lake.shop("update shop.orders set status = 'cancelled', updated_at = now() where order_id = %s", [number])
    assert all(result.succeeded for result in lake.backfill(DayRange(placed, placed), tables))
    assert amounts() == (ours - 100, elsewhere + 100)
