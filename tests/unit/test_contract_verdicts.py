"""From the figures of a day to verdicts."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from globalbev_assets.contracts.model import Limit
from globalbev_assets.contracts.verdicts import held_reason, judge, plain

FEW = Limit("few_quarantined", "quarantined_ratio", True, None, Decimal("0.25"))
VOLUME = Limit("volume", "volume_ratio", False, Decimal("0.5"), Decimal("2"))
NONE_LOST = Limit("nothing_unaccounted", "unaccounted", True, Decimal(0), Decimal(0))
numbers = st.decimals(-1000, 1000, places=6)


def test_a_day_inside_its_limits_is_published() -> None:
    verdicts = judge([FEW, VOLUME, NONE_LOST], {"quarantined_ratio": Decimal("0.25"), "volume_ratio": Decimal(1), "unaccounted": Decimal(0)})
    assert [verdict.passed for verdict in verdicts] == [True, True, True]
    assert held_reason(verdicts) == ""


def test_a_blocking_limit_holds_the_day_and_says_why() -> None:
    verdicts = judge([FEW, VOLUME, NONE_LOST], {"quarantined_ratio": Decimal("0.4"), "volume_ratio": Decimal("0.1"), "unaccounted": Decimal(3)})
    assert (
        held_reason(verdicts)
        == "few_quarantined: quarantined_ratio is 0.4, allowed is at most 0.25; nothing_unaccounted: unaccounted is 3, allowed is 0"
    )


def test_a_limit_that_only_warns_holds_nothing() -> None:
    (verdict,) = judge([VOLUME], {"volume_ratio": Decimal(3)}, {"volume_ratio": Decimal("1.1")})
    assert (verdict.passed, verdict.previous, held_reason([verdict])) == (False, Decimal("1.1"), "")
    assert str(verdict) == "volume: volume_ratio is 3, allowed is at least 0.5 and at most 2"


def test_what_was_not_observed_is_not_judged() -> None:
    assert judge([VOLUME, FEW], {"quarantined_ratio": Decimal(0)})[0].limit_id == "few_quarantined"


@given(numbers, st.none() | numbers, st.none() | numbers)
def test_passed_means_inside(observed: Decimal, low: Decimal | None, high: Decimal | None) -> None:
    (verdict,) = judge([Limit("x", "m", True, low, high)], {"m": observed})
    assert verdict.passed == ((low is None or low <= observed) and (high is None or observed <= high))
    assert bool(held_reason([verdict])) != verdict.passed


@given(st.decimals(-(10**9), 10**9, places=4))
def test_numbers_are_shown_plainly(number: Decimal) -> None:
    assert Decimal(plain(number)) == number
    assert "E" not in plain(number)
