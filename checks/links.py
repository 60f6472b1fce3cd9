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
ROW_RULES = "quarantine.md"


def with_next_step(judgement: Judgement, contract: Contract, kind: CheckKind, day: date, docs_url: str | None) -> Judgement:
    """The judgement with links, if it failed; a passed one as it is."""
    if judgement.passed:
        return judgement
    links = {"runbook": document(f"docs/runbooks/{RUNBOOKS.get(kind.name, ROW_RULES)}", docs_url), "next": _command(contract, kind, day)}
    return replace(judgement, metadata={**judgement.metadata, **links})


def _command(contract: Contract, kind: CheckKind, day: date) -> str:
    if kind.name == "freshness":
        return f"globalbev freshness {contract.name}"
    if contract.layer == "silver" and (kind.rules or kind.name == CONTRACT):
        return f"globalbev quarantine list {contract.name} --day {day}"
    return f"globalbev checks {contract.name} --day {day}"
