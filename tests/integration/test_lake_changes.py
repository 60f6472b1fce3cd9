"""A change at the source and what it touches: one day of silver, 28 days of gold, and nothing else. No personal datum leaves the tables on the way."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from globalbev_assets.operations.backfill import StageResult, plan
from partitions.days import DayRange
from tests.integration.lakes import Lake, Row

pytestmark = [pytest.mark.integration]

CANARY = {"name": "Quetzalcoatl Canarybird", "email": "canary.bird.7719@canary-mail.example", "phone": "+1 614 555 7719 call me", "card": "9182"}
SALES = (
    "bronze/orders",
    "bronze/order_lines",
    "bronze/payments",
    "silver/orders",
    "silver/order_lines",
    "silver/payments",
    "gold/fact_sku_market_performance",
)
UNDATED, FUTURE = 990_000_001, 990_000_002


@dataclass(frozen=True)
class Change:
    """What was changed, and the tables before and after."""

    lake: Lake
    day: date
    sku: str
    market: str
    results: list[StageResult]
    before: dict[str, dict[object, list[Row]]]
    after: dict[str, dict[object, list[Row]]]


def by_day(lake: Lake, table: str, column: str) -> dict[object, list[Row]]:
    found: dict[object, list[Row]] = {}
    for row in lake.query(f"select * exclude (_run_id) from {table} order by all"):
        found.setdefault(row[column], []).append({name: value for name, value in row.items() if name not in ("_version", "_ingested_at")})
    return found


def snapshot(lake: Lake) -> dict[str, dict[object, list[Row]]]:
    columns = {"silver.orders": "order_date", "silver.order_lines": "order_date", "gold.fact_sku_market_performance": "sale_date"}
    return {table: by_day(lake, table, column) for table, column in columns.items()}


@pytest.fixture(scope="module")
def change(own_lake: Lake) -> Iterator[Change]:
    """An old line gets another quantity; beside it two orders without a usable date and a customer, contact and payment that nobody may read."""
    day = own_lake.days.first + timedelta(days=3)
    order, line, sku, market, store = own_lake.query(
        "select l.order_id, l.line_no, l.sku, o.market_id, o.store_id from silver.order_lines l join silver.orders o using (order_id) "
        "join gold.fact_sku_market_performance g "
        "on (g.sale_date, g.market_id, g.sku) = (o.order_date, o.market_id, l.sku) where o.order_date = ? and o.status = 'delivered' "
        "and l.quantity = 1 and l.unit_price > 1 "
        "order by 1, 2 limit 1",
        [day],
    )[0].values()
    changed_at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    own_lake.shop(
        "update shop.order_lines set quantity = 1001, discount_amount = 0, updated_at = now() where order_id = %s and line_no = %s", [order, line]
    )
    for number, ordered_at in ((UNDATED, None), (FUTURE, datetime.now(UTC) + timedelta(days=400))):
        own_lake.shop("insert into shop.orders values (%s, null, %s, %s, 'placed', 'web', 'USD', %s)", [number, store, ordered_at, changed_at])
        own_lake.shop("insert into shop.order_lines values (%s, 1, %s, null, 1, 1, 0, %s)", [number, sku, changed_at])
    own_lake.shop(
        "insert into shop.payments values (%s, %s, 'card', %s, 1, 'USD', 'captured', %s, %s)",
        [UNDATED, UNDATED, CANARY["card"], changed_at, changed_at],
    )
    before = snapshot(own_lake)
    results = own_lake.backfill(DayRange(day, day), SALES)
    yield Change(own_lake, day, sku, market, results, before, snapshot(own_lake))


def test_the_plan_says_how_far_gold_reaches(change: Change) -> None:
    stages = {stage.layer: stage for stage in plan(change.lake.settings, DayRange(change.day, change.day), SALES)}
    assert (str(stages["bronze"].days), str(stages["silver"].days)) == (str(change.day), str(change.day))
    assert stages["gold"].days == DayRange(change.day, change.day + timedelta(days=27))
    assert stages["gold"].why == "27 days more: their sums look back so far"
    assert [result.stage for result in change.results] == list(stages.values())
    assert [result.succeeded for result in change.results] == [True, True, True], [result.errors for result in change.results]


def test_a_plan_at_the_end_of_the_history_goes_no_further(change: Change) -> None:
    last = change.lake.days.last
    assert plan(change.lake.settings, DayRange(last, last))[-1].days == DayRange(last, last)


@pytest.mark.parametrize("table", ["silver.orders", "silver.order_lines"])
def test_no_other_day_of_silver_changes(change: Change, table: str) -> None:
    before, after = change.before[table], change.after[table]
    assert len(before) == len(change.lake.days)
    assert {day for day in before | after if before.get(day) != after.get(day)} == ({change.day} if table == "silver.order_lines" else set())


def test_only_the_day_and_the_27_after_it_change_in_gold(change: Change) -> None:
    table = "gold.fact_sku_market_performance"
    before, after = change.before[table], change.after[table]
    sold = {day for day, rows in before.items() if any((row["sku"], row["market_id"]) == (change.sku, change.market) for row in rows)}
    reach = set(DayRange(change.day, change.day + timedelta(days=27)))
    changed = {day for day in before | after if before.get(day) != after.get(day)}
    assert changed == sold & reach
    assert change.day in changed
    assert max(change.before[table]) > max(reach)


def test_the_sums_grow_by_the_change_for_7_and_for_28_days(change: Change) -> None:
    def own(rows: dict[object, list[Row]]) -> dict[object, Row]:
        return {day: row for day, listed in rows.items() for row in listed if (row["sku"], row["market_id"]) == (change.sku, change.market)}

    before, after = (own(content["gold.fact_sku_market_performance"]) for content in (change.before, change.after))
    more = after[change.day]["net_sales"] - before[change.day]["net_sales"]
    assert after[change.day]["units_sold"] - before[change.day]["units_sold"] == 1000
    assert more > 1000
    for day in before:
        assert isinstance(day, date)
        off = (day - change.day).days
        assert after[day]["net_sales_7d"] - before[day]["net_sales_7d"] == (more if 0 <= off <= 6 else 0), day
        assert after[day]["net_sales_28d"] - before[day]["net_sales_28d"] == (more if 0 <= off <= 27 else 0), day


def test_what_did_not_change_was_not_committed(change: Change) -> None:
    """Gold's run is of 28 days: those without the product are told to be unchanged, and so are the payments and orders of the day in silver."""
    rows = {(row["table_name"], row["business_day"]): row for row in change.lake.latest([result.run_id for result in change.results])}
    table = "gold.fact_sku_market_performance"
    states = {day: rows[table, day]["state"] for day in DayRange(change.day, change.day + timedelta(days=27))}
    before, after = change.before[table], change.after[table]
    assert {day for day, state in states.items() if state == "published"} == {day for day in states if before.get(day) != after.get(day)}
    assert set(states.values()) <= {"published", "unchanged"}


