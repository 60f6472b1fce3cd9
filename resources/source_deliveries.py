"""Has a source delivered a day? Asked of the landing zone, the database and the API themselves, within seconds and without Spark.

A source whose clock differs from ours by more than an hour is not believed: what it dates tomorrow would make fresh what is not. Whatever
goes wrong while asking is an answer too (``unreachable``), never an error: freshness is then judged without the source.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import psycopg
from psycopg import sql

from globalbev_assets.contracts.calendar import Calendar
from globalbev_assets.contracts.freshness import SourceLook
from globalbev_assets.contracts.model import Contract
from globalbev_assets.errors import GlobalBevError
from partitions.days import DayRange
from resources.api_feed import ApiFeed
from resources.bronze_sources import api_feed, file_feed
from resources.http_fetch import Answer, AttemptFailedError, Bounds, get
from resources.http_session import checked_base_url, open_session
from resources.landing import list_deliveries
from resources.landing_mirror import Brought, LandingMirror
from resources.settings import Settings
from resources.shop import Relation

CLOCK_TOLERANCE = timedelta(hours=1)
BOUNDS = Bounds(connect_s=1.0, silence_s=1.5, total_s=2.0, size_bytes=4 * 1024 * 1024)
CONNECT_S, STATEMENT_MS = 2, 1500


@dataclass
class SourceDeliveries:
    """The sources of one installation at one moment. A context manager: connections are kept until its end, one a database."""

    settings: Settings
    moment: datetime
    _open: ExitStack = field(default_factory=ExitStack)
    _databases: dict[str, psycopg.Connection[Any] | str] = field(default_factory=dict)

    def __enter__(self) -> SourceDeliveries:
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def look(self, contract: Contract, calendar: Calendar, day: date) -> SourceLook | None:
        """What the source of a bronze table has of ``day``; None for a table that is made from others."""
        kinds: dict[str, Callable[[Contract, Calendar, date], SourceLook]] = {
            "database": self._database,
            "file_feed": self._files,
            "json_api": self._api,
        }
        if contract.source.kind not in kinds:
            return None
        try:
            return kinds[contract.source.kind](contract, calendar, day)
        except GlobalBevError as error:
            return SourceLook("unreachable", f"The source could not be asked: {error.code} {error.what}")
        except AttemptFailedError as error:
            return SourceLook("unreachable", f"The source could not be asked: {error.reason}.")
        except (psycopg.Error, OSError, ValueError) as error:  # by its class: the text may hold an address or a value
            return SourceLook("unreachable", f"The source could not be asked: {type(error).__name__}.")

    def _files(self, contract: Contract, calendar: Calendar, day: date) -> SourceLook:
        feed, mirror = file_feed(contract), LandingMirror.of(self.settings)
        wanted = DayRange(day, day if calendar.is_daily else max(day, self.moment.date()))
        brought = mirror.days(feed.name, list(wanted), self.moment) if mirror else Brought(self.settings.landing_root)
        if brought.large:  # by its name and size alone
            return SourceLook("delivered", f"{brought.large[0]} is there.")
        found = list_deliveries(brought.root, feed, now=self.moment, deadletter=None, state=self.settings.home / "state")
        files = [file for file in found.ready if file.day in wanted and (file.records or calendar.may_be_empty)]
        if files:
            return SourceLook("delivered", f"{files[0].feed}/{files[0].day}/{files[0].name} is there.")
        said = [f"{len(listed)} {text}" for listed, text in ((found.waiting, "still being written"), (found.dead, "cannot be read"))
                if any(file.day in wanted for file in listed)]  # fmt: skip
        said += ["there are files dated later than today"] if any(file.day > self.moment.date() for file in found.ready) else []
        return SourceLook("missing", f"No file of {day} has come" + (f": {', '.join(said)}." if said else "."))

    def _database(self, contract: Contract, calendar: Calendar, day: date) -> SourceLook:
        connection = self._connection(contract.source.options.get("dsn", "GLOBALBEV_SHOP_DSN"))
        if isinstance(connection, str):
            return SourceLook("unreachable", f"The source could not be asked: {connection}.")
        relation = Relation.of(contract)
        row = connection.execute("select clock_timestamp()").fetchone()
        off = _clock_off(row[0] if row else None, self.moment)
        if off:
            return off
        if relation.is_full or calendar.may_be_empty:
            return SourceLook("delivered", f"{relation.name} can be read.")
        query = sql.SQL("select 1 from {source} where {within} limit 1").format(
            source=relation.source, within=relation.within(DayRange(day, day), self.moment)
        )
        if connection.execute(query).fetchone():
            return SourceLook("delivered", f"{relation.name} has rows of {day}.")
        return SourceLook("missing", f"{relation.name} has no row of {day}.")

    def _connection(self, variable: str) -> psycopg.Connection[Any] | str:
        if variable not in self._databases:
            options = f"-c timezone=UTC -c statement_timeout={STATEMENT_MS} -c default_transaction_read_only=on"
            try:
                opened = psycopg.connect(self.settings.variable(variable), connect_timeout=CONNECT_S, options=options, autocommit=True)
            except psycopg.Error as error:
                self._databases[variable] = f"no connection to the database ({type(error).__name__})"
            else:
                self._open.callback(opened.close)
                self._databases[variable] = opened
        return self._databases[variable]

    def _api(self, contract: Contract, calendar: Calendar, day: date) -> SourceLook:
        options, feed = contract.source.options, api_feed(contract)
        base_url = checked_base_url(self.settings.variable(options["url"]))
        token = self.settings.variable(options["token"]) if options.get("token") else None
        query = list(feed.query)
        query += [(feed.page_size_param, "1")] if feed.page_size_param else []
        query += [(feed.as_of_param, day.isoformat())] if feed.as_of_param else []
        missing = frozenset({feed.missing_status} if feed.missing_status else ())
        with open_session(base_url, token, connections=1) as session:
            answer = get(session, base_url + feed.path, query, BOUNDS, also=missing)
        return _clock_off(_http_date(answer.date), self.moment) or _of_answer(answer, feed, calendar, day)


def _of_answer(answer: Answer, feed: ApiFeed, calendar: Calendar, day: date) -> SourceLook:
    if answer.status != 200:
        return SourceLook("missing", f"The API has nothing of {day}.")
    body = json.loads(answer.body)
    items = _field(body, feed.items_field) if feed.items_field else body
    as_of = str(_field(body, feed.as_of_field) or "")[:10] if feed.as_of_field else ""
    if feed.as_of_param and as_of and as_of != day.isoformat():
        return SourceLook("missing", f"Asked for {day}, the API answered the state of another day.")
    if not items and not calendar.may_be_empty:
        return SourceLook("missing", f"The API answered, and has not one item of {day}.")
    return SourceLook("delivered", f"The API has {day}.")


def _field(body: Any, path: str) -> Any:
    for name in path.split("."):
        body = body.get(name) if isinstance(body, dict) else None
    return body


def _clock_off(theirs: datetime | None, ours: datetime) -> SourceLook | None:
    """That the source's clock is wrong, if it is; None when it is right or not told."""
    if theirs is None or abs(theirs - ours) <= CLOCK_TOLERANCE:
        return None
    hours = (theirs - ours).total_seconds() / 3600
    return SourceLook("clock_off", f"The source's clock is {abs(hours):.0f} h {'ahead' if hours > 0 else 'behind'}: its dates cannot be believed.")


def _http_date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (TypeError, ValueError):
        return None
