"""An incident that cannot pass, the volume of a holiday, is accepted by a person: it is over with its days as they are. Pure.

What joined it and was told of is settled with it; what joined since the last message, other days of its own rule among it, becomes an alert of its
own, told at the next tick. A new broken day of the rule, or an accepted one that is worse than it was, is a new alert.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.errors import TerminalError
from resources.alerts.contracts import contract_of, in_words
from resources.alerts.incident import Incident
from resources.alerts.lineage import Lineage
from resources.alerts.messages import Message
from resources.alerts.observations import RANK
from resources.alerts.register import Register
from resources.alerts.wording import line, ranges, without_values

LONGEST_REASON = 200
"""It stands in the title of a message."""


@dataclass(frozen=True)
class Decision:
    """Who accepts an incident, and why."""

    by: str
    because: str

    @classmethod
    def of(cls, by: str, because: str) -> Decision:
        """As it is kept: on one line, and, like all of a message, without addresses in the reason.

        Raises:
            TerminalError: GB-2209, when the reason says nothing or too much.
        """
        reason = without_values(because)
        if not reason or len(reason) > LONGEST_REASON:
            raise TerminalError(
                "GB-2209",
                "An alert is accepted for a reason.",
                got=f"{len(reason)} characters",
                valid=f"a sentence of 1 to {LONGEST_REASON} characters, without personal data",
                todo='Write it so: --reason "Thanksgiving: the shops were closed".',
            )
        return cls(" ".join(by.split())[:60] or "nobody named", reason)


@dataclass(frozen=True)
class Acceptance:
    """What accepting an incident comes to: ``changed`` and ``message`` are recorded together, or, in a dry run, only shown.

    Attributes:
        incident: it, over.
        own: what it explained and nobody was told of: alerts of their own from now on.
        changed: everything that is recorded anew, these included.
        message: the closing message.
    """

    incident: Incident
    own: tuple[Incident, ...]
    changed: tuple[Incident, ...]
    message: Message


def accept(known: Mapping[str, Incident], name: str, decision: Decision, at: datetime, book: ContractBook) -> Acceptance:
    """Work out what accepting the incident of that id comes to.

    Raises:
        TerminalError: GB-2208, when it is not open.
    """
    incident = known.get(name)
    if incident is None or not incident.is_open:
        raise TerminalError(
            "GB-2208",
            "That alert is not open, so there is nothing to accept.",
            got=f"{name}, {'which is gone' if incident is None else _ended(incident)}",
            valid=", ".join(each.id for each in known.values() if each.is_open) or "none is open",
            todo="`globalbev alerts --open` lists those that are.",
        )
    register = Register(known.values(), Lineage.of(book), incident.log)
    register.accept(name, decision.by, decision.because, at)
    found = {each.id: each for each in register.incidents}
    message = _message(found[name], at, book)
    found[name] = replace(found[name], closing=message.id)
    changed = tuple(each for each in found.values() if known.get(each.id) != each)
    return Acceptance(found[name], tuple(each for each in changed if each.id not in known), changed, message)


def accepted_text(incident: Incident, book: ContractBook) -> tuple[str, str]:
    """Title and text about an incident that was accepted."""
    days = ranges(incident.open_days or incident.all_days)
    title = f"Over: {incident.table}, {days}, accepted by {incident.accepted_by}: {incident.accepted_because}"
    return title, "\n".join(_lines(incident, book))


def _message(incident: Incident, at: datetime, book: ContractBook) -> Message:
    """To all that were told of it; where nobody was yet, to those that would have been."""
    told = set(incident.told) or {incident.severity}
    name = f"{incident.id}-accepted"
    title, body = accepted_text(incident, book)
    body = f"{body}\n{line('Alert', f'{incident.id}, message {name}')}"
    return Message(name, "over", tuple(each for each in RANK if each in told), (incident.id,), title, body, at)


def _lines(incident: Incident, book: ContractBook) -> Iterator[str]:
    contract = contract_of(book, incident.table)
    yield line("Table", incident.table)
    yield line("Days", ranges(incident.open_days or incident.all_days))
    yield line("Rule", f"not met, and accepted: {in_words(contract, incident.rule)} ({incident.rule})")
    yield line("Accepted", f"by {incident.accepted_by}: {incident.accepted_because}")
    if incident.closed_at:
        yield line("Lasted", f"{incident.opened_at:%Y-%m-%d %H:%M} to {incident.closed_at:%Y-%m-%d %H:%M} UTC")
    if incident.joined:
        yield line("With it", "; ".join(_settled(incident)))
    yield line("Means", "These days count as settled. Another day, or one of these that gets worse, is a new alert.")
    yield line("Owner", contract.owner if contract else "nobody: no contract describes it")


def _settled(incident: Incident) -> Iterable[str]:
    return (f"{table} {ranges(incident.broken[table, rule])} ({rule})" for table, rule in incident.joined)


def _ended(incident: Incident) -> str:
    if incident.is_accepted:
        return f"which {incident.accepted_by} accepted"
    return f"which was over at {incident.closed_at:%Y-%m-%d %H:%M} UTC"
