"""The register of incidents: observations go in, and come out as incidents that open, grow, join or are over. Pure.

Mended days are taken first and upstream tables before what is made from them, whatever order the checks reported in: so the first failing
table upstream is the root, and what fails behind it joins. A failure never hides behind a warning.

What a person accepted stays known until it passes once: said again, and no worse, it opens nothing; said worse, it is an incident like any other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from resources.alerts.claims import Slot
from resources.alerts.incident import Incident
from resources.alerts.lineage import Lineage
from resources.alerts.observations import (
    CONSEQUENCES,
    EXPLAINS_NOTHING,
    FRESHNESS,
    NO_DAY,
    RANK,
    RUN,
    RUN_FAILED,
    SCHEMA_DRIFT,
    Breach,
    Observation,
    newest,
)

Claim = tuple[str, str, str, str]
"""Table, rule, day, source."""


class Register:
    """All incidents that are kept, open and over."""

    def __init__(self, incidents: Iterable[Incident], lineage: Lineage, log: str, made_up_for: Collection[str] = ()) -> None:
        """Take what is known.

        Args:
            incidents: open, over and accepted.
            lineage: which table is made from which.
            log: the event log that new observations come from.
            made_up_for: tables of which a later delivery takes the place of one that did not come: a later day in time ends their lateness.
        """
        self._lineage, self._log, self._made_up_for = lineage, log, made_up_for
        self._incidents = {incident.id: incident.in_log(log) for incident in incidents}
        self._known: dict[Claim, int] = {}
        self._places: dict[tuple[str, str], set[tuple[str, Slot]]] = {}
        self._open: dict[Slot, str] = {incident.root: incident.id for incident in self._incidents.values() if incident.is_open}
        self._accepted = [incident.id for incident in self._incidents.values() if incident.is_accepted]
        for incident in self._incidents.values():
            self._index(incident)

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """All, in the order in which they were opened."""
        return tuple(self._incidents.values())

    def tables_waiting_for(self, wanted: str) -> frozenset[str]:
        """Tables of which that source said that something is broken: what would mend it is to be looked for."""
        return frozenset(table for table, source in self._places if source == wanted)

    def observe(self, seen: Iterable[Observation], at: datetime) -> None:
        """Take in what was seen; incidents without a broken day left are over."""
        final = newest(seen)
        for each in final:
            self._mend(each)
        self._take(final)
        ended = [incident for incident in self._all_open() if not incident.open_days]
        self._take([seen for incident in ended for seen in self._over(incident, at)])

    def accept(self, name: str, by: str, because: str, at: datetime) -> None:
        """End an open incident with its days as they are: they are settled, and so is what joined and was told of. The rest stands for itself."""
        incident = self._incidents[name]
        del self._open[incident.root]
        self._incidents[name] = incident.accepted(by, because, at)
        self._accepted.append(name)
        self._take(self._forgotten(incident.untold()))

    def replace(self, incident: Incident) -> None:
        """Keep what was noted down of an incident: who was told, and when."""
        self._incidents[incident.id] = incident

    def _take(self, seen: Iterable[Observation]) -> None:
        """What is broken, the tables upstream first."""
        for each in sorted(seen, key=lambda one: (self._lineage.depth(one.table), one.table, one.event_id)):
            for breach in each.breaches:
                self._break(each, breach)

    def _mend(self, seen: Observation) -> None:
        broken = {breach.rule for breach in seen.breaches}
        for name, slot in sorted(self._places.get((seen.table, seen.source), ())):
            incident = self._incidents.get(name)
            if incident is None or slot[1] in broken:
                continue
            for day, sources in list(incident.broken.get(slot, {}).items()):
                said = sources.get(seen.source)
                if said is not None and said.event_id < seen.event_id and self._is_about(seen, day):
                    self._incidents[name] = self._incidents[name].mend(slot, day, seen)
                    self._known[*slot, day, seen.source] = seen.event_id

    def _is_about(self, seen: Observation, day: str) -> bool:
        """Whether what is seen of its day settles the other: a materialisation settles the table, a weekly file those that did not come before."""
        is_past = seen.source == FRESHNESS and NO_DAY != day < seen.day and seen.table in self._made_up_for
        return day == seen.day or is_past or (day == NO_DAY and seen.source == RUN)

    def _break(self, seen: Observation, breach: Breach) -> None:
        if self._known.get((seen.table, breach.rule, seen.day, seen.source), -1) >= seen.event_id:
            return  # read again: the sensor was ended before its cursor was kept
        slot = (seen.table, breach.rule)
        if self._is_accepted(slot, seen, breach):
            return
        own = self._own(slot)
        incident = (own and own.raised_to(breach.severity)) or self._cause(seen, breach) or Incident.opened(seen, breach, self._log)
        self._incidents[incident.id] = incident.broke(slot, seen, breach)
        self._open[incident.root] = incident.id
        self._note(incident.id, slot, seen.day, seen.source, seen.event_id)

    def _is_accepted(self, slot: Slot, seen: Observation, breach: Breach) -> bool:
        """Whether a person accepted that day as it is; where it has become worse, the acceptance ends with that day."""
        for name in self._accepted:
            incident = self._incidents[name]
            if incident.covers(slot, seen, breach):
                self._incidents[name] = incident.said_again(slot, seen, breach)
                self._note(name, slot, seen.day, seen.source, seen.event_id)
                return True
            if seen.day in incident.broken.get(slot, {}):
                self._incidents[name] = incident.released(slot, seen.day)
        return False

    def _own(self, slot: Slot) -> Incident | None:
        return self._incidents[self._open[slot]] if slot in self._open else None

    def _cause(self, seen: Observation, breach: Breach) -> Incident | None:
        fitting = [incident for incident in self._all_open() if self._explains(incident, seen, breach)]
        return min(fitting, key=lambda one: (self._lineage.depth(one.table), one.opened_at, one.id), default=None)

    def _explains(self, incident: Incident, seen: Observation, breach: Breach) -> bool:
        if RANK[incident.severity] > RANK[breach.severity] or incident.rule in EXPLAINS_NOTHING:
            return False
        if incident.rule == SCHEMA_DRIFT and breach.rule not in CONSEQUENCES:
            return False  # it keeps days from being made; a day that was made and is wrong has another reason
        if incident.rule == breach.rule == RUN_FAILED and seen.run_id in incident.runs:
            return True
        is_above = self._lineage.is_upstream(incident.table, seen.table)
        is_itself = incident.table == seen.table and breach.rule in CONSEQUENCES
        return (is_above or is_itself) and self._lineage.overlaps(incident.open_days, seen.table, seen.day)

    def _all_open(self) -> Iterable[Incident]:
        return (self._incidents[name] for name in self._open.values())

    def _over(self, incident: Incident, at: datetime) -> tuple[Observation, ...]:
        """End it; gives back what nobody was told of, and it explains no more."""
        del self._open[incident.root]
        if incident.announcement:
            self._incidents[incident.id] = replace(incident, closed_at=at)
            return ()
        del self._incidents[incident.id]  # it came and went before anybody was told; what it had explained was not told either
        return self._forgotten(incident.of_joined())

    def _forgotten(self, left: tuple[Observation, ...]) -> tuple[Observation, ...]:
        """What is taken in once more, although it was seen before."""
        for seen in left:
            self._known.pop((seen.table, seen.breaches[0].rule, seen.day, seen.source), None)
        return left

    def _index(self, incident: Incident) -> None:
        for slots in (incident.broken, incident.mended):
            for slot, days in slots.items():
                for day, sources in days.items():
                    for source, said in sources.items():
                        self._note(incident.id, slot, day, source, said.event_id)

    def _note(self, name: str, slot: Slot, day: str, source: str, event_id: int) -> None:
        claim = (*slot, day, source)
        self._known[claim] = max(self._known.get(claim, -1), event_id)
        self._places.setdefault((slot[0], source), set()).add((name, slot))
