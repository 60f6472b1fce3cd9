"""Receivers that are down, slow or broken, storms, a table that cannot be written, a sensor that is killed, garbage as cursor, no address."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from filelock import FileLock

from globalbev_assets.errors import GlobalBevError
from resources.alerts import delivery
from resources.alerts.trial import try_channels
from resources.failpoints import ALERT_FAILPOINTS
from tests.alert_world import DAY, Receiver, World, instance_in, lines, receiver, world_in


@pytest.fixture
def heard() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@pytest.fixture
def world(tmp_path: Path, heard: Receiver) -> Iterator[World]:
    with world_in(tmp_path, addresses=heard.address) as found:
        found.tick()
        yield found


def wait_until(is_so: Callable[[], bool], seconds: float = 30) -> None:
    ends_at = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends_at, "it did not become so"
        time.sleep(0.1)


def nothing_shows_the_address(world: World, *texts: object) -> None:
    table = "".join(message.title + message.body + str(message.deliveries) for message in world.recorded.messages.values())
    assert "s3cret" not in f"{table}{texts}"


def test_a_receiver_gets_each_message_once_with_its_key(world: World, heard: Receiver) -> None:
    world.volume("bronze.orders")
    assert world.tick().sent == 1
    assert [world.tick().sent for _ in range(3)] == [0, 0, 0]
    (incident,) = world.recorded.incidents
    assert heard.keys == [f"{incident}-warn"]
    assert heard.taken[0]["type"] == "warning"


def test_a_receiver_that_is_down_for_an_hour_loses_nothing_and_is_not_hammered(world: World, heard: Receiver) -> None:
    heard.status, problems = 503, []
    for number in range(120):
        if number % 40 == 0:
            world.volume("bronze.orders", rule=f"volume_{number}")
        problems += world.tick().problems
    assert 5 <= heard.calls <= 12
    assert set(problems) == {"alerts-1: it answered 503"}
    heard.status = 200
    for _ in range(40):
        world.tick()
    assert len(heard.taken) == len(set(heard.keys)) == 3
    assert all(message.is_sent for message in world.recorded.messages.values())
    nothing_shows_the_address(world, problems)


def test_a_receiver_that_is_not_there_is_tried_again(world: World, heard: Receiver) -> None:
    heard.stop()
    world.volume("bronze.orders")
    result = world.tick()
    assert result.problems == ("alerts-1: it does not answer, or refuses the message",)
    (message,) = world.recorded.unsent
    assert (message.attempts, (message.next_at - world.at).total_seconds()) == (1, 30)  # type: ignore[operator]
    nothing_shows_the_address(world, result)


def test_a_slow_receiver_delays_a_tick_by_seconds_and_holds_up_no_other(world: World, heard: Receiver) -> None:
    heard.delay_s = 60
    with receiver() as quick:
        world.addresses = f"{heard.address} {quick.address}"
        world.volume("bronze.orders")
        started = time.monotonic()
        world.tick()
        assert time.monotonic() - started < 40  # 4 s to give up, on a machine that is shared; the receiver takes 60
        assert len(quick.taken) == 1
        calls = heard.calls
        world.tick(seconds=1)
        assert (heard.calls, len(quick.taken)) == (calls, 1)  # left alone for half a minute


def test_a_receiver_that_takes_a_message_after_the_tick_gave_up_does_not_get_it_twice(
    world: World, heard: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "DEADLINE_S", 0.5)
    heard.delay_s = 2.5
    world.volume("bronze.orders")
    assert world.tick().problems == ("alerts-1: no answer in time",)
    wait_until(lambda: len(heard.taken) == 1)
    heard.delay_s = 0
    wait_until(lambda: world.tick(seconds=60).sent == 1)
    assert [world.tick(seconds=60).sent for _ in range(3)] == [0, 0, 0]
    assert len(heard.taken) == 1


def test_by_hand_a_channel_that_is_left_alone_is_tried_at_once(world: World, heard: Receiver) -> None:
    heard.status = 500
    world.volume("bronze.orders")
    world.tick()
    heard.status = 200
    assert world.tick(seconds=1).sent == 0
    assert world.alerting.send(world.at).sent == 1


def test_a_storm_of_a_thousand_failures_is_one_message(world: World, heard: Receiver) -> None:
    for number in range(1000):
        world.volume("bronze.orders", rule=f"volume_{number}")
    for _ in range(5):
        world.tick()
    assert heard.titles == ["1,000 new alerts at once: bronze.orders (1,000)"]


def test_a_thousand_failed_days_of_one_rule_are_one_message(world: World, heard: Receiver) -> None:
    for number in range(1000):
        world.volume("bronze.orders", DAY - timedelta(days=number))
    world.tick()
    assert len(heard.taken) == 1
    assert "(1000)" in heard.taken[0]["message"]


def test_an_alerts_table_that_cannot_be_written_fails_the_tick_and_loses_nothing(world: World, heard: Receiver) -> None:
    table = Path(world.settings.lake_root) / "ops" / "alerts"
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_text("somebody else's file")
    world.volume("bronze.orders")
    before = world.cursor
    for _ in range(2):
        with pytest.raises(GlobalBevError) as caught:
            world.tick()
        assert caught.value.code == "GB-2203"
    assert (world.cursor, heard.taken) == (before, [])
    table.unlink()
    world.tick()
    assert len(heard.taken) == 1


def test_a_tick_while_another_process_is_at_it_waits_for_the_next(world: World, heard: Receiver) -> None:
    world.volume("bronze.orders")
    with FileLock(world.home / "state" / "alerts.lock"), pytest.raises(GlobalBevError) as caught:
        world.tick()
    assert caught.value.code == "GB-2205"
    world.tick()
    assert len(heard.taken) == 1


def _tick_and_die(folder: Path, home: Path, address: str, cursor: str | None, place: str) -> None:
    os.environ["GLOBALBEV_FAILPOINT"] = f"{place}:kill"
    with instance_in(folder) as instance:
        World(home, instance, address, cursor).tick(seconds=60)


@pytest.mark.parametrize("place", ALERT_FAILPOINTS)
def test_a_sensor_that_is_killed_before_its_cursor_is_kept_sends_nothing_twice(tmp_path: Path, heard: Receiver, place: str) -> None:
    with world_in(tmp_path, addresses=heard.address) as world:
        world.tick()
        world.volume("bronze.orders")
        process = multiprocessing.get_context("spawn").Process(
            target=_tick_and_die, args=(tmp_path / "dagster", world.home, world.addresses, world.cursor, place)
        )
        process.start()
        process.join(120)
        assert process.exitcode == -signal.SIGKILL
        for _ in range(3):
            world.tick(seconds=90)
        assert len(heard.taken) == len(set(heard.keys)) == 1
        assert len(world.recorded.incidents) == 1


@pytest.mark.parametrize("garbage", ["", "garbage", "{}", "42", '{"log": 1, "event_id": "x"}', '{"log": "another", "event_id": 5}', "[" * 5_000])
def test_a_garbage_cursor_reads_a_day_back_and_sends_nothing_twice(world: World, heard: Receiver, garbage: str) -> None:
    world.volume("bronze.orders")
    world.tick()
    world.cursor = garbage
    world.volume("bronze.stores")
    world.tick()
    world.tick()
    assert len(heard.taken) == len(set(heard.keys)) == 2


def test_a_cursor_ahead_of_a_new_event_log_is_noticed(world: World, heard: Receiver, tmp_path: Path) -> None:
    world.volume("bronze.orders")
    world.tick()
    shutil.rmtree(tmp_path / "dagster" / "events")
    with instance_in(tmp_path / "dagster") as instance:
        world.instance = instance
        world.volume("bronze.orders", observed=1.0)
        world.cursor = world.cursor.replace('"event_id": ', '"event_id": 99') if world.cursor else None
        world.tick()
    assert [title.partition(":")[0] for title in heard.titles] == ["warning", "Over"]


@pytest.mark.parametrize("address", ["nonsense", "slak://token-s3cret", "json://", "https://example.com/s3cret"])
def test_a_malformed_address_is_one_clear_error_and_the_others_get_their_messages(world: World, heard: Receiver, address: str) -> None:
    world.addresses = f"{address} {heard.address}"
    world.volume("bronze.orders")
    result = world.tick()
    assert len(heard.taken) == 1
    assert result.problems == ("alerts-1: GB-2201 An alert address is malformed.",)
    assert try_channels(world.alerting) == [("alerts-1", "GB-2201 An alert address is malformed."), ("alerts-2", "")]
    nothing_shows_the_address(world, result)
    world.addresses = heard.address
    world.tick(seconds=60)
    assert (len(heard.taken), len(set(heard.keys))) == (3, 2)  # the test message, and the other one at both: the corrected address gets what waited


def test_severities_go_to_their_channels(world: World, heard: Receiver) -> None:
    with receiver() as pager:
        world.addresses, world.more = "", {"alerts_warn": heard.address, "alerts_error": pager.address}
        world.volume("bronze.orders")
        world.check("bronze.stores", "schema_drift", None)
        world.tick()
        assert [title.split(",")[0] for title in heard.titles] == ["warning: bronze.orders"]
        assert [title.split(",")[0] for title in pager.titles] == ["FAILED: bronze.stores"]


def test_without_addresses_the_file_gets_what_waited(world: World, heard: Receiver) -> None:
    heard.status = 500
    world.volume("bronze.orders")
    world.tick()
    world.addresses = ""
    world.tick(seconds=60)
    assert len(lines(world.home)) == 1
