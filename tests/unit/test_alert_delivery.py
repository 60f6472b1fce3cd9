"""Which channel gets what, and what one that fails does to the others. Channels are fakes; no network, no Spark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from globalbev_assets.errors import TransientError
from resources.alerts.channels import Channel, Sender
from resources.alerts.messages import REFUSED_AFTER, Message
from resources.alerts.outbox import Outbox
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
    assert world.named("alerts-1").kinds == ["new", "reminder", "undelivered"]


def test_while_no_channel_takes_the_first_message_no_reminder_is_put_on_top(world: Fakes) -> None:
    world.named("alerts-1").error = world.named("alerts-2").error = "it does not answer"
    world.volume("bronze.orders")
    world.tick()
    world.tick(seconds=25 * 3600)
    assert len(world.recorded.messages) == 1


def test_what_is_new_is_an_event_once_also_where_nobody_takes_the_message(world: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    """In Azure a mail follows it, whatever becomes of the channels."""
    said: list[Mapping[str, Any]] = []
    monkeypatch.setattr("resources.logs.events.LISTENERS", [lambda name, fields: said.append(fields) if name == "alert.raised" else None])
    world.named("alerts-1").error = world.named("alerts-2").error = "it does not answer"
    world.volume("bronze.orders")
    for seconds in (30.0, 30.0, 25 * 3600.0):
        world.tick(seconds=seconds)
    (found,) = said
    assert (found["kind"], found["severity"], found["asset"], found["run_id"]) == ("new", "warn", "bronze.orders", "run-1")
    assert "bronze.orders" in found["said"]


def test_a_storm_is_one_event_and_neither_its_reminder_nor_its_end_is(world: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Mapping[str, Any]] = []
    monkeypatch.setattr("resources.logs.events.LISTENERS", [lambda name, fields: said.append(fields) if name == "alert.raised" else None])
    for number in range(25):
        world.check("bronze.orders", f"odd_{number}")
    world.tick()
    world.tick(seconds=25 * 3600.0)
    for number in range(25):
        world.check("bronze.orders", f"odd_{number}", passed=True)
    world.tick()
    assert [(one["kind"], one["severity"], one["incidents"]) for one in said] == [("digest", "error", 25)]


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


def dies(world: Fakes, hours: float = 1.1) -> None:
    """The second channel takes one message and then none, though there is another."""
    world.volume("bronze.orders")
    world.tick()
    world.named("alerts-2").error = "it answered 404"
    world.volume("bronze.stores")
    world.tick()
    for _ in range(3):
        world.tick(seconds=hours * 1200)


def undelivered(inbox: Inbox) -> list[str]:
    return [message.title for message in inbox.taken if message.kind == "undelivered" or message.id.startswith("undelivered-")]


def test_that_a_channel_is_dead_is_told_by_the_others_once_and_that_it_is_back(world: Fakes) -> None:
    dies(world)
    for _ in range(3):
        world.tick(seconds=1000)
    (dead,) = undelivered(world.named("alerts-1"))
    assert dead == "FAILED: the alert address alerts-2 takes no messages"
    world.named("alerts-2").error = ""
    world.tick(seconds=1000)
    world.tick()
    assert undelivered(world.named("alerts-1")) == [dead, "Over: the alert address alerts-2 takes messages again"]
    world.tick()
    assert undelivered(world.named("alerts-2")) == undelivered(world.named("alerts-1"))


def test_it_says_which_address_since_when_and_why_and_what_to_do_and_not_the_address_itself(tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        world = Fakes(tmp_path, instance, more={"alerts_warn": "s3cret", "alerts_error": "pager"})
        world.tick()
        world.named("alerts_warn-1").error = "it answered 404"
        world.volume("bronze.orders")
        since = world.at
        for _ in range(5):
            world.tick(seconds=1000)
    (message,) = world.named("alerts_error-1").taken
    assert "alerts_warn-1, which is for warn\n" in message.body
    assert f"{since + timedelta(seconds=1000):%Y-%m-%d %H:%M} UTC; 1 message was tried" in message.body
    assert "it answered 404\n" in message.body
    assert "globalbev alerts test\n" in message.body
    assert "docs/runbooks/alerts-undelivered.md\n" in message.body
    assert "s3cret" not in message.body


def test_nobody_is_told_of_a_receiver_that_is_back_within_the_hour(world: Fakes) -> None:
    dies(world, hours=0.6)
    world.named("alerts-2").error = ""
    world.tick(seconds=1000)
    world.tick(seconds=3600)
    assert undelivered(world.named("alerts-1")) == []


def test_nobody_is_told_of_a_receiver_that_refuses_one_message_and_takes_the_others(world: Fakes) -> None:
    world.named("alerts-2").error = "it answered 400"
    world.volume("bronze.orders")
    world.tick()
    (refused,) = world.recorded.messages
    world.named("alerts-2").error, world.named("alerts-2").errors = "", {refused: "it answered 400"}
    for _ in range(REFUSED_AFTER):
        world.tick(seconds=1000)
    world.volume("bronze.stores")
    world.tick()
    world.tick(seconds=3 * 3600)
    assert undelivered(world.named("alerts-1")) == []


def test_a_second_outage_is_told_again(world: Fakes) -> None:
    dies(world)
    world.named("alerts-2").error = ""
    world.tick(seconds=1000)
    world.named("alerts-2").error = "it does not answer"
    world.volume("bronze.lots")
    for _ in range(5):
        world.tick(seconds=1000)
    assert [title.partition(":")[0] for title in undelivered(world.named("alerts-1"))] == ["FAILED", "Over", "FAILED"]


def test_while_no_channel_takes_anything_there_is_nobody_to_tell(world: Fakes) -> None:
    world.named("alerts-1").error = world.named("alerts-2").error = "it does not answer"
    world.volume("bronze.orders")
    for _ in range(5):
        world.tick(seconds=1000)
    assert [message.kind for message in world.recorded.messages.values()] == ["new"]


def test_what_was_sent_and_could_not_be_noted_down_is_not_sent_again(world: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk the same messages went out at each tick, for as long as it was full."""
    for name in ("alerts-1", "alerts-2"):
        world.named(name).error = "it does not answer"
    world.volume("bronze.orders")
    world.tick()
    for name in ("alerts-1", "alerts-2"):
        world.named(name).error = ""

    def full(*_: object) -> None:
        raise TransientError("GB-2203", "The table of the alerts cannot be read or written.")

    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "save", full)
        for _ in range(3):
            with pytest.raises(TransientError, match="GB-2203"):
                world.tick(seconds=1000)
    assert world.named("alerts-1").kinds == world.named("alerts-2").kinds == ["new"]
    world.tick()
    assert world.named("alerts-1").kinds == ["new"]
    assert all(message.is_sent for message in world.recorded.messages.values())


def test_of_two_who_save_the_first_alert_one_is_told(world: Fakes) -> None:
    """The second one's rows took the place of the first one's."""
    outbox = world.alerting.outbox
    mine, theirs = outbox.load(), outbox.load()
    assert mine.table is None
    message = Message("m-1", "test", ("warn",), (), "one", "one", world.at)
    outbox.save(theirs.with_changes((), [message]), world.at)
    with pytest.raises(TransientError, match="GB-2203"):
        outbox.save(mine.with_changes((), [replace(message, id="m-2")]), world.at)
    assert set(outbox.load().messages) == {"m-1"}


def test_a_home_that_cannot_be_locked_is_a_known_error(world: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("resources.alerts.tick.FileLock.acquire", refused)
    with pytest.raises(TransientError, match="GB-2203"):
        world.tick()
