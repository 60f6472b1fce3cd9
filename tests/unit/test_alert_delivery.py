"""Which channel gets what, and what one that fails does to the others. Channels are fakes; no network, no Spark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import pytest

from resources.alerts.channels import Channel, Sender
from resources.alerts.messages import Message
from resources.alerts.tick import Alerting
from tests.alert_world import World
from tests.unit.contract_files import packaged


@dataclass
class Inbox:
    """A channel that takes everything, or refuses what ``error`` says something about."""

    taken: list[Message] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    error: str = ""

    def send(self, message: Message) -> str:
        self.tried.append(message.id)
        error = self.error or self.errors.get(message.id, "")
        if not error:
            self.taken.append(message)
        return error

    @property
    def kinds(self) -> list[str]:
        return [message.kind for message in self.taken]


@dataclass
class Fakes(World):
    """A world whose addresses lead to inboxes."""

    inboxes: dict[str, Inbox] = field(default_factory=dict)

    @property
    def alerting(self) -> Alerting:
        return Alerting(self.settings, packaged(), self.inbox)

    def inbox(self, channel: Channel) -> Sender:
        return self.named(channel.name)

    def named(self, name: str) -> Inbox:
        return self.inboxes.setdefault(name, Inbox())


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Fakes]:
    with dg.DagsterInstance.ephemeral() as instance:
        found = Fakes(tmp_path, instance, "first second")
        found.tick()
        yield found


def test_a_channel_that_is_dead_for_good_does_not_silence_the_reminders_of_another(world: Fakes) -> None:
    world.named("alerts-2").error = "GB-2201"
    world.volume("bronze.orders")
    world.tick()
    world.tick(seconds=25 * 3600)
    assert world.named("alerts-1").kinds == ["new", "reminder"]


def test_while_no_channel_takes_the_first_message_no_reminder_is_put_on_top(world: Fakes) -> None:
    world.named("alerts-1").error = world.named("alerts-2").error = "it does not answer"
    world.volume("bronze.orders")
    world.tick()
    world.tick(seconds=25 * 3600)
    assert len(world.recorded.messages) == 1
