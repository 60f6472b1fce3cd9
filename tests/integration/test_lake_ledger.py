"""Nothing is unaccounted for: the ledger against PostgreSQL's own counts, and the injected defects against what became of them."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from globalbev_assets.operations.defects import score
from sandbox.layout import Layout
from sandbox.ledger import read
from tests.integration.lakes import Lake

pytestmark = pytest.mark.integration

SOURCE_COUNTS = {
    "orders": "select (case when ordered_at <= now() then ordered_at else updated_at end at time zone 'UTC')::date as day, count(*) "
    "from shop.orders group by 1",
    "payments": "select (case when paid_at <= now() then paid_at else updated_at end at time zone 'UTC')::date as day, count(*) "
    "from shop.payments group by 1",
    "order_lines": "select (coalesce(case when o.ordered_at <= now() then o.ordered_at end, o.updated_at, l.updated_at) at time zone 'UTC')::date as day, "
    "count(*) "
    "from shop.order_lines l left join shop.orders o using (order_id) group by 1",
}
LINE_DAYS = """
    select l.order_id, l.line_no, (coalesce(case when o.ordered_at <= now() then o.ordered_at end, o.updated_at, l.updated_at) at time zone 'UTC')::date
    from shop.order_lines l left join shop.orders o using (order_id)
"""
FULL = ("markets", "stores", "products", "customers", "lots")


def test_every_source_row_has_one_outcome(lake: Lake) -> None:
    rows = [row for row in lake.latest() if not row["table_name"].startswith("gold.")]
    assert len(rows) == 24 * len(lake.days)
    wrong = [
        row for row in rows if row["rows_in"] != row["published"] + row["quarantined"] + row["deduplicated"] + row["superseded"] or row["unaccounted"]
    ]
    assert wrong == []
    assert {row["state"] for row in rows} <= {"published", "unchanged", "no_source_data"}
    totals = Counter[str]()
    for row in rows:
        totals.update({name: row[name] for name in ("quarantined", "deduplicated", "superseded")})
    assert min(totals.values()) > 20, totals


@pytest.mark.parametrize("table", SOURCE_COUNTS)
def test_bronze_has_as_many_rows_of_each_day_as_postgresql(lake: Lake, table: str) -> None:
    counted: dict[date, int] = {day: count for day, count in lake.shop(SOURCE_COUNTS[table]) if day in lake.days}
    ledger = {row["business_day"]: row["rows_in"] for row in lake.latest() if row["table_name"] == f"bronze.{table}"}
    stored = {row["day"]: row["rows"] for row in lake.query(f"select _partition_date as day, count(*) as rows from bronze.{table} group by 1")}
    assert ledger == stored == counted
    assert len(counted) == len(lake.days)


@pytest.mark.parametrize("table", FULL)
def test_a_full_read_is_the_whole_table_under_the_day_of_the_read(lake: Lake, table: str) -> None:
    ledger = {row["business_day"]: (row["rows_in"], row["state"]) for row in lake.latest() if row["table_name"] == f"bronze.{table}"}
    count = lake.shop(f"select count(*) from shop.{table}")[0][0]
    assert ledger.pop(lake.days.last)[0] == count > 0
    assert set(ledger.values()) == {(0, "no_source_data")}


def test_silver_takes_in_what_bronze_published(lake: Lake) -> None:
    by_name = {(row["table_name"], row["business_day"]): row for row in lake.latest()}
    pairs = {"nutrition": "product_nutrition", "inventory_levels": "inventory"}
    for (name, day), row in by_name.items():
        layer, table = name.split(".")
        if layer == "silver":
            assert row["rows_in"] == by_name[f"bronze.{pairs.get(table, table)}", day]["published"], (name, day)


def test_published_rows_of_the_ledger_stand_in_the_tables(lake: Lake) -> None:
    """By day for what is partitioned, as a whole for what is merged (nutrition becomes several rows, a stock level is one of several)."""
    ledger = Counter[str]()
    for row in lake.latest():
        ledger[row["table_name"]] += row["published"]
    for table in ("orders", "order_lines", "payments", "products", "markets", "stores", "lots", "customers", "crm_contacts", "market_panel"):
        assert lake.query(f"select count(*) as rows from silver.{table}")[0]["rows"] == ledger[f"silver.{table}"], table


def test_what_is_quarantined_is_in_quarantine_and_not_in_silver(lake: Lake) -> None:
    for table in ("orders", "order_lines", "payments", "market_panel"):
        ledger = sum(row["quarantined"] for row in lake.latest() if row["table_name"] == f"silver.{table}")
        rows = lake.query(f"select source, source_position, len(errors) as errors, state, record from quarantine.{table}")
        assert len(rows) == ledger > 0
        assert {row["state"] for row in rows} == {"open"}
        assert min(row["errors"] for row in rows) >= 1
        both = f"select count(*) as rows from silver.{table} s join quarantine.{table} q on q.source = s._source and q.source_position = s._source_position"
        assert lake.query(both)[0]["rows"] == 0


def test_every_defect_of_the_loaded_days_met_its_outcome(lake: Lake, tmp_path: Path) -> None:
    """Recall 1.0, and no row set aside without cause but the payments of orders that were placed before the loaded days: those orders are unknown here."""
    kept = tmp_path / "defects.jsonl"
    placed = dict(
        lake.shop("select order_id, (case when ordered_at <= now() then ordered_at else updated_at end at time zone 'UTC')::date from shop.orders")
    )
    lines = {(order, line): day for order, line, day in lake.shop(LINE_DAYS)}
    payments = {payment: placed.get(order) for payment, order in lake.shop("select payment_id, order_id from shop.payments")}
    chosen = [defect for defect in read(Layout(lake.home).defects) if _is_loaded(lake, defect.as_json(), payments, lines)]
    kept.write_text("".join(defect.as_json() + "\n" for defect in chosen))
    found = score(lake.duck(), kept, lake.home / "deadletter")
    assert {(kind.feed, kind.kind): kind.missed_keys for kind in found.kinds if kind.missed_keys} == {}
    assert found.caught == found.expected > 2000
    early = lake.query("select source_position, [e.rule_id for e in errors] as rules from quarantine.payments")
    unknown = [row for row in early if (day := payments[int(row["source_position"])]) is not None and day < lake.days.first]
    assert {tuple(row["rules"]) for row in unknown} == {("unknown_order",)}
    assert found.falsely_quarantined == len(unknown)


def _is_loaded(lake: Lake, line: str, payments: dict[int, date | None], lines: dict[tuple[int, int], date]) -> bool:
    defect = json.loads(line)
    key = defect["key"]
    if "file" in key:
        return str(lake.days.first) <= key["file"].split("/")[1] <= str(lake.days.last)
    if "line_no" in key:
        return lines[key["order_id"], key["line_no"]] in lake.days
    if "payment_id" in key and (day := payments[key["payment_id"]]) is not None and day < lake.days.first:
        return False
    return defect["day"] is None or date.fromisoformat(defect["day"]) in lake.days
