"""What the sources do and what the drift sensor's tick makes of it: the real PostgreSQL, files, an API; no Spark."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
from deltalake import DeltaTable
from pydantic import SecretStr

from resources.drift.proposals import patch_path, propose
from resources.drift.tick import Cursor
from tests.integration.drift_world import CRM_HEADER, ITEM, NEXT_DAY, PANEL_HEADER, World, crm, making, panel, shop_server

pytestmark = [pytest.mark.integration]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with shop_server(tmp_path_factory.mktemp("shop")) as dsn:
        yield dsn


@pytest.fixture
def world(server: str, tmp_path: Path) -> Iterator[World]:
    with making(server, tmp_path) as made:
        yield made


def test_sources_that_look_as_agreed_are_told_once_and_leave_no_table(world: World) -> None:
    first = world.tick()
    assert sorted(str(one.contract.name) for one in first.told) == sorted(str(one.name) for one in world.book.layer("bronze"))
    assert [one for one in first.told if one.open_rows] == []
    assert (first.changed, first.silent) == ((), ())
    second = world.tick()
    assert (second.told, second.looked_at) == ((), 0)
    assert not (Path(world.settings.lake_root) / "ops" / "schema_drift").exists()


def test_a_column_that_is_new_holds_nothing_and_becomes_one_by_the_patch(world: World) -> None:
    world.tick()
    world.shop("alter table shop.orders add column gift_note text")
    tick = world.tick()
    assert [str(one.contract.name) for one in tick.told] == ["bronze.orders"]
    assert world.open("bronze.orders") == [("added", "gift_note", "text", False)]
    proposal = propose(world.book, [row.difference for row in world.rows()])
    assert proposal.problems == ()
    assert "+      - {name: gift_note, logicalType: string, physicalType: string," in proposal.diff
    assert "+version: 1.1.0" in proposal.diff


def test_a_column_that_is_gone_breaks_and_is_over_when_it_is_back(world: World) -> None:
    world.tick()
    world.shop("alter table shop.payments drop column method")
    world.tick()
    assert world.open("bronze.payments") == [("missing", "method", "", True)]
    assert world.rows()[0].affects == "silver.payments.method"
    world.shop("alter table shop.payments add column method text")
    tick = world.tick()
    assert [(row.closed_by, row.is_open) for row in tick.changed] == [("source", False)]
    assert [one.open_rows for one in tick.told] == [()]
    assert len(world.rows()) == 1


def test_a_column_of_the_key_that_is_gone_is_for_a_person(world: World) -> None:
    world.shop("alter table shop.stores drop column store_id")
    world.tick()
    assert ("missing", "store_id", "", True) in world.open("bronze.stores")
    proposal = propose(world.book, [row.difference for row in world.rows()])
    assert (proposal.edited, [one.column for one in proposal.by_hand]) == ((), ["store_id"])


def test_another_name_is_proposed_from_values_and_place(world: World) -> None:
    world.load_bronze("bronze.stores")
    world.tick()
    world.shop("alter table shop.stores rename column opened_on to first_day_of_trade")
    world.tick()
    assert world.open("bronze.stores") == [("renamed", "opened_on", "first_day_of_trade", True)]
    assert world.rows()[0].evidence == "20 of 20 rows have the same value, in the same place"
    patch = patch_path(world.settings, "bronze.stores").read_text()
    assert "{property: source, value: first_day_of_trade}" in patch


def test_values_that_differ_speak_against_another_name(world: World) -> None:
    world.load_bronze("bronze.stores")
    world.shop("alter table shop.stores rename column opened_on to closed_on; update shop.stores set closed_on = date '2031-01-01'")
    world.tick()
    assert world.open("bronze.stores") == [("missing", "opened_on", "", True), ("added", "closed_on", "date", False)]


def test_a_new_column_elsewhere_with_the_old_values_is_proposed_too(world: World) -> None:
    world.load_bronze("bronze.orders")
    world.shop("alter table shop.orders add column sales_channel text; update shop.orders set sales_channel = channel")
    world.shop("alter table shop.orders drop column channel")
    world.tick()
    assert world.open("bronze.orders") == [("renamed", "channel", "sales_channel", True)]
    assert world.rows()[0].evidence == "60 of 60 rows have the same value, in another place"


@pytest.mark.parametrize(
    ("change", "found", "is_breaking"),
    [
        ("alter column store_id type text", "text", True),
        ("alter column store_id type numeric(12,2)", "numeric(12,2)", True),
        ("alter column store_id type integer", "integer", False),
        ("alter column channel type varchar(20)", "character varying(20)", False),
    ],
)
def test_another_type_breaks_where_silver_may_not_read_every_value(world: World, change: str, found: str, is_breaking: bool) -> None:
    world.shop(f"alter table shop.orders {change}")
    world.tick()
    column = change.split()[2]
    assert world.open("bronze.orders") == [("retyped", column, found, is_breaking)]
    patch = patch_path(world.settings, "bronze.orders").read_text()
    assert patch.count("{property: sourceType, value:") >= 2


def test_a_time_without_its_zone_breaks_the_day(world: World) -> None:
    world.shop("alter table shop.orders alter column ordered_at type timestamp")
    world.tick()
    assert world.open("bronze.orders") == [("retyped", "ordered_at", "timestamp without time zone", True)]


def test_a_value_that_the_database_quotes_is_told_by_its_kind(world: World) -> None:
    """`invalid input syntax for type date: "…"`: the tick's reason is kept by Dagster."""
    others = (
        "customer_id, full_name, email, phone, street, city, region, postal_code, country_code, segment, marketing_opt_in, created_at, updated_at"
    )
    world.shop("alter table shop.customers rename to people")
    world.shop(f"create view shop.customers as select {others}, birth_date::date as birth_date from shop.people")
    world.shop("update shop.people set birth_date = 'Ada Canary of 12 Elm Street' where customer_id = 1")
    tick = world.tick()
    assert "Canary" not in repr(tick.silent)
    assert [one.reason for one in tick.silent if "bronze.customers" in one.tables] == ["InvalidDatetimeFormat"]


