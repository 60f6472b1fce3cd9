"""The form of a text, and which change of a type silver can take."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globalbev_assets.contracts.drift_formats import CLEANER_OF, dominant, family_of, form_of, forms_of, readable_forms
from globalbev_assets.contracts.drift_types import is_safe, kind_of, same_type, source_family
from globalbev_assets.contracts.vocabulary import CLEANERS

days = st.dates(date(1950, 1, 1), date(2049, 12, 31))


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2026-05-31", "iso_date"), ("2026-5-1", "iso_date"), ("2026-05-31T10:00:00Z", "iso_time_with_zone"), ("2026-05-31 10:00:00.5", "iso_time"),
        ("2026-05-31 10:00+02", "iso_time_with_zone"), ("31.05.2026", "day_first"), ("31/5/26", "day_first"), ("05/31/2026", "month_first"),
        ("03/04/2026", "day_or_month_first"), ("31.05.2026 10:00", "day_first"), ("32.13.2026", "text"), ("2026/05/31", "year_first_slashes"),
        ("31 May 2026", "month_name"), ("May 31, 2026", "month_name"), ("20260531", "compact_date"), ("20261399", "integer"), ("1780000000", "epoch_seconds"),
        ("1780000000000", "epoch_milliseconds"), ("12", "integer"), ("-3", "integer"), ("12.50", "decimal_point"), (".5", "decimal_point"),
        ("1e5", "text"), ("1.5e5", "decimal_point"), ("12,50", "decimal_comma"), ("1.234,50", "decimal_comma_grouped"), ("1,234.50", "decimal_point_grouped"),
        ("1,234", "comma_ambiguous"), ("$12.50", "with_currency"), ("12.50 EUR", "with_currency"), ("yes", "boolean"), ('{"a": 1}', "json_object"),
        ("[1]", "json_array"), ("BEV-1", "text"), ("31.05/2026", "text"), ("٣", "integer"), ("", "text"),
    ],
)  # fmt: skip
def test_each_text_has_one_form(text: str, form: str) -> None:
    assert form_of(text) == form
    assert form_of(f" {text}\n") == form


@given(st.text(max_size=60))
def test_every_text_has_a_form_and_none_is_in_it(text: str) -> None:
    assert form_of(text).replace("_", "").isalpha()


@given(st.lists(days, min_size=30, max_size=60, unique=True), st.sampled_from(["%d.%m.%Y", "%m/%d/%Y", "%Y-%m-%d"]))
def test_a_column_of_dates_has_the_form_that_wrote_it(found: list[date], pattern: str) -> None:
    form = {"%d.%m.%Y": "day_first", "%m/%d/%Y": "month_first", "%Y-%m-%d": "iso_date"}[pattern]
    if any(one.day > 12 for one in found):
        assert dominant(forms_of(one.strftime(pattern) for one in found)) == form


def test_what_is_ambiguous_goes_to_the_form_that_alone_explains_it() -> None:
    assert forms_of(["03.04.2026", "25.04.2026"]) == {"day_first": 2}
    assert forms_of(["03.04.2026", "25.04.2026", "04/25/2026"]) == {"day_or_month_first": 1, "day_first": 1, "month_first": 1}
    assert forms_of(["1,234", "1,5"]) == {"decimal_comma": 2}
    assert forms_of(["1,234", "1,234.50"]) == {"decimal_point_grouped": 2}


@pytest.mark.parametrize(
    ("forms", "form"), [({}, ""), ({"iso_date": 2}, ""), ({"iso_date": 8, "text": 2}, "iso_date"), ({"iso_date": 7, "text": 3}, "")]
)
def test_a_form_is_dominant_from_four_fifths_of_three_values(forms: dict[str, int], form: str) -> None:
    assert dominant(forms) == form


def test_empty_values_have_no_form() -> None:
    assert forms_of([None, "", "  "]) == {}


def test_every_proposed_cleaner_exists_and_reads_what_it_is_proposed_for() -> None:
    for (kind, form), cleaner in CLEANER_OF.items():
        assert cleaner in CLEANERS
        assert form in (readable_forms(kind, cleaner) or ()), (kind, form)
        assert form not in (readable_forms(kind, None) or ()), (kind, form)
        assert family_of(form)


def test_text_columns_take_every_form() -> None:
    assert readable_forms(kind_of("string"), None) is None
    assert readable_forms(kind_of("array<string>"), None) is None


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("bigint", "int8", True), ("integer", "bigint", False), ("numeric(12,2)", "decimal(12, 2)", True), ("numeric(12,2)", "numeric(14,2)", False),
        ("timestamp with time zone", "timestamptz", True), ("timestamp(3) with time zone", "timestamp with time zone", False),
        ("timestamp", "timestamptz", False), ("text", "character varying", True), ("text", "character varying(20)", False), ("uuid", "json", False),
        ("json", "JSON", True), ("text", "text[]", False), ("numeric", "numeric(12,2)", False),
    ],
)  # fmt: skip
def test_names_that_mean_the_same_type(one: str, other: str, is_same: bool) -> None:
    assert same_type(one, other) is same_type(other, one) is is_same


@pytest.mark.parametrize(
    ("before", "after", "silver", "safe"),
    [
        ("bigint", "integer", "bigint", True), ("integer", "bigint", "bigint", True), ("bigint", "text", "bigint", False),
        ("bigint", "numeric(12,2)", "bigint", False), ("bigint", "text", "string", True), ("numeric(12,2)", "numeric(14,2)", "decimal(18,4)", True),
        ("numeric(12,2)", "numeric(14,6)", "decimal(18,4)", False), ("numeric(12,2)", "numeric(18,2)", "decimal(18,4)", False),
        ("numeric(12,2)", "numeric", "decimal(18,4)", True), ("numeric(12,2)", "double precision", "decimal(18,4)", False),
        ("date", "timestamp with time zone", "date", True), ("date", "text", "date", False), ("date", "timestamp", "date", False),
        ("timestamptz", "timestamp", "timestamp", False), ("timestamp", "timestamp(3)", "timestamp", True), ("text", "character varying(20)", "date", True),
        ("boolean", "integer", "boolean", False), ("boolean", "text", "boolean", False), ("text", "uuid", "string", True),
        ("bigint", "bigint[]", "bigint", False),
    ],
)  # fmt: skip
def test_a_type_is_safe_when_silver_reads_all_its_values(before: str, after: str, silver: str, safe: bool) -> None:
    assert is_safe(before, after, silver) is safe


@given(st.text(max_size=40))
def test_any_name_has_a_family(name: str) -> None:
    assert source_family(name)


@given(st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1)))  # noqa: DTZ001  wall-clock times are what is written
def test_iso_times_are_read_by_silver(moment: datetime) -> None:
    assert form_of(moment.isoformat()) in (readable_forms("timestamp", None) or ())
