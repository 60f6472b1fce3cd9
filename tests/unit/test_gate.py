"""The gate judges a day by what the source says of it, without Spark."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from globalbev_assets.contracts.names import TableName
from resources.gate import Gate, results
from resources.staging import DayFigures, summed_columns
from tests.unit.contract_files import packaged

DAY, NEXT = date(2026, 6, 1), date(2026, 6, 2)
PAYMENTS = packaged()[TableName("bronze", "payments")]
SILVER = packaged()[TableName("silver", "payments")]


def reasons(amount: str, source: dict[date, Decimal], rows: int = 3) -> dict[date, str]:
    found = {DAY: DayFigures(DAY, rows_in=rows, published=rows, sums={"amount": Decimal(amount)})}
    gate = Gate(PAYMENTS, {}, {DAY: 3}, sums={"amount": source})
    return {day: judged.reason for day, judged in gate.judge(found, [DAY, NEXT]).items()}


def test_a_contract_says_which_columns_are_added_up() -> None:
    assert summed_columns(PAYMENTS) == ["amount"]


def test_a_day_whose_amounts_add_up_passes_and_so_does_one_without_rows() -> None:
    assert reasons("10.5000", {DAY: Decimal("10.50")}) == {DAY: "", NEXT: ""}


@pytest.mark.parametrize(("ours", "said"), [("10.49", "-0.01"), ("0", "-10.5"), ("21", "10.5")])
def test_a_day_whose_amounts_differ_is_held_though_its_rows_are_all_there(ours: str, said: str) -> None:
    assert reasons(ours, {DAY: Decimal("10.50")})[DAY] == f"amount_adds_up: sum_difference:amount is {said}, allowed is 0"


def test_rows_and_sums_are_told_apart() -> None:
    reason = reasons("10", {DAY: Decimal("10.50")}, rows=2)[DAY]
    assert reason.startswith("every_source_row_arrived: source_difference is -1")
    assert "sum_difference:amount is -0.5" in reason


def test_what_the_source_could_not_add_up_is_not_judged() -> None:
    found = {DAY: DayFigures(DAY, rows_in=3, published=3, sums={"amount": Decimal(0)})}
    assert Gate(PAYMENTS, {}, {DAY: 3}).judge(found, [DAY])[DAY].reason == ""


def test_each_rule_and_limit_has_a_result_on_each_day_with_rows() -> None:
    days = Gate(SILVER, {}).judge({DAY: DayFigures(DAY, rows_in=30, published=28, quarantined=2, by_rule={"unknown_order": 2})}, [DAY, NEXT])
    found = {(one.business_day, one.rule_id): one for one in results(SILVER, days, "run", datetime(2026, 6, 3, tzinfo=UTC), {})}
    of_rows = {rule: one for (day, rule), one in found.items() if day == DAY and one.kind == "row"}
    assert set(of_rows) == {rule.id for rule in SILVER.rules}
    assert {rule: (one.observed, one.passed) for rule, one in of_rows.items() if not one.passed} == {"unknown_order": (Decimal(2), False)}
    assert (of_rows["unknown_order"].severity, of_rows["currency_missing"].severity) == ("error", "warn")
    assert {rule for day, rule in found if day == NEXT} <= {limit.id for limit in SILVER.limits}, "of a day without rows a row rule says nothing"
    assert (DAY, "few_quarantined") in found
