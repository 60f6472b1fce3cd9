"""The shop's window: 181 days, whole weeks away from 2017."""

from datetime import date, timedelta

import pytest

from sandbox.window import SOURCE_LAST, window_ending


@pytest.mark.parametrize("offset", range(7))
def test_on_every_weekday_the_source_ends_in_the_first_week_of_july_on_the_same_weekday(offset: int) -> None:
    last = date(2026, 11, 16) + timedelta(days=offset)
    window = window_ending(last)
    source_last = window.source_day(last)
    assert date(2017, 6, 30) <= source_last <= date(2017, 7, 6)
    assert source_last.weekday() == last.weekday()
    assert window.shift_days % 7 == 0
    assert (len(window.days), window.days.last) == (181, last)
    assert window.source_day(window.days.first) >= date(2017, 1, 1)


def test_after_the_sources_end_its_days_come_again_on_the_same_weekday() -> None:
    window = window_ending(date(2026, 11, 21))
    for ahead in range(600):
        day = window.days.last + timedelta(days=ahead)
        source = window.source_day(day)
        assert date(2017, 1, 1) <= source <= SOURCE_LAST
        assert source.weekday() == day.weekday()