@pytest.mark.parametrize(("order", "rule"), [(UNDATED, "ordered_at_invalid"), (FUTURE, "ordered_at_invalid")])
def test_a_row_without_a_usable_date_is_one_row_of_the_day_it_was_changed(change: Change, order: int, rule: str) -> None:
    bronze = change.lake.query("select _partition_date as day from bronze.orders where order_id = ?", [str(order)])
    assert bronze == [{"day": change.day}]
    aside = change.lake.query(
        "select partition, state, [e.rule_id for e in errors] as rules from quarantine.orders where source_position = ?", [str(order)]
    )
    assert aside == [{"partition": change.day, "state": "open", "rules": [rule]}]
    line = change.lake.query(
        "select partition, [e.rule_id for e in errors] as rules from quarantine.order_lines where source_position = ?", [f"{order}/1"]
    )
    assert line == [{"partition": change.day, "rules": ["parent_quarantined"]}]
    assert change.lake.query("select count(*) as rows from silver.orders where order_id = ?", [order]) == [{"rows": 0}]
    row = next(row for row in change.lake.latest() if (row["table_name"], row["business_day"]) == ("silver.orders", change.day))
    assert row["unaccounted"] == 0
    assert row["rows_in"] == row["published"] + row["quarantined"] + row["deduplicated"] + row["superseded"]


