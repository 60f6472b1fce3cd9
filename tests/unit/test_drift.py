"""Sources against contracts, renamings, patches: pure, with shapes made by hand."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from deltalake import DeltaTable, write_deltalake

from globalbev_assets.contracts.drift import Difference, Shape, SourceField, differences, forms_seen, named, readers_of, sampled_columns, told
from globalbev_assets.contracts.drift_patch import changes_for
from globalbev_assets.contracts.drift_renames import Agreement, with_renames
from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import TableName
from resources.drift.hold import held_by_drift
from resources.drift.record import DriftRow, Drifts, Seen
from resources.drift.settling import Look, settled
from resources.drift.tick import Cursor, Known
from resources.ledger import LedgerRow
from tests.unit.contract_files import packaged

DAY = date(2026, 6, 1)
T0 = datetime(2026, 6, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def contract(name: str) -> Contract:
    return packaged()[TableName.parse(f"bronze.{name}")]


def shape_of(name: str, records: int = 0, **changes: SourceField | None) -> Shape:
    """The contract's own columns as the source has them; of some another field, or none."""
    fields = [changes.get(one.name, SourceField(one.name, one.source_type or "")) for one in contract(name).business_columns]
    more = [field for key, field in changes.items() if field and key not in contract(name).column_names]
    return Shape(f"shop.{name}", (*(one for one in fields if one), *more), records)


def found(name: str, shape: Shape, before: dict[str, str] | None = None) -> list[tuple[str, str, str, bool]]:
    readers = readers_of(packaged(), TableName.parse(f"bronze.{name}"))
    return [(one.kind, one.column, one.found, one.is_breaking) for one in differences(contract(name), shape, readers, before)]


def difference(table: str, kind: str, column: str, what: str = "", *, is_breaking: bool = True) -> Difference:
    readers = readers_of(packaged(), TableName.parse(table))
    affects = tuple(reader.name for reader in readers.get(column, ()))
    return Difference(table, kind, column, what, "", is_breaking, "", affects)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [one.table for one in packaged().layer("bronze")])
def test_a_source_as_agreed_differs_in_nothing(name: str) -> None:
    assert found(name, shape_of(name)) == []


def test_silver_columns_made_by_an_expression_are_affected_too() -> None:
    readers = readers_of(packaged(), TableName.parse("bronze.orders"))
    assert {reader.name for reader in readers["currency"]} == {"silver.orders.currency", "silver.orders.is_currency_assumed"}
    assert [(reader.name, reader.clean) for reader in readers["status"]] == [("silver.orders.status", "order_status")]


def test_only_columns_that_become_numbers_or_dates_are_sampled() -> None:
    names = sampled_columns(contract("crm_contacts"), readers_of(packaged(), contract("crm_contacts").name))
    assert names == ("last_seen", "shop_customer_id")


def test_the_whole_document_is_no_key_of_a_document() -> None:
    keys = tuple(SourceField(name) for name in ("sku", "nutrition"))
    assert found("product_nutrition", Shape("product_nutrition", keys, records=5)) == []


def test_two_documents_do_not_say_that_a_key_is_gone_and_three_do() -> None:
    keys = (SourceField("sku"), SourceField("score"))
    assert found("product_nutrition", Shape("product_nutrition", keys, records=2)) == [("added", "score", "", False)]
    assert ("missing", "nutrition", "", True) in found("product_nutrition", Shape("product_nutrition", keys, records=3))


def test_values_of_another_kind_break_and_few_of_them_do_not() -> None:
    def of(**forms: int) -> Shape:
        return shape_of("market_panel", week_start=SourceField("week_start", forms=forms))

    assert found("market_panel", of(text=20)) == [("retyped", "week_start", "text values", True)]
    assert found("market_panel", of(day_first=20)) == [("format", "week_start", "day_first", True)]
    assert found("market_panel", of(iso_date=10, day_first=10)) == []
    assert found("market_panel", of(day_first=2)) == []


