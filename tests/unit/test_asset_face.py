"""What a person sees of a table in the UI: what it is, where each column comes from, figures by day, and what to do when a check failed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest

from checks.judgement import Judgement, judge
from checks.kinds import CONTRACT, check_kinds
from checks.links import RUNBOOKS, with_next_step
from checks.tables import Checked
from globalbev_assets.contracts.calendar import due_at
from globalbev_assets.contracts.lineage import lineage_of
from globalbev_assets.specs import asset_spec
from partitions.metadata import day_metadata
from resources.ledger import DqResult, LedgerRow
from resources.settings import load_settings
from resources.table_sizes import bytes_by_day
from tests.unit.cli_runs import fill, make_home
from tests.unit.contract_files import packaged

DAY = date(2026, 5, 30)
ROW = LedgerRow("silver.orders", DAY, "run", "published", datetime(2026, 5, 31, 7, 30, tzinfo=UTC), "1.0.0", rows_in=100, published=98, quarantined=2)


def lineage(table: str) -> dict[str, set[str]]:
    found = lineage_of(packaged().parse(table), packaged())
    return {column: {f"{source.table}.{source.column}" for source in sources} for column, sources in found.items()}


def test_a_column_comes_from_what_it_is_read_from_computed_from_or_said_to_be_made_from() -> None:
    assert lineage("silver.market_panel")["display_code"] == {"bronze.market_panel.display"}  # read under another name
    assert lineage("silver.order_lines")["net_amount"] == {
        f"bronze.order_lines.{name}" for name in ("quantity", "unit_price", "discount_amount")
    }  # computed from computed columns
    assert lineage("silver.orders")["currency"] == {"bronze.orders.currency", "silver.markets.currency"}  # said, because a transform does it
    assert lineage("silver.customers")["raw_email"] == {"bronze.customers.email"}  # the raw text of another column
    assert lineage("gold.fact_sku_market_performance")["value_share"] == {"silver.order_lines.net_amount", "silver.products.category"}


def test_every_column_of_silver_and_gold_has_a_known_origin() -> None:
    missing = set()
    for contract in (*packaged().layer("silver"), *packaged().layer("gold")):
        found = lineage_of(contract, packaged())
        assert all(source.column in packaged()[source.table].column_names for sources in found.values() for source in sources)
        missing |= {f"{contract.name}.{column.name}" for column in contract.business_columns} - {f"{contract.name}.{name}" for name in found}
    # Made from the ledger and from the run's day, which are no columns of a table.
    assert missing == {"gold.executive_kpis.quality_score", "gold.inventory_position.as_of"}


def test_an_asset_says_what_an_analyst_wants_to_know() -> None:
    spec = asset_spec(packaged().parse("gold.fact_sku_market_performance"), packaged())
    assert spec.description is not None
    for part in ("One row a day, market and product", "**For:** The weekly market review", "**Good to know:** Money is in the market's currency",
                 "**Key:** `sale_date`", "**There by:** 07:00 UTC", "**Ask:** finance-analytics@", 'globalbev sql "SELECT * FROM'):  # fmt: skip
        assert part in spec.description
    bronze = asset_spec(packaged().parse("bronze.orders"), packaged()).description or ""
    assert "**Rather read:** silver.orders, which is clean and typed" in bronze
    assert spec.group_name == "gold" and spec.owners and spec.kinds >= {"delta"} and spec.tags["domain"] == "sales"
    columns = {column.name: column.description for column in spec.metadata["dagster/column_schema"].columns}
    assert columns["net_sales"] == "Sales after discounts. From silver.order_lines.net_amount."
    deps = spec.metadata["dagster/column_lineage"].deps_by_column["net_sales"]
    assert [(dep.asset_key, dep.column_name) for dep in deps] == [(dg.AssetKey(["silver", "order_lines"]), "net_amount")]


def test_the_badge_asks_for_a_load_since_midnight_before_the_hour_of_a_day_of_delivery() -> None:
    daily = asset_spec(packaged().parse("silver.orders"), packaged()).freshness_policy
    assert daily == dg.FreshnessPolicy.cron("30 6 * * *", daily.lower_bound_delta)  # type: ignore[union-attr]
    assert daily.lower_bound_delta.total_seconds() == 6.5 * 3600  # type: ignore[union-attr]
    tuesdays = asset_spec(packaged().parse("bronze.market_panel"), packaged()).freshness_policy
    assert tuesdays.deadline_cron == "30 5 * * 3"  # type: ignore[union-attr]  # Wednesday, for Tuesday's file
    weekly = asset_spec(packaged().parse("bronze.crm_contacts"), packaged()).freshness_policy
    assert weekly.fail_window.to_timedelta().days == 8  # type: ignore[union-attr]


def test_a_day_shows_rows_rate_seconds_bytes_and_lateness_as_numbers() -> None:
    shown = day_metadata(ROW, due_at=due_at(DAY, "06:30"), size_bytes=1234)
    assert (shown["rows_in"], shown["quarantine_rate"], shown["size_bytes"]) == (100, 0.02, 1234)
    assert (shown["hours_after_the_day"], shown["hours_late"]) == (7.5, 1.0)
    assert shown["quarantined_rows"] == "globalbev quarantine list silver.orders --day 2026-05-30"
    on_time = day_metadata(replace(ROW, recorded_at=datetime(2026, 5, 31, 4, tzinfo=UTC), quarantined=0), due_at=due_at(DAY, "06:30"))
    assert on_time["hours_late"] == 0.0 and "quarantined_rows" not in on_time and "size_bytes" not in on_time


def test_a_backfill_of_an_old_day_plots_no_lateness() -> None:
    old = day_metadata(replace(ROW, recorded_at=datetime(2026, 11, 25, tzinfo=UTC)), due_at=due_at(DAY, "06:30"))
    assert "hours_late" not in old and "hours_after_the_day" not in old


def test_bytes_are_those_of_the_days_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_home(tmp_path, monkeypatch)
    contract = packaged().parse("silver.orders")
    path = fill("silver.orders", [])
    assert bytes_by_day(str(path), contract) == {}
    for count, day in ((1, DAY), (2, date(2026, 5, 31)), (1, DAY)):
        fill("silver.orders", [{"order_id": number, "order_date": day, "status": "paid"} for number in range(count)])
    on_disk = {str(file.relative_to(path).parent): 0 for file in path.rglob("*.parquet")}
    for file in path.rglob("*.parquet"):
        on_disk[str(file.relative_to(path).parent)] += file.stat().st_size
    assert bytes_by_day(str(path), contract) == {date.fromisoformat(name.partition("=")[2]): size for name, size in on_disk.items()}
    assert bytes_by_day(f"{load_settings().lake_root}/silver/nothing", contract) == {}
    assert bytes_by_day(str(path), packaged().parse("silver.products")) == {}  # its files hold many days


def failed(table: str, check: str, docs_url: str | None = None) -> dict[str, object]:
    contract = packaged().parse(table)
    kind = next(kind for kind in check_kinds(contract) if kind.name == check)
    held = replace(ROW, table_name=table, state="held", reason="unaccounted is 3")
    broken = (*kind.limits, *kind.rules)[0]
    figures = (Decimal(60), None, Decimal(0), None, False, True)
    result = DqResult(table, broken, "day" if kind.limits else "row", "", DAY, "run", "error", *figures, held.recorded_at)
    return with_next_step(judge(kind, contract, held, [result]), contract, kind, DAY, docs_url).metadata


def test_a_failed_check_names_its_runbook_and_the_command_that_shows_the_rows() -> None:
    shown = failed("silver.orders", "reference")
    assert shown["next"] == "globalbev quarantine list silver.orders --day 2026-05-30"
    assert shown["runbook"] == dg.MetadataValue.path("docs/runbooks/quarantine.md")
    whole = failed("silver.orders", "contract", "https://git.example/lake/")
    assert whole["runbook"] == dg.MetadataValue.url("https://git.example/lake/docs/runbooks/check-failed.md")
    assert failed("bronze.orders", "reconciliation")["next"] == "globalbev checks bronze.orders --day 2026-05-30"


def test_a_check_that_failed_in_a_range_leads_to_the_newest_of_its_failed_days() -> None:
    contract = packaged().parse("silver.orders")
    kind = next(kind for kind in check_kinds(contract) if kind.name == "reference")
    later, last = DAY + timedelta(days=1), DAY + timedelta(days=2)
    judged = {day: Judgement(day == last, "Some.", {} if day == last else {"broken": {"unknown_store": 60}}) for day in (DAY, later, last)}
    result = Checked(contract, kind, {day: with_next_step(found, contract, kind, day, None) for day, found in judged.items()}).result
    assert result.metadata == {
        "failed_days": dg.MetadataValue.json([str(DAY), str(later)]),
        "runbook": dg.MetadataValue.path("docs/runbooks/quarantine.md"),
        "next": dg.MetadataValue.text(f"globalbev quarantine list silver.orders --day {later}"),
    }


def test_a_failed_check_of_warnings_leads_to_the_rows_that_are_published() -> None:
    contract = packaged().parse("silver.order_lines")
    kind = next(kind for kind in check_kinds(contract) if "zero_price" in kind.rules)
    judged = Judgement(False, "Many.", {"broken": {"zero_price": 60}})
    shown = with_next_step(judged, contract, kind, DAY, None).metadata
    assert (shown["next"], shown["runbook"]) == (
        "globalbev checks silver.order_lines --day 2026-05-30",
        dg.MetadataValue.path("docs/runbooks/check-failed.md"),
    )


def test_every_rule_and_limit_has_a_check_besides_the_whole() -> None:
    """The whole judges blocking limits alone: a rule that no other check has could break on every row, and nobody would be told."""
    for contract in packaged().values():
        kinds = [kind for kind in check_kinds(contract) if kind.name != CONTRACT]
        judged = [name for kind in kinds for name in (*kind.rules, *kind.limits)]
        assert sorted(judged) == sorted(one.id for one in (*contract.rules, *contract.limits)), contract.name


def test_a_check_that_passed_says_no_more_than_that() -> None:
    contract = packaged().parse("silver.orders")
    kind = check_kinds(contract)[0]
    assert set(RUNBOOKS) <= {each.name for table in packaged().values() for each in check_kinds(table)}
    assert "next" not in with_next_step(judge(kind, contract, ROW, []), contract, kind, DAY, None).metadata
