"""From the figures of a day to verdicts: used by the gate before publishing and by the checks afterwards. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from globalbev_assets.contracts.model import Limit


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one limit says of one day."""

    limit_id: str
    metric: str
    observed: Decimal
    minimum: Decimal | None
    maximum: Decimal | None
    previous: Decimal | None
    passed: bool
    blocking: bool

    def __str__(self) -> str:
        """The verdict in a sentence, as the ledger's reason and the UI show it."""
        return f"{self.limit_id}: {self.metric} is {plain(self.observed)}, allowed is {self.allowed}"

    @property
    def allowed(self) -> str:
        """The limits in words."""
        if self.minimum is not None and self.minimum == self.maximum:
            return plain(self.minimum)
        parts = [f"at least {plain(self.minimum)}"] if self.minimum is not None else []
        parts += [f"at most {plain(self.maximum)}"] if self.maximum is not None else []
        return " and ".join(parts) or "anything"


def judge(limits: Iterable[Limit], observed: Mapping[str, Decimal], previous: Mapping[str, Decimal] | None = None) -> list[Verdict]:
    """One verdict for each limit whose metric was observed; what was not observed (a volume without history, say) is not judged."""
    before = previous or {}
    return [_verdict(limit, observed[limit.metric], before.get(limit.metric)) for limit in limits if limit.metric in observed]


def held_reason(verdicts: Sequence[Verdict]) -> str:
    """Why the day may not be published; empty when it may: only a blocking limit that failed holds it."""
    return "; ".join(str(verdict) for verdict in verdicts if verdict.blocking and not verdict.passed)


def plain(number: Decimal) -> str:
    """The number without an exponent and without zeros at its end, six places at most."""
    rounded = f"{number:.6f}".rstrip("0").rstrip(".")
    return "0" if rounded in ("-0", "") else rounded


def _verdict(limit: Limit, observed: Decimal, previous: Decimal | None) -> Verdict:
    is_high_enough = limit.minimum is None or observed >= limit.minimum
    is_low_enough = limit.maximum is None or observed <= limit.maximum
    return Verdict(limit.id, limit.metric, observed, limit.minimum, limit.maximum, previous, is_high_enough and is_low_enough, limit.blocking)
