"""The gate before publishing: for each day, may what was staged become what readers see?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import median

from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.verdicts import Verdict, held_reason, judge
from resources.ledger import DqResult, LedgerRow
from resources.staging import DayFigures

SAME_WEEKDAYS, JUDGED_FROM = 8, 4
# Below so many rows a share says nothing: one bad order of three would hold the other two.
RATIO_FROM_ROWS = 20


@dataclass(frozen=True)
class Day:
    """One day at the gate: its figures, and what was judged of them."""

    figures: DayFigures
    rows_in: int
    verdicts: tuple[Verdict, ...] = ()
    refused: str = ""

    @property
    def unaccounted(self) -> int:
        """Source rows without an outcome (positive), or outcomes without a source row (negative)."""
        return self.rows_in - self.figures.accounted

    @property
    def reason(self) -> str:
        """Why the day is held; empty when it may be published."""
        return self.refused or held_reason(self.verdicts)


@dataclass(frozen=True)
class Gate:
    """Judges the days of one table.

    Attributes:
        contract: the table's.
        history: the newest ledger row of each of the table's days, for volumes and previous figures.
        source_rows: rows that the source says each day has; where given, it is what must be accounted for.
        refused: days that may not be published whatever their figures, with the reason (a failed upstream, say).
        amounts: by day, what the total of the batch must be (gold).
        sums: by column that the source can add up, and by day, what its rows come to; a day without rows comes to nothing.
    """

    contract: Contract
    history: Mapping[date, LedgerRow]
    source_rows: Mapping[date, int] | None = None
    refused: Mapping[date, str] = field(default_factory=dict)
    amounts: Mapping[date, Decimal] = field(default_factory=dict)
    sums: Mapping[str, Mapping[date, Decimal]] = field(default_factory=dict)

    def judge(self, found: Mapping[date, DayFigures], days: Sequence[date]) -> dict[date, Day]:
        """A judged :class:`Day` for each of ``days``; a day without rows has figures of zero."""
        rows = {day: self._rows_in(found.get(day) or DayFigures(day)) for day in days}
        volumes = {**{day: row.rows_in for day, row in self.history.items()}, **rows}
        judged = {}
        for day in days:
            figures = found.get(day) or DayFigures(day)
            observed = self._observed(figures, rows[day], volumes)
            judged[day] = Day(figures, rows[day], tuple(judge(self.contract.limits, observed)), self.refused.get(day, ""))
        return judged

    def _rows_in(self, figures: DayFigures) -> int:
        return figures.rows_in if self.source_rows is None else self.source_rows.get(figures.day, 0)

    def _observed(self, figures: DayFigures, rows_in: int, volumes: Mapping[date, int]) -> dict[str, Decimal]:
        observed = {
            "rows_in": Decimal(rows_in),
            "published": Decimal(figures.published),
            "unaccounted": Decimal(rows_in - figures.accounted),
            "source_difference": Decimal(figures.rows_in - rows_in),
        }
        if rows_in >= RATIO_FROM_ROWS:
            observed["quarantined_ratio"] = Decimal(figures.quarantined) / Decimal(rows_in)
        observed |= {f"rule:{rule_id}": Decimal(figures.by_rule.get(rule_id, 0)) for rule_id in _rules_with_limits(self.contract)}
        observed |= {f"null_ratio:{name}": Decimal(count) / Decimal(max(figures.published, 1)) for name, count in figures.nulls.items()}
        for name, by_day in self.sums.items():
            observed[f"sum_difference:{name}"] = figures.sums.get(name, Decimal(0)) - by_day.get(figures.day, Decimal(0))
        if figures.distinct_keys is not None:
            observed["duplicate_keys"] = Decimal(figures.published - figures.distinct_keys)
        typical = _typical(figures.day, volumes)
        if typical:
            observed["volume_ratio"] = Decimal(rows_in) / typical
        if figures.day in self.amounts:
            observed["source_difference"] = figures.amount - self.amounts[figures.day]
        return observed


def results(contract: Contract, days: Mapping[date, Day], run_id: str, recorded_at: datetime, history: Mapping[date, LedgerRow]) -> list[DqResult]:
    """One row a rule or limit and day. Row rules are judged in silver; of a day without rows they say nothing."""
    found: list[DqResult] = []
    kinds = {rule.id: rule for rule in contract.rules}
    judged_by_row = dict.fromkeys(kinds, 0) if contract.layer == "silver" else {}
    for day, judged in days.items():
        for rule_id, count in ((judged_by_row if judged.rows_in else {}) | judged.figures.by_rule).items():
            rule = kinds.get(rule_id)
            severity = "error" if rule and rule.action == "quarantine" else "warn"
            found.append(
                DqResult(
                    str(contract.name), rule_id, "row", (rule.column if rule else None) or "", day, run_id, severity, Decimal(count),
                    None, Decimal(0), None, not count, False, recorded_at,
                )
            )  # fmt: skip
        previous = Decimal(history[day].rows_in) if day in history else None
        for verdict in judged.verdicts:
            severity = "error" if verdict.blocking else "warn"
            found.append(
                DqResult(
                    str(contract.name), verdict.limit_id, "day", "", day, run_id, severity, _rounded(verdict.observed), verdict.minimum, verdict.maximum,
                    previous if verdict.metric in ("rows_in", "volume_ratio") else None, verdict.passed, verdict.blocking, recorded_at,
                )
            )  # fmt: skip
    return found


def _typical(day: date, volumes: Mapping[date, int]) -> Decimal | None:
    """Median rows of the eight same weekdays before this one, judged from four on; the tested day is left out."""
    before = [volumes[other] for other in (day - timedelta(weeks=week) for week in range(1, SAME_WEEKDAYS + 1)) if other in volumes]
    return Decimal(median(before)) if len(before) >= JUDGED_FROM else None


def _rules_with_limits(contract: Contract) -> list[str]:
    return [limit.metric.removeprefix("rule:") for limit in contract.limits if limit.metric.startswith("rule:")]


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.000001"))