def test_a_table_that_is_gone(world: World) -> None:
    world.shop("alter table shop.lots rename to batches")
    world.tick()
    assert world.open("bronze.lots") == [("missing", "*", "", True)]


def test_a_header_with_another_name_holds_its_delivery_and_no_later_one(world: World) -> None:
    world.tick()
    world.deliver("crm_contacts", NEXT_DAY, f"contacts_{NEXT_DAY}.csv", crm(CRM_HEADER.replace("loyalty_tier", "loyalty_level")))
    world.tick()
    assert world.open("bronze.crm_contacts") == [("renamed", "loyalty_tier", "loyalty_level", True)]
    assert (world.rows()[0].first_day, world.rows()[0].last_day) == (NEXT_DAY, NEXT_DAY)
    later = NEXT_DAY + timedelta(days=7)
    world.deliver("crm_contacts", later, f"contacts_{later}.csv", crm())
    world.tick()
    assert [row.last_day for row in world.rows() if row.is_open] == [NEXT_DAY]
    corrected = later + timedelta(days=1)
    world.deliver("crm_contacts", corrected, f"contacts_{NEXT_DAY}.csv", crm())
    world.tick()
    assert world.open("bronze.crm_contacts") == []


def test_a_header_with_one_more_name_is_told_and_over_with_the_next_file(world: World) -> None:
    world.deliver("market_panel", NEXT_DAY, "panel_W23.csv", panel().replace("feature\n", "feature,promo\n", 1).replace(",0,0\n", ",0,0,x\n"))
    world.tick()
    assert world.open("bronze.market_panel") == [("added", "promo", "", False)]
    world.deliver("market_panel", NEXT_DAY + timedelta(days=7), "panel_W24.csv", panel())
    world.tick()
    assert world.open("bronze.market_panel") == []


def test_a_delivery_of_the_far_future_hides_no_newer_one(world: World) -> None:
    world.deliver("market_panel", date(2099, 1, 1), "panel_W53.csv", panel())
    world.tick()
    world.deliver("market_panel", NEXT_DAY, "panel_W23.csv", panel(PANEL_HEADER.replace("units", "pieces")))
    world.tick()
    assert world.open("bronze.market_panel") == [("renamed", "units", "pieces", True)]


