"""``--select``: names by the contracts alone, expressions as Dagster's own command reads them."""

from __future__ import annotations

import sys

import pytest

from globalbev_assets.contracts.names import TableName
from globalbev_assets.errors import TerminalError
from globalbev_assets.operations.selection import selected
from tests.unit.contract_files import packaged


def names(*select: str) -> list[str]:
    return [str(name) for name in selected(packaged(), select)]


def test_nothing_selected_is_everything() -> None:
    assert names() == [str(name) for name in packaged()]


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        (("silver/orders",), ["silver.orders"]),
        (("silver.orders", 'key:"bronze/orders"'), ["bronze.orders", "silver.orders"]),
        (("silver/payments, bronze/orders",), ["bronze.orders", "silver.payments"]),
    ],
)
def test_tables_stand_in_the_books_order(select: tuple[str, ...], expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "globalbev_assets.definitions", None)  # they are not loaded for a name
    assert names(*select) == expected


@pytest.mark.parametrize("select", ["gold", "group:gold"])
def test_a_layer_is_its_tables(select: str) -> None:
    assert names(select) == [str(name) for name in packaged() if name.layer == "gold"]


def test_expressions_are_dagsters() -> None:
    assert names("silver/orders+") == [
        "silver.orders", "silver.order_lines", "silver.payments",
        "gold.executive_kpis", "gold.fact_daily_sales", "gold.fact_sku_market_performance", "gold.finance_daily_payments", "gold.inventory_position",
    ]  # fmt: skip
    assert set(names("group:silver and tag:domain=sales")) == {"silver.orders", "silver.order_lines", "silver.payments"}
    assert set(names("not group:gold", "gold/executive_kpis")) == {str(name) for name in packaged() if name.layer != "gold"} | {"gold.executive_kpis"}
    assert {TableName.parse(name).layer for name in names("+silver/payments")} == {"bronze", "silver"}


@pytest.mark.parametrize(
    ("select", "code"),
    [
        ("gold and (", "GB-1008"),
        ("silver/nope+", "GB-1008"),
        ("tag:domain=nobody", "GB-1008"),
        ("status:failed", "GB-1008"),
        ("code_location:nowhere", "GB-1008"),
        ("silver/order", "GB-1029"),
        ("nope", "GB-1011"),
        ("", "GB-1008"),
    ],
)
def test_what_selects_nothing_is_an_error(select: str, code: str) -> None:
    with pytest.raises(TerminalError) as raised:
        names(select)
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("select", "why"), [("gold and (", "Dagster does not read it"), ("status:failed", "NotImplementedError"), ("silver/nope+", "no table fits")]
)
def test_why_nothing_is_selected_is_said(select: str, why: str) -> None:
    with pytest.raises(TerminalError) as raised:
        names(select)
    assert why in str(raised.value.got)
