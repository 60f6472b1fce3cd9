"""The alerts for a person and for a program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from globalbev_assets.errors import TerminalError
from resources.alerts.delivery import Round
from resources.alerts.incident import Incident
from resources.alerts.messages import Message
from resources.alerts.outbox import Recorded
from resources.alerts.wording import ranges

if TYPE_CHECKING:
    from rich.console import Console

    from resources.alerts.tick import Alerting

MOST_WAITING = 20
STYLES = {"error": "bold red", "warn": "yellow"}


def as_document(incidents: Sequence[Incident], recorded: Recorded) -> dict[str, Any]:
    """The list, and how many messages still wait."""
    return {"alerts": [_summary(incident) for incident in incidents], "waiting_messages": [_waiting(message) for message in recorded.unsent]}


def one_document(incident: Incident, recorded: Recorded) -> dict[str, Any]:
    """One incident with its messages."""
    messages = [
        {"id": message.id, "kind": message.kind, "at": message.created_at, "sent": message.is_sent, "title": message.title, "body": message.body}
        for message in _about(incident, recorded)
    ]
    joined = [{"table": table, "rule": rule, "days": sorted(incident.broken[table, rule])} for table, rule in incident.joined]
    return {**_summary(incident), "joined": joined, "messages": messages}


def found_incident(recorded: Recorded, name: str) -> Incident:
    """The incident of that name or with that beginning.

    Raises:
        TerminalError: GB-2207, when there is none, or more than one.
    """
    found = [incident for incident in recorded.incidents.values() if incident.id.startswith(name.strip().lower())] if name.strip() else []
    if len(found) == 1:
        return found[0]
    newest = [incident.id for incident in recorded.incidents.values()][-5:]
    raise TerminalError(
        "GB-2207",
        "There is no such alert.",
        got=f"{name[:40]!r}{f', which {len(found)} alerts begin with' if found else ''}",
        valid=", ".join(newest) or "there are none yet",
        todo="`globalbev alerts` lists them.",
    )


def incident_text(incident: Incident, recorded: Recorded, alerting: Alerting) -> str:
    """The incident as a message of now would tell it, and what was sent."""
    title, body = alerting.describe(incident)
    lines = [title, "", body, ""]
    for message in _about(incident, recorded):
        state = "sent" if message.is_sent else f"waits, {message.attempts} attempts"
        lines.append(f"{message.created_at:%Y-%m-%d %H:%M} {message.kind:<8} {message.id} {state}")
        lines += [f"{'':17}{channel}: {each.error}" for channel, each in message.deliveries.items() if each.error and not message.is_sent]
    return "\n".join(lines)


def show_list(incidents: Sequence[Incident], recorded: Recorded, out: Console) -> None:
    """The list for a person."""
    if not incidents:
        out.print("No alert is open." if recorded.incidents else "Nothing was ever to be told.")
    else:
        table = Table(box=None, pad_edge=False)
        for head in ("id", "state", "since", "table", "days", "rule", "behind it"):
            table.add_column(head, no_wrap=head in ("id", "state", "since"))
        for incident in incidents:
            style = STYLES[incident.severity] if incident.is_open else "dim"
            cells = (
                f"{incident.opened_at:%Y-%m-%d %H:%M}",
                incident.table,
                ranges(incident.all_days),
                incident.rule,
                str(len(incident.joined) or ""),
            )
            table.add_row(incident.id, _state(incident), *cells, style=style)
        out.print(table)
    if recorded.unsent:
        _show_waiting(recorded.unsent, out)


def _show_waiting(unsent: Sequence[Message], out: Console) -> None:
    """What waits, since when, and why, the oldest first."""
    tried = sum(message.attempts > 0 for message in unsent)
    out.print(f"\n{len(unsent)} messages wait to be sent, {tried} were tried: `globalbev alerts test` says which channel fails.")
    for message in unsent[:MOST_WAITING]:
        errors = "; ".join(f"{channel}: {each.error}" for channel, each in message.deliveries.items() if each.error and each.done_at is None)
        out.print(f"{message.created_at:%Y-%m-%d %H:%M}  {message.id}  {errors or 'not tried yet'}")
    if len(unsent) > MOST_WAITING:
        out.print(f"and {len(unsent) - MOST_WAITING} more")


def _state(incident: Incident) -> str:
    if incident.is_open:
        return "failed" if incident.severity == "error" else "warned"
    return "accepted" if incident.is_accepted else "over"


def show_test(outcomes: Sequence[tuple[str, str]], out: Console) -> None:
    """What each channel did with the test message."""
    for name, error in outcomes:
        out.print(f"{'FAIL' if error else 'ok  '}  {name:<16} {error or 'took the message'}", style="bold red" if error else "green")


def show_round(done: Round, out: Console) -> None:
    """What was sent by hand."""
    out.print(f"{done.sent} sent." if done.sent or done.problems else "Nothing waits.")
    for problem in done.problems:
        out.print(problem, style="bold red")


def _about(incident: Incident, recorded: Recorded) -> list[Message]:
    messages = [message for message in recorded.messages.values() if incident.id in message.incidents]
    return sorted(messages, key=lambda message: message.created_at)


def _summary(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "state": "open" if incident.is_open else "over",
        "severity": incident.severity,
        "table": incident.table,
        "rule": incident.rule,
        "days": ranges(incident.all_days),
        "open_days": list(incident.open_days) if incident.is_open else [],
        "accepted": {"by": incident.accepted_by, "because": incident.accepted_because} if incident.is_accepted else None,
        "opened_at": incident.opened_at,
        "closed_at": incident.closed_at,
        "run_id": incident.run_id,
        "reminders": incident.reminders,
        "behind_it": len(incident.joined),
    }


def _waiting(message: Message) -> dict[str, Any]:
    errors = {channel: each.error for channel, each in message.deliveries.items() if each.error}
    return {"id": message.id, "title": message.title, "since": message.created_at, "attempts": message.attempts, "errors": errors}