def test_a_form_that_was_agreed_is_no_difference() -> None:
    shape = shape_of("customers", birth_date=SourceField("birth_date", "text", forms={"day_first": 20}))
    assert found("customers", shape) == []
    assert found("customers", shape, {"birth_date": "day_first"}) == []
    assert found("customers", shape, {"birth_date": "iso_date"}) == [("format", "birth_date", "day_first", False)]
    assert forms_seen(contract("customers"), shape, readers_of(packaged(), contract("customers").name)) == {"birth_date": "day_first"}


@pytest.mark.parametrize(
    ("agreement", "renamed"),
    [
        (Agreement(20, 20), True),
        (Agreement(20, 18), True),
        (Agreement(20, 9), False),
        (Agreement(2, 0), True),
        (Agreement(), True),
        (Agreement(20, 12), True),
    ],
)
def test_values_decide_and_where_they_cannot_place_and_name_do(agreement: Agreement, renamed: bool) -> None:
    shape = shape_of("orders", channel=SourceField("sales_channel", "text"))
    readers = readers_of(packaged(), contract("orders").name)
    told = with_renames(contract("orders"), shape, differences(contract("orders"), shape, readers), {("channel", "sales_channel"): agreement})
    assert [one.kind for one in told] == (["renamed"] if renamed else ["missing", "added"])


def test_neither_place_nor_name_nor_values_is_no_proposal() -> None:
    shape = shape_of("orders", channel=None, gift=SourceField("gift", "text"))
    readers = readers_of(packaged(), contract("orders").name)
    told = with_renames(contract("orders"), shape, differences(contract("orders"), shape, readers), {})
    assert [one.kind for one in told] == ["missing", "added"]


def test_each_new_name_is_proposed_for_one_column_only() -> None:
    shape = shape_of("orders", channel=None, currency=None, coin=SourceField("coin", "text"))
    readers = readers_of(packaged(), contract("orders").name)
    same = {("channel", "coin"): Agreement(20, 19), ("currency", "coin"): Agreement(20, 20)}
    told = with_renames(contract("orders"), shape, differences(contract("orders"), shape, readers), same)
    assert [(one.kind, one.column) for one in told] == [("missing", "channel"), ("renamed", "currency")]


def test_a_renamed_day_changes_the_source_of_its_children_too() -> None:
    changes = changes_for(difference("bronze.orders", "renamed", "ordered_at", "placed_at"), packaged())
    assert sorted(str(change.table) for change in changes) == ["bronze.order_lines", "bronze.orders", "bronze.orders"]


@pytest.mark.parametrize(
    ("one", "tables"),
    [
        (difference("bronze.orders", "missing", "order_id"), []),
        (difference("bronze.orders", "missing", "status"), []),
        (difference("bronze.orders", "missing", "channel"), ["bronze.orders"]),
        (difference("bronze.orders", "added", "Übergabe", is_breaking=False), []),
        (difference("bronze.orders", "added", "x; drop", is_breaking=False), []),
        (difference("bronze.market_panel", "format", "units", "decimal_comma"), ["bronze.market_panel", "silver.market_panel"]),
        (difference("bronze.market_panel", "format", "week_start", "year_first_slashes"), []),
        (difference("bronze.orders", "missing", "*"), []),
    ],
)
def test_what_a_person_must_decide_gets_no_patch(one: Difference, tables: list[str]) -> None:
    assert [str(change.table) for change in changes_for(one, packaged())] == tables


def row(kind: str = "retyped", opened: datetime = T0, closed: datetime | None = None, days: tuple[date, date] | None = None) -> DriftRow:
    one = Seen(difference("bronze.orders", kind, "channel", "x"), "shop.orders", "1.0.0", frozenset(days or ())).row(opened)
    return DriftRow(**{**vars(one), "closed_at": closed, "closed_by": "source" if closed else None})


def bronze(recorded: datetime, day: date = DAY) -> dict[date, LedgerRow]:
    return {day: LedgerRow("bronze.orders", day, "run", "published", recorded, "1.0.0")}


