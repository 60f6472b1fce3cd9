"""Which columns an expression names."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globalbev_assets.contracts.expressions import MalformedExpressionError, columns_in


@pytest.mark.parametrize(
    ("expression", "columns"),
    [
        ("quantity <> 0", ("quantity",)),
        ("ordered_at is not null and ordered_at <= _ingested_at", ("ordered_at", "_ingested_at")),
        ("coalesce(upper(nullif(trim(currency), '')), _market_currency)", ("currency", "_market_currency")),
        ("cast(round(quantity * unit_price, 4) as decimal(18,4))", ("quantity", "unit_price")),
        ("cast(ordered_at as date)", ("ordered_at",)),
        ("try_cast(_raw.amount as bigint) is null", ("_raw.amount",)),
        ("day >= date'2026-01-01' and note = 'is O''Brien''s amount'", ("note",)),
        ("exists(items, x -> x.price < 0) and size(items) > 1", ("items",)),
        ("aggregate(items, 0, (total, x) -> total + x)", ("items",)),
        ("case when a = 'b' then `c` else 1.5e3 end", ("a", "c")),
        ("not is_open or status in ('paid', 'returned')", ("is_open", "status")),
        ("a::bigint between 1 and 2", ("a",)),
    ],
)
def test_columns_are_found_and_nothing_else(expression: str, columns: tuple[str, ...]) -> None:
    assert columns_in(expression) == columns


@pytest.mark.parametrize("expression", ["a > (1", "a) > 1", "a = 'open", "", "   ", "a ; drop table x", 'a = "text"', "a # b"])
def test_what_is_no_expression_is_said(expression: str) -> None:
    with pytest.raises(MalformedExpressionError):
        columns_in(expression)


@settings(max_examples=40)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert all(isinstance(name, str) for name in columns_in(text))
    except MalformedExpressionError as error:
        assert str(error)


@settings(max_examples=40)
@given(st.lists(st.from_regex(r"[a-z]{3}_[a-z0-9]{1,5}", fullmatch=True), min_size=1, max_size=5, unique=True))
def test_every_column_of_a_sum_is_found(names: list[str]) -> None:
    assert columns_in(" + ".join(f"coalesce({name}, 0)" for name in names)) == tuple(names)
