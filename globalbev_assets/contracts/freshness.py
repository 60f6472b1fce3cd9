"""Whether what is due is there: pure judgement on the ledger's rows and on what a source was seen to have. The clock is an argument.

Judged is the *partition* that is expected, never when something was last written: a backfill of an old day makes nothing fresh.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, Protocol

from globalbev_assets.contracts.calendar import DEFAULT_DUE, Calendar, due_at
from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import TableName

Subject = Literal["partition", "source"]
State = Literal["fresh", "late", "unknown"]
SourceState = Literal["delivered", "missing", "unreachable", "clock_off"]
DAILY = Calendar()


class Loaded(Protocol):
    """What the ledger knows of a day, as far as it is judged here."""

    @property
    def state(self) -> str: ...  # noqa: D102

    @property
    def rows_in(self) -> int: ...  # noqa: D102

    @property
    def reason(self) -> str: ...  # noqa: D102

    @property
    def recorded_at(self) -> datetime: ...  # noqa: D102

    @property
    def is_readable(self) -> bool: ...  # noqa: D102


@dataclass(frozen=True)
class SourceLook:
    """What a source was seen to have of a day.

    ``clock_off``: its clock differs so much from ours that its dates say nothing.
    """

    state: SourceState
    detail: str = ""


@dataclass(frozen=True)
class Promise:
    """What a table promises: its days, its hour, the history in which it does, and whether each reading is of the whole source."""

    calendar: Calendar
    due: str
    first: date
    last: date | None = None
    is_whole: bool = False

    @classmethod
    def of(cls, contract: Contract, contracts: Mapping[TableName, Contract], first: date, end: date | None) -> Promise:
        """Of a contract; a table that is made from one other delivers when that one does. ``end`` is the first day after the history."""
        last = end - timedelta(days=1) if end else None
        return cls(calendar_of(contract, contracts), contract.due or DEFAULT_DUE, first, last, is_read_whole(contract, contracts))


@dataclass(frozen=True)
class Freshness:
    """Whether the day that is due is there, in the table (``partition``) or at its source (``source``).

    ``expected_day`` is None while nothing is due yet or nothing was ever loaded (``unknown``).
    """

    table: TableName
    subject: Subject
    state: State
    expected_day: date | None = None
    due_at: datetime | None = None
    reason: str = ""
    late_since: datetime | None = None

    def late_by(self, moment: datetime) -> timedelta:
        """How late it is, counted from the first of the days in a row that did not come; nothing when it is there."""
        return moment - self.late_since if self.late_since else timedelta(0)


def calendar_of(contract: Contract, contracts: Mapping[TableName, Contract]) -> Calendar:
    """Its own calendar, else that of the one table that it is made from, else every day."""
    return next((one.delivers for one in _made_from(contract, contracts) if one.delivers is not None), DAILY)


def is_read_whole(contract: Contract, contracts: Mapping[TableName, Contract]) -> bool:
    """Whether each reading is of the whole source, or the table shows the newest day alone: a later day has all that an earlier one would have had."""
    return contract.is_snapshot or any(one.source.options.get("mode") == "full" for one in _made_from(contract, contracts))


def _made_from(contract: Contract, contracts: Mapping[TableName, Contract]) -> Iterator[Contract]:
    """The table, the one that it is made from, and so on."""
    seen = {contract.name}
    yield contract
    while contract.source.options.get("table"):
        name = TableName.parse(contract.source.options["table"])
        if name in seen or name not in contracts:
            return
        contract = contracts[name]
        seen.add(name)
        yield contract


def made_up_for(contracts: Mapping[TableName, Contract]) -> frozenset[str]:
    """Tables of which a later delivery takes the place of one that did not come, as ``layer.table``."""
    return frozenset(
        str(name) for name, contract in contracts.items() if is_read_whole(contract, contracts) or not has_own_days(calendar_of(contract, contracts))
    )


def has_own_days(calendar: Calendar) -> bool:
    """Whether each day of delivery is owed for itself: each day, or several days of the week.

    The next file of a feed that comes once a week, or so many days apart, takes the place of the one that did not come.
    """
    return calendar.every_days is None and len(calendar.weekdays) != 1


def why_owed(promise: Promise, day: date, rows: Mapping[date, Loaded], moment: datetime) -> str:
    """Why a day that was late is owed still, though later ones came, and what loads it; empty where nothing is owed of it any more."""
    is_due = promise.first <= day <= (promise.last or day) and promise.calendar.delivers_on(day) and due_at(day, promise.due) <= moment
    if not is_due or promise.is_whole or not has_own_days(promise.calendar):
        return ""
    if any(_is_there(promise.calendar, each, rows.get(each)) for each in _in_place_of(promise.calendar, day)):
        return ""
    return f"{_why(day, rows.get(day))} No later day makes up for it: `globalbev backfill {day} {day}`."


def judge_partition(table: TableName, promise: Promise, rows: Mapping[date, Loaded], moment: datetime) -> Freshness:
    """Whether the newest day that is due is in the table. Days that are not over yet by our own clock are not looked at, whoever dated them."""
    if not rows:
        return Freshness(table, "partition", "unknown", reason="Nothing was ever loaded.")
    closed = {day: row for day, row in rows.items() if day < moment.date()}
    expected = expected_day(promise, closed, moment)
    if expected is None or expected < promise.first:
        return Freshness(table, "partition", "unknown", reason="Nothing is due yet.")
    at = due_at(expected, promise.due)
    if promise.calendar.is_daily and not promise.is_whole:
        there = _is_there(promise.calendar, expected, closed.get(expected))
    else:
        there = any(_is_there(promise.calendar, day, row) for day, row in closed.items() if day >= expected)
    if there:
        return Freshness(table, "partition", "fresh", expected, at, f"{expected} is there.")
    first = _first_missing(promise, expected, closed)
    why = _why(expected, closed.get(expected)) + (f" The days since {first} are missing too." if first < expected else "")
    return Freshness(table, "partition", "late", expected, at, why, due_at(first, promise.due))


def judge_source(table: TableName, promise: Promise, expected: date, look: SourceLook) -> Freshness:
    """Whether the source has delivered the expected day; ``unknown`` while it cannot be asked."""
    at = source_due_at(promise, expected)
    if look.state == "delivered":
        return Freshness(table, "source", "fresh", expected, at, look.detail or f"The source has {expected}.")
    if look.state == "unreachable":
        return Freshness(table, "source", "unknown", expected, at, look.detail)
    return Freshness(table, "source", "late", expected, at, look.detail or f"The source has nothing of {expected}.", at)


def expected_day(promise: Promise, rows: Mapping[date, Loaded], moment: datetime) -> date | None:
    """The newest day that is due."""
    every = promise.calendar.every_days
    if every is None:
        return promise.calendar.newest_due(promise.due, moment, promise.last)
    delivered = [day for day, row in rows.items() if _is_there(promise.calendar, day, row)]
    previous = max(delivered, default=promise.first)
    following = previous + timedelta(days=every)
    while not promise.calendar.delivers_on(following):
        following += timedelta(days=1)
    is_due = due_at(following, promise.due) <= moment and (promise.last is None or following <= promise.last)
    return following if is_due else previous if delivered else None


def expected_of_source(promise: Promise, table_expects: date | None, moment: datetime) -> date | None:
    """The newest day that the source should have delivered; with an hour of its own (``by``) that may be today's."""
    by = promise.calendar.by
    today = moment.date()
    is_past = by is not None and datetime.combine(today, time.fromisoformat(by), UTC) <= moment
    if is_past and promise.calendar.every_days is None and promise.calendar.delivers_on(today) and (promise.last is None or today <= promise.last):
        return today
    return table_expects