@pytest.mark.parametrize(
    ("drift", "read_at", "is_held"),
    [
        (row(), T0 - HOUR, False),
        (row(), T0, True),
        (row(), T0 + HOUR, True),
        (row(closed=T0 + HOUR), T0 + HOUR / 2, False),
        (row("missing", closed=T0 + HOUR), T0 + HOUR / 2, True),
        (row("renamed", closed=T0 + HOUR), T0 + HOUR / 2, True),
        (row("renamed", closed=T0 + HOUR), T0 + HOUR, False),
        (row("missing", closed=T0 + HOUR), T0 - HOUR, False),
        (row("missing", days=(DAY, DAY)), T0 - HOUR, True),
        (row("missing", days=(DAY - timedelta(days=9), DAY - timedelta(days=1))), T0 + HOUR, False),
        (row("missing", closed=T0 + HOUR, days=(DAY, DAY)), T0 + 2 * HOUR, False),
    ],
)
def test_held_are_the_days_that_were_read_while_it_was_there(drift: DriftRow, read_at: datetime, is_held: bool) -> None:
    held = held_by_drift([drift], bronze(read_at), [DAY])
    assert bool(held) is is_held
    if is_held:
        assert "globalbev" in held[DAY]


def test_what_does_not_break_holds_nothing_and_unread_days_are_not_held() -> None:
    added = Seen(difference("bronze.orders", "added", "x", is_breaking=False), "shop.orders", "1.0.0").row(T0)
    assert held_by_drift([added], bronze(T0 + HOUR), [DAY]) == {}
    assert held_by_drift([row()], {}, [DAY]) == {}


def look(*seen: Seen, days: frozenset[date] | None = None, is_whole: bool = True, version: str = "1.0.0") -> Look:
    return Look("bronze.orders", seen, version, days, is_whole)


def seen(day: date | None = None, version: str = "1.0.0") -> Seen:
    return Seen(difference("bronze.orders", "retyped", "channel", "x"), "shop.orders", version, frozenset({day} if day else ()))


def test_the_same_difference_twice_is_one_row_that_is_not_written_again() -> None:
    (first,) = settled(look(seen()), [], T0)
    assert settled(look(seen()), [first], T0 + HOUR / 2) == []
    (again,) = settled(look(seen()), [first], T0 + HOUR)
    assert (again.opened_at, again.last_seen_at, again.drift_id) == (T0, T0 + HOUR, first.drift_id)


def test_what_is_not_seen_any_more_is_over_and_says_by_whom() -> None:
    (first,) = settled(look(seen()), [], T0)
    assert [one.closed_by for one in settled(look(), [first], T0 + HOUR)] == ["source"]
    assert [one.closed_by for one in settled(look(version="1.1.0"), [first], T0 + HOUR)] == ["contract"]
    assert settled(look(is_whole=False), [first], T0 + HOUR) == []
    (closed,) = settled(look(), [first], T0 + HOUR)
    (reopened,) = settled(look(seen()), [closed], T0 + 2 * HOUR)
    assert (reopened.drift_id, reopened.opened_at, reopened.is_open) == (first.drift_id, T0 + 2 * HOUR, True)


def test_a_later_sound_delivery_makes_an_earlier_one_no_better() -> None:
    later = DAY + timedelta(days=7)
    (first,) = settled(look(seen(DAY), days=frozenset({DAY})), [], T0)
    assert settled(look(days=frozenset({later})), [first], T0 + HOUR) == []
    assert [one.is_open for one in settled(look(days=frozenset({DAY})), [first], T0 + HOUR)] == [False]
    (wider,) = settled(look(seen(later), days=frozenset({later})), [first], T0 + HOUR / 2)
    assert (wider.first_day, wider.last_day) == (DAY, later)


def test_sound_deliveries_between_two_broken_ones_are_not_held() -> None:
    ends = row("missing", days=(DAY, DAY + timedelta(days=2)))
    of_days = {day: one for offset in range(3) for day, one in bronze(T0 + HOUR, DAY + timedelta(days=offset)).items()}
    assert sorted(held_by_drift([ends], of_days, list(of_days))) == [DAY, DAY + timedelta(days=2)]


