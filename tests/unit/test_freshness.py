"""What is due, and whether it is there: calendars and the judgement, without any I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globalbev_assets.contracts.calendar import Calendar, due_at, parse_calendar
from globalbev_assets.contracts.freshness import (
    Freshness,
    Promise,
    SourceLook,
    calendar_of,
    expected_of_source,
    judge_partition,
    judge_source,
    made_up_for,
    why_owed,
)
from globalbev_assets.contracts.names import TableName
from globalbev_assets.contracts.problems import ProblemError
from tests.unit.contract_files import packaged

ORDERS = TableName("bronze", "orders")
DAY = date(2026, 11, 24)  # a Tuesday
FIRST = date(2026, 5, 28)
DAILY = Promise(Calendar(), "06:00", FIRST)


@dataclass(frozen=True)
class Row:
    """A ledger row, as far as freshness looks at it; recorded the morning after its day unless said otherwise."""

    day: date
    rows_in: int = 10
    state: str = "published"
    reason: str = ""
    at: datetime | None = None

    @property
    def recorded_at(self) -> datetime:
        return self.at or due_at(self.day, "03:00")

    @property
    def is_readable(self) -> bool:
        return self.state in ("published", "unchanged", "no_source_data")


def at(text: str, day: date = date(2026, 11, 25)) -> datetime:
    return datetime.fromisoformat(f"{day}T{text}+00:00")


def judged(promise: Promise, moment: datetime, *rows: Row) -> Freshness:
    return judge_partition(ORDERS, promise, {row.day: row for row in rows}, moment)


def days(last: date, count: int = 30) -> list[Row]:
    return [Row(last - timedelta(days=back)) for back in range(count)]


def test_a_day_is_due_at_its_hour_of_the_day_after_and_not_a_minute_before() -> None:
    before = days(DAY - timedelta(days=1))
    assert judged(DAILY, at("05:59"), *before).state == "fresh"
    late = judged(DAILY, at("06:00"), *before)
    assert (late.state, late.expected_day, late.reason) == ("late", DAY, "2026-11-24 was not loaded.")
    assert late.late_by(at("08:30")) == timedelta(hours=2, minutes=30)
    assert judged(DAILY, at("06:00"), *before, Row(DAY)).state == "fresh"


def test_a_backfill_of_an_old_day_makes_nothing_fresh() -> None:
    old = Row(date(2026, 6, 1), at=at("07:00"))
    found = judged(DAILY, at("07:30"), *days(DAY - timedelta(days=1)), old)
    assert (found.state, found.expected_day) == ("late", DAY)


def test_lateness_is_counted_from_the_first_of_the_days_that_are_missing_in_a_row() -> None:
    found = judged(DAILY, at("07:00"), *days(DAY - timedelta(days=3)))
    assert found.late_since == due_at(DAY - timedelta(days=2), "06:00")
    assert found.late_by(at("07:00")) == timedelta(days=2, hours=1)
    assert "since 2026-11-22" in found.reason


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (Row(DAY, state="held", reason="unaccounted is 3"), "2026-11-24 is held: unaccounted is 3"),
        (Row(DAY, state="failed", reason="GB-1230"), "2026-11-24 is failed: GB-1230"),
        (Row(DAY, rows_in=0, state="no_source_data"), "2026-11-24 was loaded, and there was not one row."),
        (Row(DAY, at=datetime(2026, 11, 24, 23, 0, tzinfo=UTC)), "2026-11-24 was loaded before it was over; load it again."),
    ],
)
def test_a_day_that_is_not_whole_is_not_there(row: Row, why: str) -> None:
    found = judged(DAILY, at("07:00"), *days(DAY - timedelta(days=1)), row)
    assert (found.state, found.reason) == ("late", why)


def test_a_day_without_rows_is_there_where_the_contract_says_so() -> None:
    sparse = Promise(Calendar(may_be_empty=True), "06:00", FIRST)
    assert judged(sparse, at("07:00"), Row(DAY, rows_in=0, state="no_source_data")).state == "fresh"


def test_a_reading_of_the_whole_source_makes_up_for_the_days_before_it() -> None:
    """Six months loaded at once have such a table's rows under their newest day alone; before its hour the day before that one is due."""
    loaded = [*(Row(DAY - timedelta(days=back), rows_in=0, state="no_source_data") for back in range(1, 9)), Row(DAY)]
    early = at("05:00", DAY + timedelta(days=1))
    whole = Promise(Calendar(), "06:00", FIRST, is_whole=True)
    assert judged(whole, early, *loaded).state == "fresh"
    assert judged(DAILY, early, *loaded).state == "late"
    assert why_owed(whole, DAY - timedelta(days=3), {}, early) == ""
    late = judged(whole, at("07:00", DAY + timedelta(days=2)), *loaded)
    assert (late.state, late.expected_day) == ("late", DAY + timedelta(days=1))
    book = packaged()
    assert {"bronze.markets", "silver.customers", "silver.lots"} < made_up_for(book)
    assert not {"bronze.orders", "silver.orders", "bronze.inventory"} & made_up_for(book)


