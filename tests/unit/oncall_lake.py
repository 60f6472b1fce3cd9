"""A small lake as the runs leave it, written without Spark: three days of orders, one held, rows kept aside, a file delivered twice."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.unit.cli_runs import fill

D1, D2, D3 = date(2026, 5, 1), date(2026, 5, 2), date(2026, 5, 3)
BRONZE_RUN, FIRST, SECOND, GOLD_RUN = "bronze-run-1", "silver-run-1", "silver-run-2", "gold-run-1"
NIGHT = datetime(2026, 5, 4, 2, tzinfo=UTC)
READ = datetime(2026, 5, 4, 1, tzinfo=UTC)
PANEL_1, PANEL_2 = "market_panel/2026-05-01/week.csv", "market_panel/2026-05-03/week.csv"
ADA = {"full_name": "Ada Canary", "email": "ada.canary@example.org", "phone": "+16145550101"}


def row(table: str, day: date, run: str, rows_in: int = 0, **more: Any) -> dict[str, Any]:
    """A ledger row; published in full unless ``more`` says otherwise."""
    counts = dict.fromkeys(("quarantined", "deduplicated", "superseded", "unaccounted", "expanded_to", "warned"), 0)
    plain = {
        "table_name": table, "business_day": day, "run_id": run, "state": "published" if rows_in else "no_source_data", "recorded_at": NIGHT,
        "contract_version": "1.0.0", "rows_in": rows_in, "published": rows_in, "reason": "", "delta_version": 1, "content_hash": "1:1", "duration_s": 0.1,
    }  # fmt: skip
    return plain | counts | more


def result(table: str, rule: str, day: date, run: str, observed: str, **more: Any) -> dict[str, Any]:
    """A result of a rule that single rows broke; of another, or of a limit, where ``more`` says so."""
    plain = {
        "table_name": table, "rule_id": rule, "kind": "row", "column": "", "business_day": day, "run_id": run, "severity": "error",
        "observed": Decimal(observed), "limit_minimum": None, "limit_maximum": Decimal(0), "previous": None, "passed": False, "blocking": False,
        "recorded_at": NIGHT,
    }  # fmt: skip
    return plain | more


def rejected(
    table: str, source: str, position: str, day: date, rules: Sequence[tuple[str, str]], record: Mapping[str, Any], **more: Any
) -> dict[str, Any]:
    """A quarantined row."""
    errors = [{"rule_id": rule, "severity": "error", "column": column} for rule, column in rules]
    plain = {
        "table_name": f"silver.{table}", "source": source, "source_position": position, "partition": day, "errors": errors, "record": json.dumps(record),
        "state": "open", "first_seen": NIGHT, "last_seen": NIGHT, "attempts": 1, "contract_version": "1.0.0", "run_id": SECOND,
    }  # fmt: skip
    return plain | more


def order(number: int, day: date, **more: Any) -> dict[str, Any]:
    """A bronze order."""
    plain = {
        "order_id": str(number), "customer_id": "7", "store_id": "3", "ordered_at": f"{day}T10:00:00Z", "status": "paid", "currency": "USD",
        "_partition_date": day, "_source": "shop.orders", "_source_position": str(number), "_ingested_at": READ, "_run_id": BRONZE_RUN,
    }  # fmt: skip
    return plain | more


def published(number: int, day: date, status: str = "paid") -> dict[str, Any]:
    """A silver order."""
    return {
        "order_id": number, "order_date": day, "customer_id": 7, "market_id": "US-OH", "status": status, "channel": "web", "currency": "USD",
        "_partition_date": day, "_source": "shop.orders", "_source_position": str(number), "_version": str(day), "_warnings": [], "_run_id": FIRST,
    }  # fmt: skip


def line(number: int, line_no: int, day: date, sku: str, *, silver: bool) -> dict[str, Any]:
    """A line in bronze, or in silver."""
    where = {"_partition_date": day, "_source": "shop.order_lines", "_source_position": f"{number}/{line_no}"}
    if silver:
        amounts = dict.fromkeys(("quantity", "unit_price", "discount_amount"), Decimal(1))
        mine = {
            "order_id": number,
            "line_no": line_no,
            "order_date": day,
            "sku": sku,
            "_version": str(day),
            "_warnings": ["unknown_lot"],
            "_run_id": FIRST,
        }
        return amounts | mine | where
    texts = {"order_id": str(number), "line_no": str(line_no), "sku": sku, "lot_id": "L", "quantity": "1", "unit_price": "1", "discount_amount": "1"}
    return texts | where | {"_ingested_at": READ, "_run_id": BRONZE_RUN}


def panel(source: str, position: str, day: date, **more: Any) -> dict[str, Any]:
    """A record of the market panel in bronze."""
    plain = {
        "week_start": "2026-04-27", "market_id": "US-OH", "sku": "BEV-1", "units": "5", "_partition_date": day, "_source": source,
        "_source_position": position, "_ingested_at": READ, "_run_id": BRONZE_RUN,
    }  # fmt: skip
    return plain | more


def make_lake(home: Path) -> None:
    """Write it: what is told of each key stands beside its rows."""
    _orders()
    _customers()
    _panel(home / "landing")
    _operations()
    gold = {"sale_date": D1, "market_id": "US-OH", "channel": "web", "orders": 1, "net_sales": Decimal("9.5"), "_run_id": GOLD_RUN}
    fill("gold.fact_daily_sales", [gold, gold | {"channel": "retail"}, gold | {"sale_date": D2}])


def _orders() -> None:
    """100 published; 101 rejected with its line; 102 cancelled; 103 on the day that is held. 5 is an order and a payment."""
    fill("bronze.orders", [order(100, D1), order(101, D1, currency="GBP"), order(102, D1, status="cancelled"), order(103, D2), order(5, D1)])
    fill("silver.orders", [published(100, D1), published(102, D1, "cancelled"), published(5, D1)])
    lines = [line(100, 1, D1, "BEV-1", silver=False), line(100, 2, D1, "BEV-1", silver=False), line(101, 1, D1, "BEV-2", silver=False)]
    fill("bronze.order_lines", lines)
    fill("silver.order_lines", [line(100, 1, D1, "BEV-1", silver=True)])
    payment = {
        "payment_id": "5",
        "order_id": "100",
        "_partition_date": D1,
        "_source": "shop.payments",
        "_source_position": "5",
        "_run_id": BRONZE_RUN,
    }
    fill("bronze.payments", [payment | {"_ingested_at": READ}])
    raw = {"order_id": "101", "currency": "GBP", "status": "paid"}
    fill("quarantine.orders", [rejected("orders", "shop.orders", "101", D1, [("currency_not_market", "currency")], raw)])
    child = rejected("order_lines", "shop.order_lines", "101/1", D1, [("parent_quarantined", "order_id")], {"order_id": "101"})
    fill("quarantine.order_lines", [child, child | {"source_position": "90/1", "state": "replayed"}])


def _customers() -> None:
    where = {"_partition_date": D3, "_source": "shop.customers", "_source_position": "7", "_ingested_at": READ, "_run_id": BRONZE_RUN}
    fill("bronze.customers", [ADA | where | {"customer_id": "7"}])
    typed = {"customer_id": 7, "full_name": ADA["full_name"], "email": ADA["email"], "phone_e164": ADA["phone"], "country_code": "US"}
    kept = {name: value for name, value in where.items() if name != "_ingested_at"}
    fill("silver.customers", [typed | kept | {"_version": "1", "_warnings": ["birth_date_ambiguous"], "_run_id": FIRST}])
    record = ADA | {"customer_id": "8"}
    fill("quarantine.customers", [rejected("customers", "shop.customers", "8", D3, [("customer_id_missing", "customer_id")], record)])


def _panel(landing: Path) -> None:
    """Record 2 of the first delivery is broken, and stands in line 4, for record 1 goes over two; the second delivery replaces the file."""
    for source in (PANEL_1, PANEL_2):
        path = landing / source
        path.parent.mkdir(parents=True)
        header = "week_start,market_id,sku,units,sales_value,avg_price,display,feature"
        path.write_text(f'{header}\n2026-04-27,"US-\nOH",BEV-1,5,1,1,0,0\n2026-04-27,US-OH,BEV-1,#REF!,1,1,0,0\n')
    fill("bronze.market_panel", [panel(PANEL_1, "1", D1), panel(PANEL_1, "2", D1, units="#REF!"), panel(PANEL_2, "1", D3)])
    now = {
        "week_start": date(2026, 4, 27),
        "market_id": "US-OH",
        "sku": "BEV-1",
        "_partition_date": D3,
        "_source": PANEL_2,
        "_source_position": "1",
        "is_on_display": False,
        "is_featured": False,
    }
    fill("silver.market_panel", [now | {"_version": "2", "_warnings": [], "_run_id": FIRST}])
    record = {"market_id": "US-OH", "sku": "BEV-1", "units": "#REF!"}
    row_1 = rejected("market_panel", PANEL_1, "2", D1, [("type:units", "units")], record)
    fill("quarantine.market_panel", [row_1, row_1 | {"source": PANEL_2, "partition": D3}])


def _operations() -> None:
    """An earlier run published D2 of the orders, the newest one holds it; another one failed on the payments of D3."""
    before = NIGHT - timedelta(days=1)
    held = "few_quarantined: quarantined_ratio is 0.5, allowed is at most 0.25"
    fill(
        "ops.ledger",
        [
            *[row(table, D1, BRONZE_RUN, 5) for table in ("bronze.orders", "bronze.order_lines", "bronze.payments", "bronze.market_panel")],
            row("bronze.customers", D3, BRONZE_RUN, 1),
            row("bronze.orders", D2, BRONZE_RUN, 1),
            row("silver.orders", D1, FIRST, 5, published=3, quarantined=1, deduplicated=1, delta_version=4),
            row("silver.orders", D2, FIRST, 9, recorded_at=before, delta_version=3),
            row("silver.orders", D2, SECOND, 10, state="held", reason=held, delta_version=None, published=5, quarantined=5),
            row("silver.orders", D3, FIRST),
            row("silver.order_lines", D1, FIRST, 3, published=1, quarantined=1, deduplicated=1),
            row("silver.payments", D3, SECOND, state="failed", reason="GB-1230 The database does not answer.", delta_version=None),
            row("silver.customers", D3, FIRST, 1),
            row("silver.market_panel", D1, FIRST, 2, published=0, quarantined=1, superseded=1),
            row("silver.market_panel", D3, FIRST, 1),
            row("gold.fact_daily_sales", D1, GOLD_RUN, 2, delta_version=6),
        ],
    )
    ratio = {"kind": "day", "limit_maximum": Decimal("0.25"), "blocking": True}
    fill(
        "ops.dq_results",
        [
            result("silver.orders", "few_quarantined", D1, FIRST, "0.2", **ratio, passed=True),
            result("silver.orders", "few_quarantined", D2, FIRST, "0", **ratio, passed=True, recorded_at=before),
            result("silver.orders", "few_quarantined", D2, SECOND, "0.5", **ratio),
            result("silver.orders", "currency_not_market", D1, FIRST, "1"),
            result("silver.orders", "unknown_store", D2, FIRST, "3", recorded_at=before),
            result("silver.orders", "currency_not_market", D2, SECOND, "5"),
            result("silver.orders", "status_unknown", D2, SECOND, "2", severity="warn"),
            *(result("silver.orders", rule, D2, SECOND, "0", passed=True) for rule in ("unknown_store", "type:order_id")),
            result("silver.order_lines", "unknown_sku", D1, FIRST, "0", passed=True),
            result("bronze.market_panel", "dead_letter", D1, BRONZE_RUN, "1", kind="day", severity="warn"),
        ],
    )