def test_dates_with_their_day_first_break_and_get_a_cleaner(world: World) -> None:
    world.tick()
    world.deliver("market_panel", NEXT_DAY, "panel_W23.csv", panel(week="{:02d}.06.2026"))
    world.tick()
    assert world.open("bronze.market_panel") == [("format", "week_start", "day_first", True)]
    assert world.rows()[0].evidence == "20 of 20 values"
    proposal = propose(world.book, [row.difference for row in world.rows()])
    assert proposal.problems == ()
    assert {str(one.contract.name) for one in proposal.edited} == {"bronze.market_panel", "silver.market_panel"}
    assert "+" in proposal.diff
    assert "{property: clean, value: day_first_date}" in proposal.diff


def test_decimal_commas_break(world: World) -> None:
    rows = [PANEL_HEADER.replace(",", ";"), *(f"2026-06-{number:02d};M1;BEV-{number};{number};{number},50;2,00;0;0" for number in range(1, 21))]
    world.deliver("market_panel", NEXT_DAY, "panel_W23.csv", "\n".join(rows) + "\n")
    world.tick()
    assert sorted(world.open("bronze.market_panel"), reverse=True) == [
        ("format", "sales_value", "decimal_comma", True),
        ("format", "avg_price", "decimal_comma", True),
    ]


def test_another_form_that_silver_reads_all_the_same_holds_nothing(world: World) -> None:
    world.tick()
    world.shop("update shop.customers set birth_date = to_char(birth_date::date, 'DD/MM/YYYY')")
    world.tick()
    assert world.open("bronze.customers") == [("format", "birth_date", "day_first", False)]
    world.shop("update shop.customers set birth_date = to_char(to_date(birth_date, 'DD/MM/YYYY'), 'YYYY-MM-DD')")
    world.tick()
    assert world.open("bronze.customers") == []


def test_numbers_as_objects_break(world: World) -> None:
    world.tick()
    world.api.items = [{**item, "on_hand": {"value": 5, "unit": "pc"}} for item in world.api.items]
    world.tick()
    assert world.open("bronze.inventory") == [("retyped", "on_hand", "json_object values", True)]


def test_a_json_key_with_another_name(world: World) -> None:
    world.write_bronze("bronze.inventory", [{**{key: str(value) for key, value in item.items()}} for item in world.api.items])
    world.tick()
    world.api.items = [{**{k: v for k, v in item.items() if k != "reserved"}, "promised": item["reserved"]} for item in world.api.items]
    world.tick()
    assert world.open("bronze.inventory") == [("renamed", "reserved", "promised", True)]
    assert "10 of 10 rows have the same value" in world.rows()[0].evidence


def test_an_optional_json_key_is_no_drift_and_a_needed_one_is(world: World) -> None:
    for number in range(4):
        world.deliver("product_nutrition", NEXT_DAY, f"BEV-1{number}.json", json.dumps({"sku": "BEV-1", "facts": {}}))
    world.tick()
    assert [one[:2] for one in world.open("bronze.product_nutrition")] == [("missing", "nutrition"), ("added", "facts")]


@pytest.mark.parametrize("garbage", ["", "{", "[1]", '{"version": 1}', '{"version": 1, "tables": {"bronze.orders": 3}}', "\x00", "9" * 5000, '"x"'])
def test_a_garbage_cursor_is_an_empty_one(world: World, garbage: str) -> None:
    world.shop("alter table shop.orders drop column channel")
    world.tick()
    before = world.rows()
    world.cursor = Cursor.parse(garbage)
    tick = world.tick()
    assert len(tick.told) == 12
    assert world.rows() == before


def test_a_tick_that_was_killed_before_its_result_is_made_again_and_records_nothing_twice(world: World) -> None:
    world.tick()
    before = world.cursor
    world.shop("alter table shop.orders drop column channel")
    world.tick()
    recorded, version = world.rows(), DeltaTable(f"{world.settings.lake_root}/ops/schema_drift").version()
    world.cursor = before  # what Dagster has when the process died before it answered
    tick = world.tick()
    assert [str(one.contract.name) for one in tick.told] == ["bronze.orders"]
    assert world.rows() == recorded
    assert DeltaTable(f"{world.settings.lake_root}/ops/schema_drift").version() == version


