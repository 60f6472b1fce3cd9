"""The next command to run for an incident."""

from __future__ import annotations

from globalbev_assets.contracts.model import Contract, Rule
from resources.alerts.contracts import rule_of
from resources.alerts.incident import Incident
from resources.alerts.observations import FRESHNESS, RUN_FAILED, SCHEMA_DRIFT, TOO_LONG
from resources.alerts.runbooks import runbook_of
from resources.alerts.wording import blocks

MOST_BLOCKS = 3
"""More rows of days than these are told of once these are mended: the good days between them are left alone."""
_OF_RULES = {TOO_LONG: "globalbev doctor", SCHEMA_DRIFT: "globalbev drift show {table}", FRESHNESS: "globalbev freshness {table}"}


def next_command(incident: Incident, contract: Contract | None) -> str:
    """What to type: to mend where it is known how, else to look."""
    days = [day for day in incident.all_days if day]
    if incident.is_open and incident.rule in _OF_RULES:
        return _OF_RULES[incident.rule].format(table=incident.table)
    if contract is None:
        return f"globalbev alerts show {incident.id}"
    if not days:
        return f"globalbev checks {incident.table} --failed"
    if not incident.is_open or incident.rule == RUN_FAILED:
        return " && ".join(f"globalbev backfill {first} {last}" for first, last in blocks(days)[:MOST_BLOCKS])
    if contract.layer == "silver" and runbook_of(contract, incident.rule) == "quarantine":
        rule = f" --rule {incident.rule}" if isinstance(rule_of(contract, incident.rule), Rule) else ""
        return f"globalbev quarantine list {incident.table}{rule}{f' --day {days[0]}' if len(days) == 1 else ''}"
    return f"globalbev checks {incident.table} --failed{f' --day {days[0]}' if len(days) == 1 else ''}"