def test_a_drift_is_not_over_while_a_file_in_its_middle_is_wrong() -> None:
    days = [DAY + timedelta(days=offset) for offset in range(3)]
    first = row("format").on(days)
    (left,) = settled(look(days=frozenset({days[0], days[2]})), [first], T0 + HOUR)
    assert (left.is_open, left.delivery_days) == (True, {days[1]})
    assert [one.is_open for one in settled(look(days=frozenset({days[1]})), [left], T0 + HOUR)] == [False]
    renamed = row("renamed").on(days)
    assert settled(look(days=frozenset({days[0], days[2]})), [renamed], T0 + HOUR) == [], "bronze has to read all three again"
    assert [one.is_open for one in settled(look(days=frozenset(days)), [renamed], T0 + HOUR)] == [False]


def test_a_row_from_before_the_days_were_written_down_is_about_all_from_first_to_last() -> None:
    old = DriftRow(**{**vars(row("retyped")), "first_day": DAY, "last_day": DAY + timedelta(days=2), "days": None})
    assert sorted(held_by_drift([old], bronze(T0, DAY + timedelta(days=1)), [DAY + timedelta(days=1)])) == [DAY + timedelta(days=1)]
    assert len(old.delivery_days) == 3


def test_a_table_from_before_a_column_came_is_read_and_gets_it_with_the_next_change(tmp_path: object) -> None:
    drifts, path = Drifts(f"{tmp_path}/lake"), f"{tmp_path}/lake/ops/schema_drift"
    drifts.change(["bronze.orders"], lambda _, at: [seen(DAY).row(at)])
    table = DeltaTable(path).to_pyarrow_table().drop_columns(["days"])
    write_deltalake(path, table, mode="overwrite", schema_mode="overwrite")
    assert [(one.days, one.delivery_days) for one in drifts.rows()] == [(None, {DAY})]
    later = DAY + timedelta(days=2)
    drifts.change(["bronze.orders"], lambda rows, at: settled(look(seen(later), days=frozenset({later})), rows, at))
    assert [one.delivery_days for one in drifts.rows()] == [{DAY, later}]


@pytest.mark.parametrize(
    "text", [None, "", "{", "null", "[]", "3", '{"version": 2}', '{"version": 1, "tables": []}', '{"version": 1, "tables": {"a": [1]}}']
)
def test_any_text_is_a_cursor(text: str | None) -> None:
    assert Cursor.parse(text).tables == {}


def test_a_cursor_survives_being_written() -> None:
    cursor = Cursor({"bronze.orders": Known("stamp", "orders-1!")})
    assert Cursor.parse(cursor.text()) == cursor


def test_the_record_keeps_what_it_is_given(tmp_path: object) -> None:
    drifts = Drifts(f"{tmp_path}/lake")
    assert drifts.rows() == []
    assert drifts.change(["bronze.orders"], lambda *_: []) == []
    assert drifts.rows() == []
    (written,) = drifts.change(["bronze.orders"], lambda _, at: [seen(DAY).row(at)])
    assert drifts.rows(["bronze.orders"]) == [written]
    assert drifts.rows(["bronze.lots"]) == []
    drifts.change(["bronze.orders"], lambda rows, at: settled(look(days=frozenset({DAY})), rows, at))
    assert [(one.drift_id, one.closed_by) for one in drifts.rows()] == [(written.drift_id, "source")]


@pytest.mark.parametrize(
    ("name", "is_shown"),
    [("loyalty_tier", True), ("Last Seen", True), ("e-mail", True), ("Größe", True), ("net amount/unit", True), ("ada@example.org", False),
     ("Ada Canary, born 1985-07-03", False), ("+49 151 23456789", False), ("x" * 80, False), ("one two three four five", False)],
)  # fmt: skip
def test_a_new_name_is_told_where_it_is_like_a_columns(name: str, is_shown: bool) -> None:
    """A JSON key or a header may be a value, somebody's name among them."""
    assert (named(name) == name) == is_shown
    assert is_shown or re.fullmatch(r"name-[0-9a-f]{6}", named(name))


def test_what_is_kept_of_a_difference_has_no_value_for_a_name() -> None:
    new = told(Difference("bronze.orders", "added", "ada@example.org"))
    gone = told(Difference("bronze.orders", "renamed", "email", found="ada@example.org", evidence="20 of 20 agree"))
    assert "ada" not in f"{new.words} {gone.words} {new.drift_id} {gone.drift_id}"
    assert told(Difference("bronze.orders", "renamed", "email", found="e-mail")).found == "e-mail"