def test_a_day_dated_tomorrow_makes_nothing_fresh() -> None:
    """A source, or a machine that loads, whose clock is a day ahead."""
    tomorrow = Row(date(2026, 11, 26), at=at("04:00"))
    today = Row(date(2026, 11, 25), at=at("04:00"))
    before = days(DAY - timedelta(days=1))
    assert judged(DAILY, at("07:00"), *before, today, tomorrow).state == "late"
    weekly = Promise(Calendar(every_days=7), "06:00", FIRST)
    assert judged(weekly, at("07:00"), Row(date(2026, 11, 10)), today, tomorrow).expected_day == date(2026, 11, 17)
    tuesdays = Promise(Calendar((1,)), "06:00", FIRST)
    assert judged(tuesdays, at("07:00"), Row(date(2026, 11, 17)), today, tomorrow).state == "late"


def test_a_table_that_was_never_loaded_is_not_late() -> None:
    assert judged(DAILY, at("07:00")).state == "unknown"
    assert judged(Promise(Calendar(), "06:00", date(2026, 11, 25)), at("07:00"), Row(DAY)).state == "unknown"


def test_a_history_that_has_ended_expects_its_last_day() -> None:
    ended = Promise(Calendar(), "06:00", FIRST, last=date(2026, 7, 31))
    assert judged(ended, at("07:00"), *days(date(2026, 7, 31))).state == "fresh"
    assert judged(ended, at("07:00"), *days(date(2026, 7, 30))).expected_day == date(2026, 7, 31)


def test_a_weekly_file_is_expected_after_its_weekday_only_and_a_late_one_makes_up_for_it() -> None:
    tuesdays, last_week = Promise(Calendar((1,)), "05:30", FIRST), Row(date(2026, 11, 17))
    assert judged(tuesdays, at("05:00"), last_week).state == "fresh"
    assert judged(tuesdays, at("05:30"), last_week).expected_day == DAY
    friday = at("09:00", date(2026, 11, 28))
    assert judged(tuesdays, friday, last_week).late_by(friday) == timedelta(days=3, hours=3, minutes=30)
    assert judged(tuesdays, friday, last_week, Row(date(2026, 11, 26))).state == "fresh"


def test_a_feed_that_comes_so_many_days_apart_is_late_after_these_days() -> None:
    weekly = Promise(Calendar(every_days=7), "05:30", FIRST)
    assert judged(weekly, at("05:00"), Row(date(2026, 11, 17))).state == "fresh"
    assert judged(weekly, at("05:30"), Row(date(2026, 11, 17))).expected_day == DAY
    assert judged(weekly, at("05:30"), Row(date(2026, 11, 17)), Row(date(2026, 11, 21))).expected_day == date(2026, 11, 21)


def owed(calendar: Calendar, day: date, *rows: Row, until: date | None = None) -> str:
    promise = Promise(calendar, "06:00", FIRST, until)
    return why_owed(promise, day, {row.day: row for row in rows}, at("08:00", date(2026, 12, 5)))


def test_each_day_of_a_daily_table_is_owed_for_itself() -> None:
    later = Row(DAY + timedelta(days=1))
    assert owed(Calendar(), DAY, later) == "2026-11-24 was not loaded. No later day makes up for it: `globalbev backfill 2026-11-24 2026-11-24`."
    assert owed(Calendar(), DAY, later, Row(DAY)) == ""
    assert owed(Calendar(), DAY, later, Row(DAY, state="held", reason="unaccounted is 3")).startswith("2026-11-24 is held: unaccounted is 3")
    assert owed(Calendar(), DAY, later, Row(DAY, rows_in=0, state="no_source_data")) != ""
    assert owed(Calendar(may_be_empty=True), DAY, later, Row(DAY, rows_in=0, state="no_source_data")) == ""


def test_a_weekday_is_owed_until_it_comes_or_is_made_up_for_before_the_next_one() -> None:
    weekdays, friday = Calendar((0, 1, 2, 3, 4)), date(2026, 11, 27)
    assert owed(weekdays, friday, Row(date(2026, 11, 30))) != ""
    assert owed(weekdays, friday, Row(date(2026, 11, 28))) == ""
    assert owed(weekdays, date(2026, 11, 26), Row(date(2026, 11, 28))) != ""


@pytest.mark.parametrize("calendar", [Calendar((1,)), Calendar(every_days=7)], ids=["tuesdays", "a week apart"])
def test_the_next_file_of_a_feed_that_comes_seldom_takes_the_place_of_the_one_that_did_not_come(calendar: Calendar) -> None:
    assert owed(calendar, DAY, Row(DAY + timedelta(days=7))) == ""