def test_quarantine_masks_what_is_personal(change: Change) -> None:
    records = change.lake.query("select record from quarantine.payments where source_position = ?", [str(UNDATED)])
    assert len(records) == 1
    assert '"card_last4":"***"' in records[0]["record"]
    assert f'"payment_id":"{UNDATED}"' in records[0]["record"]


def test_no_personal_datum_and_no_secret_in_logs_events_or_operations_tables(change: Change, capfd: pytest.CaptureFixture[str]) -> None:
    """A customer who cannot be read well (warned) and a contact that is set aside: their texts stand in the tables, and in nothing that operators read."""
    lake, day = change.lake, change.lake.days.last
    lake.shop(
        "insert into shop.customers values (%s, %s, %s, %s, %s, '1 Canary Street', 'Canaryville', 'OH', '43004', 'US', 'x', true, now(), now())",
        [FUTURE, CANARY["name"], CANARY["email"] + " (work)", CANARY["phone"], "canary's birthday"],
    )
    (lake.landing / "crm_contacts" / str(day)).mkdir(exist_ok=True)
    delivered = lake.landing / "crm_contacts" / str(day) / "canary.csv"
    header = "contact_id,first_name,last_name,email,phone,address_line,city,state,zip,country,loyalty_tier,last_seen,shop_customer_id"
    delivered.write_text(
        f"{header}\nnot-a-number,Quetzalcoatl,Canarybird,{CANARY['email']},{CANARY['phone']},1 Canary Street,X,OH,43004,US,gold,soon,x\n"
    )
    delivered.with_name("canary.csv.done").touch()
    results = lake.backfill(DayRange(day, day), ["bronze/customers", "bronze/crm_contacts", "silver/customers", "silver/crm_contacts"])
    assert [result.errors for result in results] == [[], []]
    held = lake.query("select full_name, raw_phone from silver.customers where customer_id = ?", [FUTURE])
    assert held == [{"full_name": CANARY["name"], "raw_phone": CANARY["phone"]}]  # so there was something to leak
    secrets = [lake.variables["GLOBALBEV_INVENTORY_TOKEN"], lake.dsn.split(":")[2].split("@")[0]]
    printed = "".join(capfd.readouterr())
    for text in ("Canarybird", "canary.bird.7719", "555 7719", "6145557719", "canary's birthday", *secrets):
        assert text not in printed
        assert [str(path) for path in _operators_files(lake) if text.encode() in path.read_bytes()] == []
        for table in (name for name in lake.tables() if name.startswith(("ops.", "quarantine."))):
            assert lake.query(f"select count(*) as rows from {table} t where contains(cast(t as text), ?)", [text]) == [{"rows": 0}], table


def _operators_files(lake: Lake) -> list[Path]:
    """The event log and all other files of the Dagster home, the server's log and ours, Delta's logs (statistics and messages of commits)."""
    home = Path(os.environ["DAGSTER_HOME"])
    for database in home.rglob("*.db"):
        with sqlite3.connect(database) as connection:  # what is still in its write-ahead log goes into the file
            connection.execute("pragma wal_checkpoint(full)")
    found = [path for path in home.rglob("*") if path.is_file() and not path.name.endswith(("-wal", "-shm"))] + list(
        (lake.home / "spark").glob("*.log")
    )
    found += [path for path in (lake.home / "logs").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in found) > 100_000
    return found + list(lake.root.rglob("_delta_log/*.json"))
