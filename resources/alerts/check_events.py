"""A check's result becomes an observation: which of the contract's rules does it say are broken, with which figures?

``contract`` carries every figure of the day, the kinds (``volume``, ``reconciliation`` …) those of their own rules; both come down to the ids of
rules, so that two checks that fail for one rule are one incident.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import dagster as dg

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.verdicts import judge
from resources.alerts.contracts import contract_of
from resources.alerts.event_tail import Event
from resources.alerts.observations import FRESHNESS, NO_DAY, NOT_CHECKED, Breach, Observation, Severity
from resources.alerts.wording import without_values

_OF_RANGE = "failed_days"
"""What marks the result over a range: its days were reported one by one."""
_LATE_DAY = "expected_day"
"""The day that freshness is about, whichever day was loaded."""


def observation_of(event: Event, book: ContractBook) -> Observation | None:
    """What a check's result says of its day; None for one that says nothing that others do not."""
    evaluation = event.evaluation
    day = _day(event.day)
    if evaluation is None or evaluation.passed:
        return Observation(event.asset, event.check, day, event.id, event.at, event.run_id)
    figures = _figures(evaluation.metadata)
    if day == NO_DAY and _OF_RANGE in figures:
        return None
    day = _late_day(evaluation, figures) or day
    severity: Severity = "error" if evaluation.severity == dg.AssetCheckSeverity.ERROR else "warn"
    breaches = tuple(_breaches(evaluation, figures, contract_of(book, event.asset), severity))
    return Observation(event.asset, event.check, day, event.id, event.at, event.run_id, breaches)


def _day(partition: str) -> str:
    try:
        return str(date.fromisoformat(partition))
    except ValueError:
        return NO_DAY  # not one of our days: the check is about the table


def _late_day(evaluation: dg.AssetCheckEvaluation, figures: Mapping[str, Any]) -> str:
    """The day that is late: freshness is the table's, and a run over other days, a backfill of January, says it of each of them."""
    return _day(str(figures.get(_LATE_DAY, ""))) if evaluation.check_name == FRESHNESS else ""


def _breaches(evaluation: dg.AssetCheckEvaluation, figures: Mapping[str, Any], contract: Contract | None, severity: Severity) -> Iterator[Breach]:
    found = [*_of_limits(figures, severity), *_of_rows(figures, severity)]
    if evaluation.check_name == NOT_CHECKED and contract is not None:
        found = [*_of_contract(figures, contract)]
    if not found:
        rule = NOT_CHECKED if evaluation.check_name == NOT_CHECKED else evaluation.check_name
        found = [Breach(rule, severity, without_values(evaluation.description or ""))]
    yield from found


def _of_limits(figures: Mapping[str, Any], severity: Severity) -> Iterator[Breach]:
    for rule, limit in _mapping(figures.get("limits")).items():
        observed, minimum, maximum = (_decimal(_mapping(limit).get(name)) for name in ("observed", "minimum", "maximum"))
        if observed is not None and ((minimum is not None and observed < minimum) or (maximum is not None and observed > maximum)):
            yield Breach(rule, severity, "", observed, minimum, maximum)


def _of_rows(figures: Mapping[str, Any], severity: Severity) -> Iterator[Breach]:
    """Each rule's share of the day's rows: the check gives the counts, the worst share and the limit."""
    counts = {rule: int(count) for rule, count in _mapping(figures.get("broken")).items()}
    worst, allowed, most = _decimal(figures.get("share")), _decimal(figures.get("limit")), max(counts.values(), default=0)
    if worst is None or allowed is None or not most:
        return
    for rule, count in counts.items():
        share = worst * count / most
        if share > allowed:
            yield Breach(rule, severity, f"{count:,} rows", share, None, allowed)


def _of_contract(figures: Mapping[str, Any], contract: Contract) -> Iterator[Breach]:
    """The blocking limits that the day's figures break."""
    seen = {rule: figure for rule, value in _mapping(figures.get("rules")).items() if (figure := _decimal(value)) is not None}
    for limit in contract.limits:
        if limit.blocking and limit.id in seen:
            verdict = judge([limit], {limit.metric: seen[limit.id]})[0]
            if not verdict.passed:
                yield Breach(limit.id, "error", "", verdict.observed, verdict.minimum, verdict.maximum)


def _figures(metadata: Mapping[str, dg.MetadataValue[Any]]) -> dict[str, Any]:
    return {name: value.value for name, value in metadata.items()}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _decimal(value: Any) -> Decimal | None:
    return None if value is None or isinstance(value, bool) or not isinstance(value, (int, float, Decimal)) else Decimal(str(value))
