"""What a failed check tells a person to do next: the runbook, and the command that shows the rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from checks.judgement import Judgement
from checks.kinds import CONTRACT, CheckKind
from globalbev_assets.contracts.model import Contract
from partitions.links import document

RUNBOOKS = {
    "freshness": "freshness.md",
    "unique": "check-failed.md#uniqueness",
    "volume": "check-failed.md#volume",
    "completeness": "check-failed.md#completeness",
    "reconciliation": "check-failed.md#reconciliation",
    CONTRACT: "check-failed.md",
}
LINKS = ("runbook", "next")
ROW_RULES, WARNINGS = "quarantine.md", "check-failed.md#warnings"


def with_next_step(judgement: Judgement, contract: Contract, kind: CheckKind, day: date, docs_url: str | None) -> Judgement:
    """The judgement with links, if it failed; a passed one as it is."""
    if judgement.passed:
        return judgement
    is_kept_aside = kind.name == "quarantine" or _keeps_aside(contract, judgement)
    page = RUNBOOKS.get(kind.name) or (ROW_RULES if is_kept_aside else WARNINGS)
    found = (document(f"docs/runbooks/{page}", docs_url), _command(contract, kind, day, is_kept_aside=is_kept_aside))
    return replace(judgement, metadata={**judgement.metadata, **dict(zip(LINKS, found, strict=True))})


def _command(contract: Contract, kind: CheckKind, day: date, *, is_kept_aside: bool) -> str:
    if kind.name == "freshness":
        return f"globalbev freshness {contract.name}"
    if contract.layer == "silver" and is_kept_aside:
        return f"globalbev quarantine list {contract.name} --day {day}"
    return f"globalbev checks {contract.name} --day {day}"


def _keeps_aside(contract: Contract, judgement: Judgement) -> bool:
    """Whether a row is in quarantine for a rule that was broken; others are published with a warning."""
    broken = {**judgement.metadata.get("broken", {}), **judgement.metadata.get("rules", {})}
    return any(rule.action == "quarantine" and broken.get(rule.id) for rule in contract.rules)
