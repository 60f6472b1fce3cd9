"""``ops.alerts``: what waits in it, said to a person; where it is damaged, one error, and the two ways out of the runbook. No Spark."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path

import dagster as dg
import pytest
from deltalake import DeltaTable
from rich.console import Console

from globalbev_assets.errors import TransientError
from globalbev_assets.operations.alert_listing import show_list
from resources.alerts.messages import Delivery, Message
from resources.alerts.outbox import Recorded
from tests.alert_world import DAY, World, lines
from tests.unit.alert_cases import START


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One failed check, told of, in a table of two versions."""
    with dg.DagsterInstance.ephemeral() as instance:
        found = World(tmp_path, instance)
        found.tick()
        found.volume("bronze.orders")
        found.tick()
        yield found


def test_the_list_says_of_each_message_that_waits_since_when_and_why() -> None:
    first = Message("a-warn", "new", ("warn",), ("a",), "warning", "", START)
    refused = first.with_delivery("alerts-1", Delivery(3, None, None, "it answered 503")).with_delivery("alerts-2", Delivery(1, None, START))
    rest = {f"b{number}": replace(first, id=f"b{number}", created_at=START + timedelta(hours=1)) for number in range(30)}
    out = Console(file=StringIO(), width=200)
    show_list([], Recorded({}, {"a-warn": refused, **rest}), out)
    shown = out.file.getvalue()  # type: ignore[attr-defined]
    assert "2026-03-09 02:00  a-warn  alerts-1: it answered 503\n" in shown
    assert "2026-03-09 03:00  b0  not tried yet\n" in shown
    assert "31 messages wait to be sent, 1 were tried" in shown and shown.rstrip().endswith("and 11 more")


def table(world: World) -> Path:
    return Path(world.settings.lake_root) / "ops" / "alerts"


@pytest.mark.parametrize("content", [None, b"", b"PAR1nonsense"], ids=["gone", "empty", "garbage"])
def test_a_data_file_that_is_damaged_is_an_error_with_a_code_and_the_tick_fails(world: World, content: bytes | None) -> None:
    for uri in DeltaTable(str(table(world))).file_uris():
        Path(uri).unlink() if content is None else Path(uri).write_bytes(content)
    with pytest.raises(TransientError, match="GB-2203") as raised:
        world.tick()
    assert raised.value.todo.endswith("`globalbev help GB-2203` says how it is mended.")
    assert "part-" not in str(raised.value)  # a path is a customer's


def test_an_earlier_version_can_be_restored_and_what_followed_it_is_read_again(world: World) -> None:
    world.volume("bronze.stores")
    world.tick()
    (damaged,) = DeltaTable(str(table(world))).file_uris()
    Path(damaged).write_bytes(b"PAR1nonsense")
    DeltaTable(str(table(world))).restore(DeltaTable(str(table(world))).version() - 2)
    world.tick()
    assert sorted(one.table for one in world.recorded.incidents.values()) == ["bronze.orders", "bronze.stores"]


def test_a_folder_that_was_moved_aside_is_made_anew_from_the_events_that_follow(world: World) -> None:
    for number in range(600):
        world.volume("bronze.customers", observed=1.0 + number / 1000)
    world.tick()
    shutil.move(table(world), table(world).with_name("alerts.damaged"))
    world.volume("bronze.stores")
    world.tick()
    assert [one.table for one in world.recorded.incidents.values()] == ["bronze.stores"], "older ones than the last 500 events are not known"
    world.cursor = None
    world.tick()
    assert sorted(one.table for one in world.recorded.incidents.values()) == ["bronze.orders", "bronze.stores"]
    assert [line["title"].partition(",")[0] for line in lines(world.home)] == [
        "warning: bronze.orders", "warning: bronze.stores", "warning: bronze.orders",
    ]  # fmt: skip
    world.volume("bronze.orders", DAY, observed=1.0)
    world.tick()
    assert lines(world.home)[-1]["title"].startswith("Over: bronze.orders")
