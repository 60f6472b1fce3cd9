"""What ``globalbev alerts accept`` has done, or would do, for a person and for a program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resources.alerts.acceptance import Acceptance
from resources.alerts.incident import Incident
from resources.alerts.wording import ranges

if TYPE_CHECKING:
    from rich.console import Console


def as_document(done: Acceptance, *, is_dry_run: bool) -> dict[str, Any]:
    """For a program: the incident, what is settled with it, what stands for itself from now on, and the message."""
    incident = done.incident
    settled = [{"table": table, "rule": rule, "days": sorted(incident.broken[table, rule])} for table, rule in incident.joined]
    return {
        "dry_run": is_dry_run,
        **_named(incident),
        "by": incident.accepted_by,
        "reason": incident.accepted_because,
        "settled_with_it": settled,
        "alerts_of_their_own": [_named(each) for each in done.own],
        "message": {"id": done.message.id, "title": done.message.title, "body": done.message.body},
    }


def show(done: Acceptance, out: Console, *, is_dry_run: bool) -> None:
    """For a person: the message as it goes out, and what happens next."""
    out.print(done.message.title, style="bold", soft_wrap=True)
    out.print(done.message.body, soft_wrap=True)
    out.print("")
    for each in done.own:
        out.print(f"Nobody was told of {each.table}, {ranges(each.all_days)} ({each.rule}): it is an alert of its own, {each.id}.")
    if is_dry_run:
        out.print("Nothing is recorded: this was a dry run.")
    else:
        out.print("It is closed. The message goes out at the next tick of the sensor `alerts`; at once with `globalbev alerts send`.")


def _named(incident: Incident) -> dict[str, Any]:
    return {"id": incident.id, "table": incident.table, "rule": incident.rule, "days": list(incident.open_days)}
