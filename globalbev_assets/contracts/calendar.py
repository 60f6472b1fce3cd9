"""When a source delivers: the ``delivers`` property of a contract. Pure: it knows days, not what was delivered.

A table says nothing (every day), on which ``weekdays``, or that a delivery comes ``everyDays`` days at the latest. On a holiday (listed, or of a
``country``) nothing is expected. A table that is made from one other table delivers when that one does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any

from globalbev_assets.contracts.custom import is_set, known_keys, text, texts, whole_number
from globalbev_assets.contracts.problems import closest, malformed

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DEFAULT_DUE = "08:00"
"""Hour (UTC) at which a day is due whose contract names none."""
_KEYS = frozenset({"weekdays", "everyDays", "holidays", "country", "by", "mayBeEmpty"})
_LONGEST_PAUSE_DAYS = 400
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d\Z")


@dataclass(frozen=True)
class Calendar:
    """When a source delivers.

    Attributes:
        weekdays: days of the week, Monday being 0; empty: every day.
        every_days: so many days after a delivery the next one has come, whatever the weekday.
        holidays: days on which nothing is delivered.
        country: code of the country whose public holidays are holidays here, with a subdivision if need be: ``US``, ``DE-BY``.
        by: hour (UTC, ``HH:MM``) of the day itself by which the source has delivered it; None: when the table is due.
        may_be_empty: whether a day without any row is a delivery too.
    """

    weekdays: tuple[int, ...] = ()
    every_days: int | None = None
    holidays: tuple[date, ...] = ()
    country: str | None = None
    by: str | None = None
    may_be_empty: bool = False

    @property
    def is_daily(self) -> bool:
        """Whether each day has rows of its own; otherwise a delivery that comes on a later day makes up for one that did not come."""
        return not self.weekdays and self.every_days is None

    @property
    def words(self) -> str:
        """The calendar as a person says it."""
        days = (
            f"at the latest {self.every_days} days after the last delivery" if self.every_days else ", ".join(WEEKDAYS[day] for day in self.weekdays)
        )
        listed = [days or "every day"] + ([f"by {self.by} UTC"] if self.by else [])
        listed += [f"not on the public holidays of {self.country}"] if self.country else []
        listed += [f"not on {', '.join(map(str, self.holidays))}"] if self.holidays else []
        return ", ".join(listed + (["perhaps without a row"] if self.may_be_empty else []))

    def delivers_on(self, day: date) -> bool:
        """Whether something is expected on that day, for calendars of weekdays."""
        return (not self.weekdays or day.weekday() in self.weekdays) and day not in self.holidays and not self._is_public_holiday(day)

    def newest_due(self, due: str, moment: datetime, last: date | None = None) -> date | None:
        """The newest day of delivery that is due at ``moment``, no later than ``last``; None when none was in more than a year."""
        newest = moment.date() - timedelta(days=1)
        newest = newest if due_at(newest, due) <= moment else newest - timedelta(days=1)
        newest = min(newest, last) if last else newest
        days = (newest - timedelta(days=back) for back in range(_LONGEST_PAUSE_DAYS))
        return next((day for day in days if self.delivers_on(day)), None)

    def _is_public_holiday(self, day: date) -> bool:
        return self.country is not None and day in _public_holidays(self.country, day.year)


def due_at(day: date, due: str) -> datetime:
    """When a business day is due: at ``HH:MM`` UTC of the day after it."""
    return datetime.combine(day + timedelta(days=1), time.fromisoformat(due), UTC)


def parse_calendar(value: Any, where: str) -> Calendar | None:
    """The calendar of a contract's ``delivers``; None when it says nothing.

    Raises:
        ProblemError: GB-1022 for an unknown key, GB-1023 for a malformed value.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise malformed(where, "That says nothing about deliveries.", repr(value), "a mapping of " + ", ".join(sorted(_KEYS)))
    known_keys(value, _KEYS, where, "key of delivers")
    every = whole_number(value, "everyDays", where)
    if ("everyDays" in value and every < 1) or ("everyDays" in value and "weekdays" in value):
        raise malformed(
            f"{where}.everyDays", "Deliveries come on weekdays, or so many days apart.", repr(value), "weekdays, or everyDays of 1 or more"
        )
    return Calendar(
        _weekdays(value.get("weekdays", []), f"{where}.weekdays"),
        every or None,
        tuple(_day(day, f"{where}.holidays") for day in texts([str(day) for day in value.get("holidays", [])], where)),
        _country(text(value, "country", where), f"{where}.country"),
        _hour(text(value, "by", where), f"{where}.by"),
        is_set(value, "mayBeEmpty", where),
    )


def _weekdays(value: Any, where: str) -> tuple[int, ...]:
    named = texts(value, where)
    for name in named:
        if name not in WEEKDAYS:
            raise malformed(where, "That is no weekday.", repr(name), closest(name, WEEKDAYS) or ", ".join(WEEKDAYS))
    return tuple(sorted(WEEKDAYS.index(name) for name in set(named)))


def _day(value: str, where: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise malformed(where, "That is not a day.", repr(value), "days as YYYY-MM-DD") from None


def _hour(value: str | None, where: str) -> str | None:
    if value is not None and not _TIME.match(value):
        raise malformed(where, "That is no time of the day.", repr(value), 'HH:MM in UTC, quoted: "18:30"')
    return value


def _country(value: str | None, where: str) -> str | None:
    if value is None:
        return None
    import holidays  # noqa: PLC0415  only where a contract names a country

    code, _, part = value.partition("-")
    parts = holidays.list_supported_countries().get(code)
    if parts is None or (part and part not in parts):
        raise malformed(where, "No calendar of holidays has that country.", repr(value), "an ISO 3166 code such as US, GB-SCT or DE-BY")
    return value


@cache
def _public_holidays(country: str, year: int) -> frozenset[date]:
    import holidays  # noqa: PLC0415  only where a contract names a country

    code, _, part = country.partition("-")
    return frozenset(holidays.country_holidays(code, subdiv=part or None, years=year))
