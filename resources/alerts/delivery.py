"""Delivery: what waits in the outbox is sent, in order, a channel at a time; a channel that fails is left alone for a growing while.
A message that its receiver refuses again and again goes to the end, so that it keeps none of the others back.

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
DEADLINE_S = 3.0
"""So long one round may take, whatever the receivers do."""

FORGOTTEN_AFTER_S = 600.0
"""A round that is stuck for so long is given up, and its message is sent again."""

SenderOf = Callable[[Channel], Sender]


@dataclass(frozen=True)
class Round:
    """What a round of deliveries did: the messages with it noted down, and what is wrong with channels, in words."""

    changed: tuple[Message, ...]
    sent: int
    problems: tuple[str, ...]


def deliver(messages: Sequence[Message], channels: Sequence[Channel], sender_of: SenderOf, at: datetime, *, is_now: bool = False) -> Round:
    """Send what is due. Channels are served side by side, so that a slow one holds up none but itself.

    Args:
        messages: what waits, oldest first.
        channels: where it goes.
        sender_of: what sends to a channel.
        at: the time.
        is_now: also to channels that are being left alone.
    """
    rounds = [_round_of(channel, messages, at) for channel in channels]
    late = [each for each in rounds if each.was_started]
    busy = [each for each in rounds if not each.was_started and each.is_waiting and (is_now or each.is_due)]
    for each in busy:
        each.prepare(sender_of)
    ends_at = time.monotonic() + DEADLINE_S
    for each in busy:
        each.begin(ends_at)
    for each in busy:
        each.join(max(0.0, ends_at - time.monotonic()))
    outcomes = [*((each.channel.name, each.sent_late(at)) for each in late), *((each.channel.name, each.outcomes(at)) for each in busy)]
    changed = {message.id: message for message in messages}
    for channel, found in outcomes:
        for name, delivery in ((name, delivery) for name, delivery in found.items() if name in changed):
            changed[name] = changed[name].with_delivery(channel, delivery)
    done = [_marked(message, channels) for message in changed.values()]
    before = {message.id: message for message in messages}
    return Round(
        tuple(message for message in done if message != before[message.id]),
        sum(delivery.done_at is not None for _, found in outcomes for delivery in found.values()),
        tuple(f"{name}: {delivery.error}" for name, found in outcomes for delivery in found.values() if delivery.error),
    )


def _round_of(channel: Channel, messages: Sequence[Message], at: datetime) -> _ChannelRound:
    """A new round, or the earlier one that nobody waited for to its end: what it has sent meanwhile is not sent again."""
    late = _late.pop(channel, None)
    if late is not None and time.monotonic() - late.ends_at < FORGOTTEN_AFTER_S:
        return late
    return _ChannelRound(channel, [message for message in messages if channel.takes(message)], at)


def _marked(message: Message, channels: Iterable[Channel]) -> Message:
    waiting = [channel for channel in channels if channel.takes(message) and message.delivery(channel.name).done_at is None]
    return replace(message, is_sent=not waiting)


def pause_after(attempts: int) -> timedelta:
    """How long a channel is left alone after so many failed attempts."""
    doublings: int = 2 ** min(attempts - 1, 16)
    return min(FIRST_PAUSE * doublings, LONGEST_PAUSE)


class _ChannelRound(threading.Thread):
    """One channel's turn, in a thread that nobody waits for longer than the deadline."""

    def __init__(self, channel: Channel, messages: Sequence[Message], at: datetime) -> None:
        super().__init__(name=f"alerts to {channel.name}", daemon=True)
        self.channel, self._at, self.ends_at, self.was_started = channel, at, 0.0, False
        waiting = [message for message in messages if message.delivery(channel.name).done_at is None]
        self._waiting = sorted(waiting, key=lambda message: message.delivery(channel.name).is_refused)
        self._sender: Sender | None = None
        self._done: list[str] = []
        self._error = ""

    @property
    def is_waiting(self) -> bool:
        """Whether there is anything to send."""
        return bool(self._waiting)

    @property
    def is_due(self) -> bool:
        """Whether the channel is not being left alone: one message that failed says so for all."""
        found = [message.delivery(self.channel.name) for message in self._waiting]
        counted = [delivery for delivery in found if not delivery.is_refused] or found
        return max((delivery.next_at for delivery in counted if delivery.next_at), default=self._at) <= self._at

    def prepare(self, sender_of: SenderOf) -> None:
        """Make the sender, before the time runs: the first one imports apprise, which takes seconds on a busy machine."""
        try:
            self._sender = sender_of(self.channel)
        except TerminalError as error:
            self._error = f"{error.code} {error.what}"

    def begin(self, ends_at: float) -> None:
        """Start; the round may last until then."""
        self.ends_at, self.was_started = ends_at, True
        self.start()

    def run(self) -> None:
        """Send until one fails or the time is up."""
        try:
            for message in self._waiting if self._sender else ():
                if time.monotonic() > self.ends_at:
                    return
                self._error = self._sender.send(message) if self._sender else ""
                if self._error:
                    return
                self._done.append(message.id)
        except Exception as error:  # noqa: BLE001  a channel that breaks in an unknown way is tried again; its text may hold the address
            self._error = f"it could not be used ({type(error).__name__})"

    def outcomes(self, at: datetime) -> dict[str, Delivery]:
        """What became of the messages that were tried."""
        if self.is_alive():
            _late[self.channel] = self
        error = self._error or ("no answer in time" if self.is_alive() else "")
        found, done = {}, list(self._done)
        for message in self._waiting:
            before = message.delivery(self.channel.name)
            if message.id in done:
                found[message.id] = Delivery(before.attempts + 1, None, at)
            elif error:
                attempts = before.attempts + 1
                found[message.id] = Delivery(attempts, at + pause_after(attempts), None, error)
                break
        return found

    def sent_late(self, at: datetime) -> dict[str, Delivery]:
        """What was sent since an earlier tick gave up waiting; asked again at the next one while it is under way."""
        if self.is_alive():
            _late[self.channel] = self
        done = list(self._done)
        return {message.id: Delivery(message.delivery(self.channel.name).attempts + 1, None, at) for message in self._waiting if message.id in done}


_late: dict[Channel, _ChannelRound] = {}
"""Rounds that were not through at their deadline, by channel."""