def source_due_at(promise: Promise, day: date) -> datetime:
    """When the source should have delivered a day."""
    by = promise.calendar.by
    return datetime.combine(day, time.fromisoformat(by), UTC) if by else due_at(day, promise.due)


def _in_place_of(calendar: Calendar, day: date) -> Iterator[date]:
    """The days that may hold what was due on a day: itself and, between two weekdays of delivery, those before the next one."""
    yield day
    for ahead in range(1, 1 if calendar.is_daily else 7):
        following = day + timedelta(days=ahead)
        if calendar.delivers_on(following):
            return
        yield following


def _first_missing(promise: Promise, expected: date, rows: Mapping[date, Loaded]) -> date:
    """The first of the days of delivery that are missing in a row, the expected one being the last; no earlier than what was ever loaded."""
    first, day = expected, expected
    while day > max(promise.first, min(rows, default=expected)):
        day -= timedelta(days=1)
        if promise.calendar.delivers_on(day):
            if _is_there(promise.calendar, day, rows.get(day)):
                break
            first = day
    return first


def _is_there(calendar: Calendar, day: date, row: Loaded | None) -> bool:
    """Whether a day was loaded, had rows, and was over when it was loaded: a source whose clock runs ahead closes no day."""
    if row is None or not row.is_readable or not (row.rows_in or calendar.may_be_empty):
        return False
    return row.recorded_at >= datetime.combine(day + timedelta(days=1), time(), UTC)


def _why(day: date, row: Loaded | None) -> str:
    if row is None:
        return f"{day} was not loaded."
    if not row.is_readable:
        return f"{day} is {row.state}: {row.reason}"
    if not row.rows_in:
        return f"{day} was loaded, and there was not one row."
    return f"{day} was loaded before it was over; load it again."
