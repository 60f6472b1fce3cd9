"""An incident: a table and a rule that is broken on some days, with everything downstream that is broken because of it.

It is over when its own rule is broken on none of its days any more. A day is broken as long as any source (a check, a run) says so.

Or it is over because a person accepted it: then its days stay known as broken, each until it passes once, and what is said of them again is no
news unless it is worse.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from resources.alerts.claims import Said, Slot, Slots, all_told, from_zero, is_worse, with_said, without_said
from resources.alerts.observations import NO_DAY, RANK, Breach, Observation, Severity


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
        accepted_by: who accepted it as it is; empty where nobody did.
        accepted_because: why.
    """

    id: str
    table: str
    rule: str
    severity: Severity
    log: str
    opened_at: datetime
    broken: Slots = field(default_factory=dict)
    mended: Slots = field(default_factory=dict)
    announcement: str = ""
    announced_at: datetime | None = None
    told: tuple[Severity, ...] = ()
    reminded_at: datetime | None = None
    reminders: int = 0
    closed_at: datetime | None = None
    closing: str = ""
    accepted_by: str = ""
    accepted_because: str = ""

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
    def is_accepted(self) -> bool:
        """Whether it is over because a person said so, and not because its rule passes."""
        return bool(self.accepted_by)

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
        """The newest day's breach of the root's rule: as it is now, and none once it has passed on all its days."""
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
        return tuple(self._joined(is_told=True)) + tuple(self._joined(is_told=False))

    def untold(self) -> tuple[Observation, ...]:
        """What joined since the last message about it, days of its own rule among it: nobody was told of that."""
        own = [self.root] if self.announcement else []
        return tuple(self._joined(is_told=False)) + tuple(self._of(own, is_told=False))

    def _joined(self, *, is_told: bool) -> Iterator[Observation]:
        return self._of(self.joined, is_told=is_told)

    def _of(self, slots: Iterable[Slot], *, is_told: bool) -> Iterator[Observation]:
        for slot in slots:
            for day, sources in self.broken[slot].items():
                for source, said in sources.items():
                    if said.breach is not None and said.was_told == is_told:
                        yield Observation(slot[0], source, day, said.event_id, self.opened_at, said.run_id, (said.breach,))

    def broke(self, slot: Slot, seen: Observation, breach: Breach) -> Incident:
        """The incident with one more day, or one more source that says so."""
        before = self.broken.get(slot, {}).get(seen.day, {}).values()
        said = Said(seen.event_id, seen.run_id, breach, was_told=any(other.was_told for other in before))
        return replace(
            self, broken=with_said(self.broken, slot, seen.day, seen.source, said), mended=without_said(self.mended, slot, seen.day, seen.source)
        )

    def raised_to(self, severity: Severity) -> Incident:
        """The incident where its rule is now broken worse than it was: nobody was told of that yet."""
        return replace(self, severity=severity) if RANK[severity] < RANK[self.severity] else self

    def announced(self, notice: str, at: datetime, *, with_joined: bool = True) -> Incident:
        """The incident after a message was made that tells of it; one for many incidents does not name what joined them."""
        told_to = (*self.told, self.severity)
        return replace(self, announcement=notice, announced_at=at, reminded_at=None, told=told_to, broken=self._named(with_joined=with_joined))

    def reminded(self, at: datetime, *, with_joined: bool = True) -> Incident:
        """The incident after a reminder was made."""
        return replace(self, reminded_at=at, reminders=self.reminders + 1, broken=self._named(with_joined=with_joined))

    def _named(self, *, with_joined: bool) -> Slots:
        """What is broken, after a message named it: its own days in any case."""
        own = {slot: claims for slot, claims in self.broken.items() if with_joined or slot == self.root}
        return {**self.broken, **all_told(own)}

    def accepted(self, by: str, because: str, at: datetime) -> Incident:
        """The incident, over, with its broken days as they are; what nobody was told of is not settled with it."""
        broken = self.broken
        for seen in self.untold():
            broken = without_said(broken, (seen.table, seen.breaches[0].rule), seen.day, seen.source)
        return replace(self, broken=broken, closed_at=at, accepted_by=by, accepted_because=because)

    def covers(self, slot: Slot, seen: Observation, breach: Breach) -> bool:
        """Whether that was accepted: the day was broken then, and is not broken worse.

        What has no day is about the table: there it has to be the very same, or another column that is gone would be covered too.
        """
        accepted = self.broken.get(slot, {}).get(seen.day, {}) if self.is_accepted else {}
        if seen.day == NO_DAY:
            said = accepted.get(seen.source)
            is_the_same = said is not None and said.breach is not None and said.breach.said == breach.said and said.run_id in ("", seen.run_id)
            return is_the_same and said is not None and said.breach is not None and not is_worse(breach, said.breach)
        return any(said.breach is None or not is_worse(breach, said.breach) for said in accepted.values())

    def said_again(self, slot: Slot, seen: Observation, breach: Breach) -> Incident:
        """The accepted incident after one of its days was reported again; what was accepted stays the measure."""
        before = self.broken[slot][seen.day].get(seen.source, Said(seen.event_id, seen.run_id, breach))
        said = replace(before, event_id=seen.event_id, run_id=seen.run_id)
        return replace(self, broken=with_said(self.broken, slot, seen.day, seen.source, said))

    def released(self, slot: Slot, day: str) -> Incident:
        """The accepted incident without a day that became worse than what was accepted: another incident has it from now on."""
        found = self
        for source, said in self.broken.get(slot, {}).get(day, {}).items():
            gone = Said(said.event_id, said.run_id)
            found = replace(found, broken=without_said(found.broken, slot, day, source), mended=with_said(found.mended, slot, day, source, gone))
        return found

    def mend(self, slot: Slot, day: str, seen: Observation) -> Incident:
        """The incident after a source took back what it said of a day."""
        said = Said(seen.event_id, self.broken[slot][day][seen.source].run_id)
        return replace(self, broken=without_said(self.broken, slot, day, seen.source), mended=with_said(self.mended, slot, day, seen.source, said))

    def in_log(self, log: str) -> Incident:
        """The incident where another event log has taken the old one's place: its ids say nothing any more."""
        if self.log == log:
            return self
        return replace(self, log=log, broken=from_zero(self.broken), mended=from_zero(self.mended))

    def _newest(self) -> Said:
        slots = self.broken if self.open_days else self.mended
        sources = slots.get(self.root, {}).get(self.newest_day, {})
        return max(sources.values(), key=lambda said: said.event_id, default=Said(0))
