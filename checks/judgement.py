"""Whether a check passed on a day: pure, from the ledger's row and the rules' results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from checks.kinds import CONTRACT, CheckKind
from globalbev_assets.contracts.freshness import Freshness
from globalbev_assets.contracts.model import Contract
from resources.ledger import DqResult, LedgerRow

# Share of a day's rows that may break the rules of one kind where the contract sets no `quarantined_ratio`.
DEFAULT_SHARE = Decimal("0.05")


@dataclass(frozen=True)
class Judgement:
    """The result of a check on a day, with its figures."""

    passed: bool
    description: str
    metadata: dict[str, Any] = field(default_factory=dict)


def judge(kind: CheckKind, contract: Contract, row: LedgerRow | None, results: Sequence[DqResult], freshness: Freshness | None = None) -> Judgement:
    """Judge one check of one table on one day.

    Args:
        kind: the check.
        contract: the table's.
        row: the day's newest ledger row; None when the day was never run.
        results: what the rules saw in that row's run on that day.
        freshness: for the check of that name: the table's.
    """
    if freshness is not None:
        expected = {"expected_day": str(freshness.expected_day)} if freshness.expected_day else {}
        return Judgement(freshness.state != "late", freshness.reason, expected)
    if row is None:
        return Judgement(False, "The day was never run.")
    told = [result for result in results if not result.is_unbroken_rule]
    if kind.name == CONTRACT:
        return _whole(row, told)
    return _limits(told, kind) if kind.limits else _rules(contract, row, told, kind)


def _whole(row: LedgerRow, results: Sequence[DqResult]) -> Judgement:
    broken = [result.rule_id for result in results if result.kind == "day" and result.blocking and not result.passed]
    counts = {name: getattr(row, name) for name in ("rows_in", "published", "quarantined", "deduplicated", "superseded", "unaccounted", "warned")}
    rules = {result.rule_id: float(result.observed) for result in results}
    passed = row.is_readable and row.unaccounted == 0 and not broken
    return Judgement(
        passed,
        row.reason or _said(row),
        {**counts, "state": row.state, "rules": rules, "run_id": row.run_id},
    )


def _said(row: LedgerRow) -> str:
    if row.state == "no_source_data":
        return "The source had no rows for this day."
    aside = [f"{getattr(row, name):,} {name}" for name in ("quarantined", "deduplicated", "superseded", "unaccounted") if getattr(row, name)]
    same = " Nothing new since the run before." if row.state == "unchanged" else ""
    return f"{row.published:,} of {row.rows_in:,} rows published{''.join(f', {part}' for part in aside)}.{same}"


def _rules(contract: Contract, row: LedgerRow, results: Sequence[DqResult], kind: CheckKind) -> Judgement:
    counts = {result.rule_id: int(result.observed) for result in results if result.kind == "row" and result.rule_id in kind.rules}
    limits = [limit.maximum for limit in contract.limits if limit.metric == "quarantined_ratio" and limit.maximum is not None]
    allowed = limits[0] if limits else DEFAULT_SHARE
    worst = Decimal(max(counts.values(), default=0)) / Decimal(max(row.rows_in, 1))
    return Judgement(
        worst <= allowed,
        f"At most {worst:.2%} of the rows break one of these rules; {allowed:.0%} are allowed.",
        {"broken": counts, "share": float(worst), "limit": float(allowed)},
    )


def _limits(results: Sequence[DqResult], kind: CheckKind) -> Judgement:
    judged = [result for result in results if result.kind == "day" and result.rule_id in kind.limits]
    failed = [result for result in judged if not result.passed]
    shown = {
        result.rule_id: {"observed": float(result.observed), "minimum": _float(result.limit_minimum), "maximum": _float(result.limit_maximum)}
        for result in judged
    }
    said = "; ".join(f"{result.rule_id} is {result.observed.normalize():f}" for result in failed)
    return Judgement(not failed, said or "All within their limits.", {"limits": shown})


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