def test_nothing_is_owed_of_a_day_that_is_not_due_any_more() -> None:
    """Its contract says now that it is a holiday, its history begins later or ended before, or our own clock ran ahead."""
    assert owed(Calendar(holidays=(DAY,)), DAY) == ""
    assert owed(Calendar(), FIRST - timedelta(days=1)) == ""
    assert owed(Calendar(), DAY, until=DAY - timedelta(days=1)) == ""
    assert owed(Calendar(), date(2026, 12, 5)) == ""


def test_nothing_is_expected_on_a_holiday_or_on_a_weekend() -> None:
    calendar = Calendar((0, 1, 2, 3, 4), holidays=(date(2026, 11, 26),))
    promise = Promise(calendar, "06:00", FIRST)
    wednesday = Row(date(2026, 11, 25))
    for day in (27, 28):  # Thursday is a holiday: on Friday and, until six, on Saturday, Wednesday's is the newest
        assert judged(promise, at("05:59", date(2026, 11, day)), wednesday).state == "fresh"
    assert judged(promise, at("06:00", date(2026, 11, 28)), wednesday).expected_day == date(2026, 11, 27)
    assert judged(promise, at("23:00", date(2026, 11, 30)), Row(date(2026, 11, 27))).state == "fresh"


def test_public_holidays_come_from_the_country() -> None:
    pytest.importorskip("holidays")
    calendar = parse_calendar({"weekdays": ["thu", "fri"], "country": "US"}, "here")
    assert calendar is not None
    assert not calendar.delivers_on(date(2026, 11, 26))  # Thanksgiving
    assert calendar.delivers_on(date(2026, 11, 27))
    with pytest.raises(ProblemError, match="GB-1023"):
        parse_calendar({"country": "Atlantis"}, "here")


@given(
    st.sets(st.integers(0, 6), max_size=6),
    st.sets(st.dates(date(2026, 11, 1), date(2026, 12, 31)), max_size=8),
    st.datetimes(datetime(2026, 11, 1), datetime(2026, 12, 31)),  # noqa: DTZ001  hypothesis wants them so
    st.times(),
)
def test_what_is_due_is_over_was_promised_and_is_the_newest(weekdays: set[int], holidays: set[date], moment: datetime, due: object) -> None:
    calendar, aware, hour = Calendar(tuple(weekdays), holidays=tuple(holidays)), moment.replace(tzinfo=UTC), f"{due:%H:%M}"
    found = calendar.newest_due(hour, aware)
    assert found is not None and calendar.delivers_on(found) and due_at(found, hour) <= aware
    later = [found + timedelta(days=ahead) for ahead in range(1, (aware.date() - found).days + 1)]
    assert all(not calendar.delivers_on(day) or due_at(day, hour) > aware for day in later)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("daily", "says nothing about deliveries"),
        ({"weekday": ["tue"]}, "no such key of delivers"),
        ({"weekdays": ["Tuesday"]}, "no weekday"),
        ({"weekdays": "tue"}, "list of texts"),
        ({"everyDays": 0}, "so many days apart"),
        ({"everyDays": 7, "weekdays": ["tue"]}, "so many days apart"),
        ({"everyDays": "7"}, "whole number"),
        ({"holidays": ["25.12.2026"]}, "not a day"),
        ({"by": "25:00"}, "no time of the day"),
        ({"by": "6"}, "no time of the day"),
        ({"mayBeEmpty": "yes"}, "neither true nor false"),
    ],
)
def test_a_calendar_that_means_nothing_is_one_clear_error(value: object, said: str) -> None:
    with pytest.raises(ProblemError, match=said):
        parse_calendar(value, "here")


def test_a_table_that_is_made_from_one_other_has_its_calendar() -> None:
    book = packaged()
    panel = calendar_of(book.parse("silver.market_panel"), book)
    assert panel == book.parse("bronze.market_panel").delivers == Calendar((1,))
    assert calendar_of(book.parse("gold.executive_kpis"), book) == Calendar()


def test_a_source_with_an_hour_of_its_own_is_due_on_the_day_itself() -> None:
    promise = Promise(Calendar((1,), by="18:00"), "05:30", FIRST)
    tuesday = at("17:59", DAY)
    assert expected_of_source(promise, date(2026, 11, 17), tuesday) == date(2026, 11, 17)
    assert expected_of_source(promise, date(2026, 11, 17), at("18:00", DAY)) == DAY
    late = judge_source(ORDERS, promise, DAY, SourceLook("missing"))
    assert late.late_by(at("20:00", DAY)) == timedelta(hours=2)


def test_a_source_that_cannot_be_asked_is_no_news_and_one_whose_clock_is_off_is_late() -> None:
    assert judge_source(ORDERS, DAILY, DAY, SourceLook("unreachable", "no connection")).state == "unknown"
    assert judge_source(ORDERS, DAILY, DAY, SourceLook("clock_off", "24 h ahead")).state == "late"
    assert judge_source(ORDERS, DAILY, DAY, SourceLook("delivered")).state == "fresh"
