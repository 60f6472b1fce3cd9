"""Whether a column that is gone and one that is new are the same: proposed from values and position, never assumed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from globalbev_assets.contracts.drift import Difference, Shape
from globalbev_assets.contracts.model import Contract

LEAST_ROWS, SAME_SHARE, OTHER_SHARE = 3, 0.9, 0.5
ALIKE = 0.6


@dataclass(frozen=True)
class Agreement:
    """Rows in which the values of the gone column, as bronze holds them, were compared with those of a new one: found by key in both."""

    compared: int = 0
    same: int = 0

    @property
    def share(self) -> float:
        """Share of the compared rows with the same value."""
        return self.same / self.compared if self.compared else 0.0


Agreements = Mapping[tuple[str, str], Agreement]
"""By (gone column, new name)."""


def with_renames(contract: Contract, shape: Shape, found: Sequence[Difference], agreements: Agreements) -> tuple[Difference, ...]:
    """The differences, each pair of a gone and a new column that looks like one column told as a renaming."""
    gone = [one for one in found if one.kind == "missing"]
    new = [one for one in found if one.kind == "added"]
    candidates = sorted(
        ((score, old, other, why) for old in gone for other in new for score, why in [_likeness(contract, shape, old, other, agreements)] if score),
        key=lambda item: -item[0],
    )
    pairs: dict[str, Difference] = {}
    taken: set[str] = set()
    for _, old, other, why in candidates:
        if old.column not in pairs and other.column not in taken:
            pairs[old.column] = replace(old, kind="renamed", found=other.column, evidence=why)
            taken.add(other.column)
    return tuple(pairs.get(one.column, one) if one.kind == "missing" else one for one in found if one.kind != "added" or one.column not in taken)


def _likeness(contract: Contract, shape: Shape, gone: Difference, new: Difference, agreements: Agreements) -> tuple[float, str]:
    """How much speaks for a pair, and what; 0 when too little does, or when the values speak against it."""
    agreement = agreements.get((gone.column, new.column), Agreement())
    in_place = _stands_in_place(contract, shape, gone.column, new.column)
    place = "in the same place" if in_place else "in another place"
    if agreement.compared >= LEAST_ROWS:
        if agreement.share >= SAME_SHARE:
            return 2 + agreement.share + in_place, f"{agreement.same} of {agreement.compared} rows have the same value, {place}"
        if agreement.share < OTHER_SHARE:
            return 0, ""
    alike = difflib.SequenceMatcher(None, gone.column.casefold(), new.column.casefold()).ratio()
    if gone.column.casefold() == new.column.casefold() or (in_place and alike >= ALIKE):
        return 1 + alike, f"a similar name, {place}; no values to compare"
    if in_place and len(shape.names) == len(contract.business_columns):
        return 0.5, "in the same place; no values to compare"
    return 0, ""


def _stands_in_place(contract: Contract, shape: Shape, gone: str, new: str) -> bool:
    """Whether the new name follows the same column as the gone one did."""
    names = [column.source_in(shape.names) or column.name for column in contract.business_columns]
    before_gone = next((name for name in reversed(names[: names.index(gone)]) if name in shape.names), None)
    place = shape.names.index(new)
    return (shape.names[place - 1] if place else None) == before_gone
