"""Which channel gets what, and what one that fails does to the others. Channels are fakes; no network, no Spark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import pytest

from resources.alerts.channels import Channel, Sender
from resources.alerts.messages import REFUSED_AFTER, Message
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


def test_a_message_that_is_refused_keeps_none_of_the_others_back(world: Fakes) -> None:
    world.volume("bronze.orders")
    inbox = world.named("alerts-1")
    inbox.error = "it answered 400"
    world.tick()
    (refused,) = world.recorded.messages
    inbox.error, inbox.errors = "", {refused: "it answered 400"}
    for _ in range(REFUSED_AFTER):
        world.tick(seconds=1000)
    world.volume("bronze.stores")
    world.tick()
    (taken,) = inbox.taken
    assert "bronze.stores" in taken.title
    inbox.errors = {}
    world.tick(seconds=1000)
    assert inbox.taken[-1].id == refused


def test_a_severity_that_no_channel_is_for_goes_to_the_file(tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        world = Fakes(tmp_path, instance, more={"alerts_error": "pager"})
        world.tick()
        world.volume("bronze.orders")
        world.tick()
    assert world.named("alerts_error-1").taken == []
    assert [message.severity for message in world.named("file").taken] == ["warn"]


def test_each_channel_hears_of_its_own_in_a_digest_of_both_and_of_their_end(tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        world = Fakes(tmp_path, instance, more={"alerts_error": "pager", "alerts_warn": "mail"})
        world.tick()
        for number in range(25):
            world.check("bronze.orders", f"odd_{number}", severity=dg.AssetCheckSeverity.ERROR if number % 2 else dg.AssetCheckSeverity.WARN)
        world.tick()
        for number in range(25):
            world.check("bronze.orders", f"odd_{number}", passed=True)
        world.tick()
    assert [world.named(name).kinds for name in ("alerts_error-1", "alerts_warn-1")] == [["digest", "digest"]] * 2
