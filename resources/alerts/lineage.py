"""Which table is made from which, as far as an incident wants to know it: ancestors, descendants, order, and days that overlap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from globalbev_assets.contracts.book import ContractBook
from resources.alerts.observations import NO_DAY


@dataclass(frozen=True)
class Lineage:
    """The tables in order, everything that each is made from, and how many days back it reads."""

    ancestors: Mapping[str, frozenset[str]] = field(default_factory=dict)
    lookback_days: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, book: ContractBook) -> Lineage:
        """The lineage that the contracts state; they come in the order of their dependencies."""
        above: dict[str, frozenset[str]] = {}
        for name, contract in book.items():
            direct = [str(other) for other in contract.upstream]
            above[str(name)] = frozenset(direct).union(*(above.get(other, frozenset()) for other in direct))
        return cls(above, {str(name): contract.lookback_days for name, contract in book.items()})

    def is_upstream(self, table: str, of: str) -> bool:
        """Whether ``of`` is made from ``table``, directly or not."""
        return table in self.ancestors.get(of, ())

    def depth(self, table: str) -> int:
        """How many tables it is made from: less for what stands further up."""
        return len(self.ancestors.get(table, ()))

    def downstream(self, table: str) -> tuple[str, ...]:
        """Everything that is made from the table, in order."""
        return tuple(other for other, above in self.ancestors.items() if table in above)

    def overlaps(self, root_days: Iterable[str], table: str, day: str) -> bool:
        """Whether that day of ``table`` reads any of these days; what has no day overlaps all."""
        days = set(root_days)
        if day == NO_DAY or NO_DAY in days:
            return True
        last = date.fromisoformat(day)
        return any(str(last - timedelta(days=back)) in days for back in range(self.lookback_days.get(table, 0) + 1))
