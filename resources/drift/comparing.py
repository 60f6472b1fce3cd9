"""From looks at one table's source to what is recorded: one code for the sensor and for the bronze step, so that both find the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.drift import Difference, Readers, differences, forms_seen, readers_of, told
from globalbev_assets.contracts.drift_renames import with_renames
from globalbev_assets.contracts.model import Contract
from resources.delta_log import DeltaLog
from resources.drift.agreements import agreements
from resources.drift.forms import FormsSeen
from resources.drift.observation import Observation
from resources.drift.record import DriftRow, Drifts, Seen
from resources.drift.settling import Look, settled
from resources.settings import Settings


@dataclass(frozen=True)
class Comparison:
    """Compares sources with their contracts and records what it finds, in one lake."""

    settings: Settings
    book: ContractBook
    log: DeltaLog | None = None

    @property
    def drifts(self) -> Drifts:
        """The record."""
        return Drifts(self.settings.lake_root, self.settings.home / "state", self.log)

    def readers(self, contract: Contract) -> Readers:
        """The silver columns that are made from the table's."""
        return readers_of(self.book, contract.name)

    def look(self, contract: Contract, observations: Iterable[Observation], days: Iterable[date] | None = None) -> Look:
        """What looks at one table's source come to; ``days``: whose deliveries were looked at, where the source is files."""
        seen = list(observations)
        forms = FormsSeen(self.settings.home / "state")
        before, readers = forms.of(str(contract.name)), self.readers(contract)
        found = [one for each in seen for one in self._of_one(contract, each, readers, before)]
        for each in seen:
            forms.keep(str(contract.name), forms_seen(contract, each.shape, readers))
        is_certain = bool(seen) and all(each.shape.is_certain for each in seen)
        return Look(str(contract.name), _merged(found), contract.version, None if days is None else frozenset(days), is_certain)

    def record(self, looks: Sequence[Look]) -> list[DriftRow]:
        """Write what the looks change; the rows that are new, changed or closed."""
        if not looks:
            return []
        return self.drifts.change((look.table for look in looks), lambda rows, at: [row for look in looks for row in settled(look, rows, at)])

    def _of_one(self, contract: Contract, seen: Observation, readers: Readers, before: dict[str, str]) -> list[Seen]:
        found = differences(contract, seen.shape, readers, before)
        if any(one.kind == "missing" for one in found):
            compared = agreements(f"{self.settings.lake_root}/{contract.name.layer}/{contract.table}", contract, seen, found)
            found = with_renames(contract, seen.shape, found, compared)
        return [_seen(told(one), seen, contract) for one in found]


def _seen(difference: Difference, seen: Observation, contract: Contract) -> Seen:
    day: date | None = seen.shape.day
    return Seen(difference, seen.shape.source, contract.version, frozenset({day} if day else ()))


def _merged(found: Sequence[Seen]) -> tuple[Seen, ...]:
    """One entry a difference, with the days of all the deliveries that have it and of no other; told as the newest shows it."""
    merged: dict[str, Seen] = {}
    for one in sorted(found, key=lambda seen: max(seen.days, default=date.min)):
        known = merged.get(one.difference.drift_id)
        merged[one.difference.drift_id] = replace(one, days=one.days | known.days) if known else one
    return tuple(merged.values())
