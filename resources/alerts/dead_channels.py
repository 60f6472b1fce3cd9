"""A channel that takes nothing for an hour: the others are told once, and once more when it takes again. Pure.

Nothing is kept beside the messages: an outage is named by the last message that the channel took, so it is the same one at every tick, and over
as soon as there is a newer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from resources.alerts.channels import Channel
from resources.alerts.messages import Message
from resources.alerts.observations import RANK
from resources.alerts.runbooks import runbook_link
from resources.alerts.wording import line

DEAD_AFTER = timedelta(hours=1)
"""So long a tried message waits before anybody else is told: a receiver that is started anew is back by then."""
RUNBOOK = "alerts-undelivered"


@dataclass(frozen=True)
class _State:
    """A channel, as far as its messages tell."""

    channel: Channel
    last_taken: datetime | None
    waiting: tuple[Message, ...]

    @property
    def notice(self) -> str:
        """The outage's name, if this is one: the same until a message is taken."""
        return f"{self._names}{f'{self.last_taken:%Y%m%dT%H%M%S}' if self.last_taken else 'never'}"

    @property
    def _names(self) -> str:
        return f"undelivered-{self.channel.name}-"

    def is_dead(self, at: datetime) -> bool:
        """Whether it has been tried for too long, and took nothing meanwhile."""
        return bool(self.waiting) and at - self.since >= DEAD_AFTER

    @property
    def since(self) -> datetime:
        """Since when it takes nothing, as far as anybody tried."""
        oldest = self.waiting[0].created_at
        return max(oldest, self.last_taken) if self.last_taken else oldest

    def has_ended(self, notice: Message) -> bool:
        """Whether that was an outage of this channel, and is over."""
        return notice.kind == "undelivered" and notice.id.startswith(self._names) and notice.id != self.notice


def undelivered(messages: Collection[Message], channels: Sequence[Channel], runbooks: str, at: datetime) -> list[Message]:
    """What is to be told of channels: that one is dead, where another one can tell it, and that it works again.

    Args:
        messages: all that are recorded, sent or not.
        channels: of the settings as they are.
        runbooks: where the runbooks lie.
        at: the time.
    """
    states = [_state(channel, messages) for channel in channels]
    dead = [state for state in states if state.is_dead(at)]
    if len(dead) == len(states):
        return []  # nobody who could hear it
    told = {message.id for message in messages}
    found = [_told_dead(state, runbooks, at) for state in dead]
    found += [_told_over(state, notice, at) for state in states for notice in messages if state.has_ended(notice)]
    return [message for message in found if message.id not in told]


def _state(channel: Channel, messages: Collection[Message]) -> _State:
    """What waits for it, the oldest first. A message that it alone refuses, while it takes others, is no sign of anything."""
    deliveries = [message.delivery(channel.name) for message in messages]
    last_taken = max((delivery.done_at for delivery in deliveries if delivery.done_at), default=None)
    tried = [message for message in messages if channel.takes(message) and message.delivery(channel.name).is_tried]
    waiting = [m for m in tried if not m.delivery(channel.name).is_refused or last_taken is None or m.created_at >= last_taken]
    return _State(channel, last_taken, tuple(sorted(waiting, key=lambda message: (message.created_at, message.id))))


def _told_dead(state: _State, runbooks: str, at: datetime) -> Message:
    name, number = state.channel.name, len(state.waiting)
    return _message(state.notice, "undelivered", f"FAILED: the alert address {name} takes no messages", tuple(_about(state, number, runbooks)), at)


def _about(state: _State, number: int, runbooks: str) -> Iterator[str]:
    yield line("Address", f"{state.channel.name}, which is for {' and '.join(state.channel.severities)}")
    yield line(
        "Since", f"{state.since:%Y-%m-%d %H:%M} UTC; {number:,} {'message was' if number == 1 else 'messages were'} tried and wait, none is lost"
    )
    yield line("Found", state.waiting[0].delivery(state.channel.name).error)
    yield line("Means", "Whoever reads only that address hears of nothing until it is mended. No run waits for it.")
    yield line("Next", "globalbev alerts test")
    yield line("Runbook", runbook_link(RUNBOOK, runbooks))


def _told_over(state: _State, notice: Message, at: datetime) -> Message:
    lasted = line("Told", f"{notice.created_at:%Y-%m-%d %H:%M} UTC that it took none")
    return _message(f"{notice.id}-over", "over", f"Over: the alert address {state.channel.name} takes messages again", (lasted,), at)


def _message(name: str, kind: Literal["undelivered", "over"], title: str, lines: tuple[str, ...], at: datetime) -> Message:
    """To every address, whatever it is for: who reads the dead one knows of nothing."""
    return Message(name, kind, tuple(RANK), (), title, "\n".join([*lines, line("Alert", f"message {name}")]), at)
