"""A message: what is sent, to which severity's channels, and how far each of them is with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from resources.alerts.observations import Severity

REFUSED_AFTER = 3
_REFUSAL = re.compile(r"it answered 4(?!08|29)\d\d")
"""An answer to the message; 408 and 429 are about the moment."""

Kind = Literal["new", "reminder", "over", "digest", "undelivered", "test"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far one channel is with one message. ``error`` names no address."""

    attempts: int = 0
    next_at: datetime | None = None
    done_at: datetime | None = None
    error: str = ""

    @property
    def is_tried(self) -> bool:
        """Whether it was sent and did not arrive."""
        return self.done_at is None and self.attempts > 0

    @property
    def is_refused(self) -> bool:
        """Whether the receiver does not want this message, again and again: it holds up no other one."""
        return self.done_at is None and self.attempts >= REFUSED_AFTER and _REFUSAL.fullmatch(self.error) is not None


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes:
        id: the idempotency key; it stands in the text, so that a receiver can tell a repeated message.
        kind: what it is for.
        severities: of what it tells, the worst first; a channel for any of them gets it.
        incidents: ids of the incidents that it is about.
        title: one line.
        body: the rest, plain text.
        created_at: when it was recorded, before anything was sent.
        deliveries: by channel.
        is_sent: every channel that there was has taken it.
    """

    id: str
    kind: Kind
    severities: tuple[Severity, ...]
    incidents: tuple[str, ...]
    title: str
    body: str
    created_at: datetime
    deliveries: Mapping[str, Delivery] = field(default_factory=dict)
    is_sent: bool = False

    @property
    def severity(self) -> Severity:
        """The worst."""
        return self.severities[0]

    def delivery(self, channel: str) -> Delivery:
        """How far the channel is."""
        return self.deliveries.get(channel, Delivery())

    def with_delivery(self, channel: str, delivery: Delivery) -> Message:
        """The message after a channel was tried."""
        return replace(self, deliveries={**self.deliveries, channel: delivery})

    @property
    def is_taken(self) -> bool:
        """Whether some channel has taken it."""
        return any(delivery.done_at is not None for delivery in self.deliveries.values())

    @property
    def attempts(self) -> int:
        """How often it was tried, over all channels."""
        return sum(delivery.attempts for delivery in self.deliveries.values())

    @property
    def next_at(self) -> datetime | None:
        """When it is tried again."""
        waiting = [delivery.next_at for delivery in self.deliveries.values() if delivery.done_at is None and delivery.next_at]
        return min(waiting, default=None)
