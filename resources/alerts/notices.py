"""Who is to be told what now: one message an incident, one digest instead of more than twenty, a reminder, and a word when it is over. Pure.

What was announced together is reminded of and closed together: a storm of a thousand incidents is one message, and one when it has passed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.custom import REMIND_AFTER_HOURS
from resources.alerts.contracts import contract_of
from resources.alerts.incident import Incident
from resources.alerts.observations import RANK, Severity

MOST_SINGLE = 20
"""More new incidents than these in one tick become one message."""
STORM_PAUSE = timedelta(minutes=15)
"""So long after a digest what is new waits for the next one."""
_DIGEST = "digest-"

NoticeKind = Literal["new", "reminder", "over"]


@dataclass(frozen=True)
class Notice:
    """One message that is due: ``incidents`` is one, or many for a digest."""

    id: str
    kind: NoticeKind
    incidents: tuple[Incident, ...]

    @property
    def severities(self) -> tuple[Severity, ...]:
        """Of its incidents, the worst first: as they are, and, when they are over, as they were told."""
        found = {severity for each in self.incidents for severity in (each.told if self.kind == "over" else (each.severity,))}
        return tuple(severity for severity in RANK if severity in found)

    @property
    def is_digest(self) -> bool:
        """Whether it tells of several incidents."""
        return len(self.incidents) > 1


@dataclass(frozen=True)
class Due:
    """The notices that are due, and the incidents with that noted down."""

    notices: tuple[Notice, ...]
    incidents: tuple[Incident, ...]


def due(incidents: Iterable[Incident], book: ContractBook, at: datetime, waiting: Collection[str] = ()) -> Due:
    """What is due at that time.

    Args:
        incidents: all that are kept.
        book: says how long after a message the next reminder is.
        at: the time.
        waiting: incidents of which a message is still to be delivered: no reminder is put on top of it.
    """
    known = list(incidents)
    notices, noted = _new(known, at)
    groups: dict[str, list[Incident]] = {}
    for incident in known:
        if incident.announcement and not incident.closing and not incident.is_news:
            groups.setdefault(incident.announcement, []).append(incident)
    over = {name: group for name, group in groups.items() if not any(incident.is_open for incident in group)}
    late = {name: group for name, group in groups.items() if name not in over and _is_reminder_due(group, book, at, waiting)}
    for notice in (*_told("over", over), *_told("reminder", late)):
        notices.append(notice)
        noted += [_noted(incident, notice, at) for incident in notice.incidents]
    return Due(tuple(notices), tuple(noted))


def _new(known: list[Incident], at: datetime) -> tuple[list[Notice], list[Incident]]:
    paused = {severity for severity in RANK if _is_storm(known, severity, at)}
    fresh = [incident for incident in known if incident.is_news and incident.severity not in paused]
    if len(fresh) > MOST_SINGLE:
        notices = [Notice(f"{_DIGEST}{_hash(fresh)}", "new", tuple(fresh))]
    else:
        notices = [Notice(f"{incident.id}-{incident.severity}", "new", (incident,)) for incident in fresh]
    return notices, [incident.announced(notice.id, at, with_joined=not notice.is_digest) for notice in notices for incident in notice.incidents]


def _is_storm(known: Iterable[Incident], severity: Severity, at: datetime) -> bool:
    """Whether a digest of nothing less bad is that new: a failure does not wait behind a storm of warnings."""
    return any(
        incident.announcement.startswith(_DIGEST)
        and RANK[incident.severity] <= RANK[severity]
        and incident.announced_at is not None
        and at - incident.announced_at < STORM_PAUSE
        for incident in known
    )


def _told(kind: NoticeKind, groups: Mapping[str, list[Incident]]) -> list[Notice]:
    """A notice a group; one for all where they are too many."""
    if len(groups) > MOST_SINGLE:
        everything = [incident for group in groups.values() for incident in group]
        return [_notice(kind, f"{_DIGEST}{_hash(everything)}", everything)]
    return [_notice(kind, name if name.startswith(_DIGEST) else group[0].id, group) for name, group in groups.items()]


def _notice(kind: NoticeKind, name: str, group: Iterable[Incident]) -> Notice:
    chosen = tuple(incident for incident in group if kind == "over" or incident.is_open)
    return Notice(f"{name}-{kind}{_round(kind, chosen)}", kind, chosen)


def _round(kind: NoticeKind, group: Iterable[Incident]) -> str:
    return f"-{1 + max(incident.reminders for incident in group)}" if kind == "reminder" else ""


def _noted(incident: Incident, notice: Notice, at: datetime) -> Incident:
    if notice.kind == "over":
        return replace(incident, closing=notice.id)
    return incident.reminded(at, with_joined=not notice.is_digest)


def _is_reminder_due(group: Iterable[Incident], book: ContractBook, at: datetime, waiting: Collection[str]) -> bool:
    still = [incident for incident in group if incident.is_open]
    if any(incident.id in waiting for incident in still):
        return False
    return any(at - (incident.reminded_at or incident.announced_at or at) >= remind_after(incident, book) for incident in still)


def remind_after(incident: Incident, book: ContractBook) -> timedelta:
    """How long after a message the next reminder is sent: the contract's time, or its severity's."""
    contract = contract_of(book, incident.table)
    hours = contract.remind_after_hours if contract and contract.remind_after_hours else REMIND_AFTER_HOURS[incident.severity]
    return timedelta(hours=hours)


def _hash(incidents: Iterable[Incident]) -> str:
    told = sorted(f"{incident.id}-{incident.severity}" for incident in incidents)
    return hashlib.sha256("|".join(told).encode()).hexdigest()[:8]
