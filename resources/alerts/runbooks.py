"""Which runbook belongs to a broken rule."""

from __future__ import annotations

from globalbev_assets.contracts.model import Contract, Limit, Rule
from resources.alerts.contracts import rule_of
from resources.alerts.observations import FRESHNESS, NOT_PUBLISHED, RUN_FAILED, SCHEMA_DRIFT, TOO_LONG, UNCHECKED

FOLDER = "docs/runbooks"
_OF_NAMES = {
    RUN_FAILED: "run-failed",
    NOT_PUBLISHED: "run-failed",
    UNCHECKED: "run-failed",
    TOO_LONG: "run-too-long",
    FRESHNESS: "freshness",
    SCHEMA_DRIFT: "schema-drift",
}
_OF_METRICS = {
    "quarantined_ratio": "quarantine",
    "source_difference": "check-failed#reconciliation",
    "sum_difference": "check-failed#reconciliation",
    "duplicate_keys": "check-failed#uniqueness",
    "unaccounted": "check-failed#completeness",
    "null_ratio": "check-failed#completeness",
    "volume_ratio": "check-failed#volume",
    "rows_in": "check-failed#volume",
    "published": "check-failed#volume",
    "rule": "quarantine",
}


def runbook_of(contract: Contract | None, rule: str) -> str:
    """The runbook's name, with the section in it: ``check-failed#volume``."""
    if rule in _OF_NAMES:
        return _OF_NAMES[rule]
    known = rule_of(contract, rule)
    if isinstance(known, Limit):
        return _OF_METRICS.get(known.metric.split(":", 1)[0], "check-failed")
    if isinstance(known, Rule):
        return "quarantine" if known.action == "quarantine" else "check-failed#warnings"
    return "check-failed"


def runbook_link(name: str, base: str) -> str:
    """Where it can be read: below ``base``."""
    file, _, section = name.partition("#")
    return f"{base.rstrip('/')}/{file}.md{f'#{section}' if section else ''}"
