"""Which days of 2017 the shop replays, and where they lie on today's calendar.

Whole weeks are shifted, so that a Saturday's sales fall on a Saturday.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from partitions.days import DayRange

DAYS = 181
EARLIEST_END = date(2017, 6, 30)
SOURCE_LAST = date(2017, 12, 31)
YEAR_OF_WEEKS = timedelta(days=364)


@dataclass(frozen=True, slots=True)
class Window:
    """The shop's history: 181 days that end on ``days.last``, read from the source ``shift_days`` earlier."""

    days: DayRange
    shift_days: int

    def source_day(self, day: date) -> date:
        """The day of 2017 whose sales happen on ``day``; after the source's end its last year is replayed, on the same weekday."""
        found = day - timedelta(days=self.shift_days)
        while found > SOURCE_LAST:
            found -= YEAR_OF_WEEKS
        return found


def window_ending(last: date) -> Window:
    """The window that ends on ``last``: its source ends between 2017-06-30 and 2017-07-06, on the same weekday."""
    source_last = EARLIEST_END + timedelta(days=(last.weekday() - EARLIEST_END.weekday()) % 7)
    return Window(DayRange(last - timedelta(days=DAYS - 1), last), (last - source_last).days)
