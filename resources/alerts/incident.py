"""An incident: a table and a rule that is broken on some days, with everything downstream that is broken because of it.

It is over when its own rule is broken on none of its days any more. A day is broken as long as any source (a check, a run) says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from resources.alerts.observations import RANK, Breach, Observation, Severity

Slot = tuple[str, str]
"""A table and a rule."""
Claims = Mapping[str, Mapping[str, int]]
"""By day, by source: the event that said so."""


@dataclass(frozen=True)
class Incident:
    """One cause.

    Attributes:
        id: the same for the same first event, so that a tick that is repeated makes no second one.
        table, rule: the root.
        severity: of the root's rule.
        log: the event log that the ids of events belong to.
        opened_at: when it was first seen.
        run_id: newest run in which the root's rule was broken.
        broken: what is broken now, by slot; the root's own slot is one of them.
        mended: what was broken and is no more, by slot.
        breach: the newest day's breach of the root's rule.
        newest_day: that day.
        announcement: the message that told of it; empty while nobody was told.
        announced_at: when that message was made.
        reminded_at: when the last reminder was made.
        reminders: how many there were.
        closed_at: when it was over.
        closing: the message that said so.
    """

    id: str
    table: str
    rule: str
    severity: Severity
    log: str
    opened_at: datetime
    run_id: str
    broken: Mapping[Slot, Claims] = field(default_factory=dict)
    mended: Mapping[Slot, Claims] = field(default_factory=dict)
    breach: Breach | None = None
    newest_day: str = ""
    announcement: str = ""
    announced_at: datetime | None = None
    reminded_at: datetime | None = None
    reminders: int = 0
    closed_at: datetime | None = None
    closing: str = ""

    @classmethod
    def opened(cls, seen: Observation, breach: Breach, log: str) -> Incident:
        """The incident that an observation starts."""
        source = f"{seen.table}|{breach.rule}|{log}|{seen.source}|{seen.event_id}"
        name = hashlib.sha256(source.encode()).hexdigest()[:8]
        return cls(name, seen.table, breach.rule, breach.severity, log, seen.at, seen.run_id)

    @property
    def root(self) -> Slot:
        """Its own table and rule."""
        return self.table, self.rule

    @property
    def is_open(self) -> bool:
        """Whether it is not over."""
        return self.closed_at is None

    @property
    def open_days(self) -> tuple[str, ...]:
        """The days on which the root's rule is broken."""
        return tuple(sorted(self.broken.get(self.root, {})))

    @property
    def all_days(self) -> tuple[str, ...]:
        """Every day on which it was ever broken."""
        return tuple(sorted({*self.broken.get(self.root, {}), *self.mended.get(self.root, {})}))

    @property
    def joined(self) -> tuple[Slot, ...]:
        """What is broken downstream because of it."""
        return tuple(slot for slot in self.broken if slot != self.root)

    def broke(self, slot: Slot, seen: Observation, breach: Breach) -> Incident:
        """The incident with one more day, or one more source that says so."""
        changed = replace(self, broken=_with(self.broken, slot, seen), mended=_without(self.mended, slot, seen))
        if slot == self.root and seen.day >= self.newest_day:
            changed = replace(changed, breach=breach, newest_day=seen.day, run_id=seen.run_id or self.run_id)
        return changed

    def raised_to(self, severity: Severity) -> Incident:
        """The incident where its rule is now broken worse than it was: nobody was told of that yet."""
        if RANK[severity] >= RANK[self.severity]:
            return self
        return replace(self, severity=severity, announcement="", announced_at=None, reminded_at=None)

    def mend(self, slot: Slot, day: str, seen: Observation) -> Incident:
        """The incident after a source took back what it said of a day."""
        taken_back = replace(seen, day=day)
        return replace(self, broken=_without(self.broken, slot, taken_back), mended=_with(self.mended, slot, taken_back))

    def in_log(self, log: str) -> Incident:
        """The incident where another event log has taken the old one's place: its ids say nothing any more."""
        if self.log == log:
            return self
        return replace(self, log=log, broken=_from_zero(self.broken), mended=_from_zero(self.mended))


def _with(slots: Mapping[Slot, Claims], slot: Slot, seen: Observation) -> dict[Slot, Claims]:
    days = slots.get(slot, {})
    return {**slots, slot: {**days, seen.day: {**days.get(seen.day, {}), seen.source: seen.event_id}}}


def _without(slots: Mapping[Slot, Claims], slot: Slot, seen: Observation) -> dict[Slot, Claims]:
    days = dict(slots.get(slot, {}))
    sources = {source: event for source, event in days.pop(seen.day, {}).items() if source != seen.source}
    left = {**days, seen.day: sources} if sources else days
    others = {other: claims for other, claims in slots.items() if other != slot}
    return {**others, slot: left} if left else others


def _from_zero(slots: Mapping[Slot, Claims]) -> dict[Slot, Claims]:
    return {slot: {day: dict.fromkeys(sources, 0) for day, sources in days.items()} for slot, days in slots.items()}
