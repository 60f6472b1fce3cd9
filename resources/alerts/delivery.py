"""Delivery: what waits in the outbox is sent, in order, a channel at a time; a channel that fails is left alone for a growing while.

At least once: a message that a channel took is marked afterwards, so one that was sent by a process that died before it could say so is sent
again, under the same id.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from globalbev_assets.errors import TerminalError
from resources.alerts.channels import Channel, Sender
from resources.alerts.messages import Delivery, Message

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=15)
DEADLINE_S = 10.0
"""So long one round may take, whatever the receivers do."""

SenderOf = Callable[[Channel], Sender]


@dataclass(frozen=True)
class Round:
    """What a round of deliveries did: the messages with it noted down, and what is wrong with channels, in words."""

    changed: tuple[Message, ...]
    sent: int
    problems: tuple[str, ...]


def deliver(messages: Sequence[Message], channels: Sequence[Channel], sender_of: SenderOf, at: datetime, deadline_s: float = DEADLINE_S) -> Round:
    """Send what is due. Channels are served side by side, so that a slow one holds up none but itself."""
    tries = [_ChannelRound(channel, [message for message in messages if channel.takes(message)], sender_of, at, deadline_s) for channel in channels]
    busy = [each for each in tries if each.is_due]
    for each in busy:
        each.start()
    ends_at = time.monotonic() + deadline_s
    for each in busy:
        each.join(max(0.0, ends_at - time.monotonic()))
    outcomes = [(each.channel.name, each.outcomes()) for each in busy]
    changed = {message.id: message for message in messages}
    for channel, found in outcomes:
        for name, delivery in found.items():
            changed[name] = changed[name].with_delivery(channel, delivery)
    done = [_marked(message, channels) for message in changed.values()]
    before = {message.id: message for message in messages}
    return Round(
        tuple(message for message in done if message != before[message.id]),
        sum(delivery.done_at is not None for _, found in outcomes for delivery in found.values()),
        tuple(f"{name}: {delivery.error}" for name, found in outcomes for delivery in found.values() if delivery.error),
    )


def _marked(message: Message, channels: Iterable[Channel]) -> Message:
    waiting = [channel for channel in channels if channel.takes(message) and message.delivery(channel.name).done_at is None]
    return replace(message, is_sent=not waiting)


def pause_after(attempts: int) -> timedelta:
    """How long a channel is left alone after so many failed attempts."""
    doublings: int = 2 ** min(attempts - 1, 16)
    return min(FIRST_PAUSE * doublings, LONGEST_PAUSE)


class _ChannelRound(threading.Thread):
    """One channel's turn, in a thread that nobody waits for longer than the deadline."""

    def __init__(self, channel: Channel, messages: Sequence[Message], sender_of: SenderOf, at: datetime, deadline_s: float) -> None:
        super().__init__(name=f"alerts to {channel.name}", daemon=True)
        self.channel, self._sender_of, self._at = channel, sender_of, at
        self._waiting = [message for message in messages if message.delivery(channel.name).done_at is None]
        self._ends_at = time.monotonic() + deadline_s
        self._done: list[str] = []
        self._error = ""

    @property
    def is_due(self) -> bool:
        """Whether something waits and the channel is not being left alone: its oldest message says so for all."""
        if not self._waiting:
            return False
        pauses = [delivery.next_at for message in self._waiting if (delivery := message.delivery(self.channel.name)).next_at]
        return max(pauses, default=self._at) <= self._at

    def run(self) -> None:
        """Send until one fails or the time is up."""
        try:
            sender = self._sender_of(self.channel)
            for message in self._waiting:
                if time.monotonic() > self._ends_at:
                    return
                self._error = sender.send(message)
                if self._error:
                    return
                self._done.append(message.id)
        except TerminalError as error:
            self._error = f"{error.code} {error.what}"
        except Exception as error:  # noqa: BLE001  a channel that breaks in an unknown way is tried again; its text may hold the address
            self._error = f"it could not be used ({type(error).__name__})"

    def outcomes(self) -> dict[str, Delivery]:
        """What became of the messages that were tried."""
        done = list(self._done)
        error = self._error or ("no answer in time" if self.is_alive() else "")
        found = {}
        for message in self._waiting:
            before = message.delivery(self.channel.name)
            if message.id in done:
                found[message.id] = Delivery(before.attempts + 1, None, self._at)
            elif error:
                attempts = before.attempts + 1
                found[message.id] = Delivery(attempts, self._at + pause_after(attempts), None, error)
                break
        return found
