"""What is said of days: by a table's rule, by day, by source. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from resources.alerts.observations import RANK, Breach

Slot = tuple[str, str]
"""A table and a rule."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one source said of one day.

    Attributes:
        event_id: the event that said it.
        run_id: the run in which the rule was broken; empty for sensors.
        breach: how it is broken; None once it is mended.
        was_told: of what joined: whether a message about the cause named it. A first version did not note that, and is believed.
    """

    event_id: int
    run_id: str = ""
    breach: Breach | None = None
    was_told: bool = True


Claims = Mapping[str, Mapping[str, Said]]
"""By day, by source."""

Slots = Mapping[Slot, Claims]


def with_said(slots: Slots, slot: Slot, day: str, source: str, said: Said) -> Slots:
    """The claims with what a source says of a day."""
    days = slots.get(slot, {})
    return {**slots, slot: {**days, day: {**days.get(day, {}), source: said}}}


def without_said(slots: Slots, slot: Slot, day: str, source: str) -> Slots:
    """The claims without it; a day and a slot of which nothing is said are gone."""
    days = dict(slots.get(slot, {}))
    sources = {other: said for other, said in days.pop(day, {}).items() if other != source}
    left = {**days, day: sources} if sources else days
    others = {other: claims for other, claims in slots.items() if other != slot}
    return {**others, slot: left} if left else others


def all_told(slots: Slots) -> Slots:
    """The claims after a message named them."""
    return _each(slots, lambda said: replace(said, was_told=True))


def from_zero(slots: Slots) -> Slots:
    """The claims where the ids of events say nothing any more."""
    return _each(slots, lambda said: replace(said, event_id=0))


def _each(slots: Slots, change: Callable[[Said], Said]) -> Slots:
    return {slot: {day: {source: change(said) for source, said in sources.items()} for day, sources in days.items()} for slot, days in slots.items()}


def is_worse(breach: Breach, than: Breach) -> bool:
    """Whether it is more severe, or further outside of its limit; without figures one is as bad as the other."""
    if RANK[breach.severity] != RANK[than.severity]:
        return RANK[breach.severity] < RANK[than.severity]
    far, before = _outside(breach), _outside(than)
    return far is not None and before is not None and far > before


def _outside(breach: Breach) -> Decimal | None:
    """How far the figure is outside of its limits."""
    if breach.observed is None:
        return None
    over = [breach.observed - breach.maximum] if breach.maximum is not None else []
    under = [breach.minimum - breach.observed] if breach.minimum is not None else []
    return max([*over, *under], default=None)
