"""Observations, incidents and notices as tests write them, over the packaged contracts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from globalbev_assets.contracts.book import ContractBook
from resources.alerts.incident import Incident
from resources.alerts.lineage import Lineage
from resources.alerts.notices import Due, due
from resources.alerts.observations import Breach, Observation, Severity
from resources.alerts.register import Register
from tests.unit.contract_files import packaged

LOG = "log"
START = datetime(2026, 3, 9, 2, 0, tzinfo=UTC)
DAY = "2026-03-08"


def book() -> ContractBook:
    return packaged()


def lineage() -> Lineage:
    return Lineage.of(packaged())


def broke(table: str, rule: str, event_id: int, day: str = DAY, severity: Severity = "error", source: str = "", run_id: str = "run-1") -> Observation:
    breach = Breach(rule, severity, "", Decimal("0.31"), None, Decimal("0.25"))
    return Observation(table, source or rule, day, event_id, START, run_id, (breach,))


def passed(table: str, source: str, event_id: int, day: str = DAY) -> Observation:
    return Observation(table, source, day, event_id, START, "run-2")


class Watch:
    """A register over several ticks, with the messages that each brings; the minutes are since the start."""

    def __init__(self) -> None:
        self.incidents: tuple[Incident, ...] = ()

    def tick(self, *seen: Observation, minutes: float = 0, log: str = LOG) -> Due:
        at = START + timedelta(minutes=minutes)
        register = Register(self.incidents, lineage(), log)
        register.observe(seen, at)
        found = due(register.incidents, book(), at)
        noted = {incident.id: incident for incident in (*register.incidents, *found.incidents)}
        self.incidents = tuple(noted.values())
        return found

    @property
    def open(self) -> list[Incident]:
        return [incident for incident in self.incidents if incident.is_open]


def said(found: Due) -> list[tuple[str, list[tuple[str, str]]]]:
    """What a tick tells: kind of notice, and the roots that it is about."""
    return [(notice.kind, [incident.root for incident in notice.incidents]) for notice in found.notices]


def many(count: int, rule: str = "volume", start: int = 1) -> Iterable[Observation]:
    """Failures of so many different rules of one table: as many incidents."""
    return (broke("bronze.orders", f"{rule}_{number}", start + number) for number in range(count))
