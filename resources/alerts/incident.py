"""An incident: a table and a rule that is broken on some days, with everything downstream that is broken because of it.

It is over when its own rule is broken on none of its days any more. A day is broken as long as any source (a check, a run) says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from resources.alerts.observations import NO_DAY, RANK, Breach, Observation, Severity

Slot = tuple[str, str]
"""A table and a rule."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one source said of one day.

    Attributes:
        event_id: the event that said it.
        run_id: the run in which the rule was broken; empty for sensors.
        breach: how it is broken; None once it is mended.
    """

    event_id: int
    run_id: str = ""
    breach: Breach | None = None


Claims = Mapping[str, Mapping[str, Said]]
"""By day, by source."""


@dataclass(frozen=True)
class Incident:
    """One cause.

    Attributes:
        id: the same for the same first event, so that a tick that is repeated makes no second one.
        table, rule: the root.
        severity: of the root's rule.
        log: the event log that the ids of events belong to.
        opened_at: when it was first seen.
        broken: what is broken now, by slot; the root's own slot is one of them.
        mended: what was broken and is no more, by slot.
        announcement: the newest message that told of it; empty while nobody was told.
        announced_at: when that message was made.
        told: the severities that it was told under: whoever was told is told when it is over.
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
    broken: Mapping[Slot, Claims] = field(default_factory=dict)
    mended: Mapping[Slot, Claims] = field(default_factory=dict)
    announcement: str = ""
    announced_at: datetime | None = None
    told: tuple[Severity, ...] = ()
    reminded_at: datetime | None = None
    reminders: int = 0
    closed_at: datetime | None = None
    closing: str = ""

    @classmethod
    def opened(cls, seen: Observation, breach: Breach, log: str) -> Incident:
        """The incident that an observation starts."""
        source = f"{seen.table}|{breach.rule}|{log}|{seen.source}|{seen.event_id}"
        name = hashlib.sha256(source.encode()).hexdigest()[:8]
        return cls(name, seen.table, breach.rule, breach.severity, log, seen.at)

    @property
    def root(self) -> Slot:
        """Its own table and rule."""
        return self.table, self.rule

    @property
    def is_open(self) -> bool:
        """Whether it is not over."""
        return self.closed_at is None

    @property
    def is_news(self) -> bool:
        """Whether nobody was told of it, or only of something less bad."""
        return self.is_open and self.severity not in self.told

    @property
    def open_days(self) -> tuple[str, ...]:
        """The days on which the root's rule is broken."""
        return tuple(sorted(self.broken.get(self.root, {})))

    @property
    def all_days(self) -> tuple[str, ...]:
        """Every day on which it was ever broken."""
        return tuple(sorted({*self.broken.get(self.root, {}), *self.mended.get(self.root, {})}))

    @property
    def newest_day(self) -> str:
        """The newest day on which the root's rule is broken; once it is over, on which it was."""
        return max(self.open_days or self.all_days, default=NO_DAY)

    @property
    def breach(self) -> Breach | None:
        """The newest day's breach of the root's rule: as it is now, and none once it is over."""
        return self._newest().breach

    @property
    def run_id(self) -> str:
        """The newest run in which the root's rule was broken on its newest day."""
        return self._newest().run_id

    @property
    def runs(self) -> frozenset[str]:
        """Every run in which the root's rule is broken."""
        return frozenset(said.run_id for sources in self.broken.get(self.root, {}).values() for said in sources.values()) - {""}

    @property
    def joined(self) -> tuple[Slot, ...]:
        """What is broken downstream because of it."""
        return tuple(slot for slot in self.broken if slot != self.root)

    def of_joined(self) -> tuple[Observation, ...]:
        """What was seen of everything that joined, a breach each: for when there is no root any more that explains it."""
        return tuple(
            Observation(table, source, day, said.event_id, self.opened_at, said.run_id, (said.breach,))
            for table, rule in self.joined
            for day, sources in self.broken[table, rule].items()
            for source, said in sources.items()
            if said.breach is not None
        )

    def broke(self, slot: Slot, seen: Observation, breach: Breach) -> Incident:
        """The incident with one more day, or one more source that says so."""
        said = Said(seen.event_id, seen.run_id, breach)
        return replace(self, broken=_with(self.broken, slot, seen.day, seen.source, said), mended=_without(self.mended, slot, seen.day, seen.source))

    def raised_to(self, severity: Severity) -> Incident:
        """The incident where its rule is now broken worse than it was: nobody was told of that yet."""
        return replace(self, severity=severity) if RANK[severity] < RANK[self.severity] else self

    def announced(self, notice: str, at: datetime) -> Incident:
        """The incident after a message was made that tells of it."""
        told = (*self.told, self.severity)
        return replace(self, announcement=notice, announced_at=at, reminded_at=None, told=told)

    def mend(self, slot: Slot, day: str, seen: Observation) -> Incident:
        """The incident after a source took back what it said of a day."""
        said = Said(seen.event_id, self.broken[slot][day][seen.source].run_id)
        return replace(self, broken=_without(self.broken, slot, day, seen.source), mended=_with(self.mended, slot, day, seen.source, said))

    def in_log(self, log: str) -> Incident:
        """The incident where another event log has taken the old one's place: its ids say nothing any more."""
        if self.log == log:
            return self
        return replace(self, log=log, broken=_from_zero(self.broken), mended=_from_zero(self.mended))

    def _newest(self) -> Said:
        slots = self.broken if self.open_days else self.mended
        sources = slots.get(self.root, {}).get(self.newest_day, {})
        return max(sources.values(), key=lambda said: said.event_id, default=Said(0))


def _with(slots: Mapping[Slot, Claims], slot: Slot, day: str, source: str, said: Said) -> dict[Slot, Claims]:
    days = slots.get(slot, {})
    return {**slots, slot: {**days, day: {**days.get(day, {}), source: said}}}


def _without(slots: Mapping[Slot, Claims], slot: Slot, day: str, source: str) -> dict[Slot, Claims]:
    days = dict(slots.get(slot, {}))
    sources = {other: said for other, said in days.pop(day, {}).items() if other != source}
    left = {**days, day: sources} if sources else days
    others = {other: claims for other, claims in slots.items() if other != slot}
    return {**others, slot: left} if left else others


def _from_zero(slots: Mapping[Slot, Claims]) -> dict[Slot, Claims]:
    return {
        slot: {day: {source: replace(said, event_id=0) for source, said in sources.items()} for day, sources in days.items()}
        for slot, days in slots.items()
    }