def test_a_database_that_is_silent_changes_nothing_that_is_known_of_it(world: World) -> None:
    world.shop("alter table shop.orders drop column channel")
    world.tick()
    before = world.rows()
    reached = world.settings
    world.settings = reached.model_copy(update={"shop_dsn": world.dsn.replace("@127.0.0.1:", "@127.0.0.1:1")})
    world.api.items = [{**item, "bin": "A1"} for item in world.api.items]
    tick = world.tick()
    assert [(one.source, len(one.tables)) for one in tick.silent] == [("database GLOBALBEV_SHOP_DSN", 8)]
    assert "GB-123" in tick.silent[0].reason
    assert "embedded-only" not in tick.silent[0].reason
    assert [row for row in world.rows() if row.table_name == "bronze.orders"] == before
    assert world.open("bronze.inventory") == [("added", "bin", "", False)]
    world.settings = reached
    assert world.tick().told == ()


def test_a_table_that_is_locked_is_silent_alone_and_soon(world: World) -> None:
    world.tick()
    with psycopg.connect(world.dsn) as blocking:
        blocking.execute("lock table shop.customers in access exclusive mode")
        started = time.monotonic()
        tick = world.tick()
        assert time.monotonic() - started < 5
    assert [(one.tables, one.reason) for one in tick.silent] == [(("bronze.customers",), "LockNotAvailable")]
    assert tick.told == ()


def test_a_source_that_answers_too_slowly_is_given_up_in_time(world: World) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        port = deaf.getsockname()[1]
        world.settings = world.settings.model_copy(
            update={"inventory_url": f"http://127.0.0.1:{port}", "shop_dsn": SecretStr(f"postgresql://u:p@127.0.0.1:{port}/shop")}
        )
        started = time.monotonic()
        tick = world.tick()
        assert time.monotonic() - started < 6
    assert sorted(one.source for one in tick.silent) == ["API inventory", "database GLOBALBEV_SHOP_DSN"]


def test_an_api_that_is_silent_changes_nothing_that_is_known_of_it(world: World) -> None:
    world.api.items = [{key: value for key, value in item.items() if key != "sequence"} for item in world.api.items]
    world.tick()
    assert world.open("bronze.inventory") == [("missing", "sequence", "", True)]
    for status in (500, 401, 429, 302):
        world.api.status = status
        tick = world.tick()
        assert [one.tables for one in tick.silent] == [("bronze.inventory",)], status
        assert (tick.told, len(world.open("bronze.inventory"))) == ((), 1)
    world.api.status, world.api.items = 200, []
    assert world.tick().silent == ()
    assert len(world.open("bronze.inventory")) == 1, "no item says nothing"


def test_the_breaker_of_the_bronze_step_is_left_alone(world: World) -> None:
    world.api.status = 500
    for _ in range(5):
        world.tick()
    assert list((world.settings.home / "state").glob("breaker-*")) == []


def test_a_landing_zone_that_is_gone_is_silent(world: World) -> None:
    world.tick()
    world.settings.landing_root.rename(world.settings.home / "elsewhere")
    tick = world.tick()
    assert sorted(one.source for one in tick.silent) == ["files crm_contacts", "files market_panel", "files product_nutrition"]
    assert tick.told == ()


def test_no_value_of_a_source_is_recorded_or_proposed(world: World) -> None:
    canary = "Quetzalcoatl-7719"
    world.load_bronze("bronze.customers")
    world.shop(f"update shop.customers set full_name = '{canary}'; alter table shop.customers rename column full_name to whole_name")
    world.api.items = [{**ITEM, "sku": "s", "lot_id": canary, "note": canary}]
    world.deliver("crm_contacts", NEXT_DAY, "x.csv", crm(CRM_HEADER + ",remark").replace("gold", canary))
    tick = world.tick()
    written = "".join(path.read_text() for path in (world.settings.home / "state" / "drift").glob("*.patch"))
    told = json.dumps([str(row) for row in world.rows()]) + str(tick) + written + tick.cursor.text()
    assert canary not in told
    assert len(world.rows()) >= 3
