"""The automation's sensor as the daemon calls it: a cursor that is garbage, and a tick that is lost before its requests are."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from partitions.conditions import AUTOMATION_TAG
from tests.integration.automation_ticks import YESTERDAY, Ticks, definitions

DAY = str(YESTERDAY)


class Daemon:
    """Calls the sensor of the definitions as Dagster's daemon does; a tick that fails or is lost keeps the cursor of the one before."""

    def __init__(self, instance: dg.DagsterInstance, cursor: str | None = None) -> None:
        self._repository = definitions().get_repository_def()
        self._sensor = self._repository.get_sensor_def("automation")
        self._instance, self.cursor = instance, cursor

    def tick(self, *, is_lost: bool = False) -> list[dg.RunRequest]:
        context = dg.build_sensor_context(instance=self._instance, cursor=self.cursor, repository_def=self._repository)
        found = self._sensor.evaluate_tick(context)
        if not is_lost:
            self.cursor = found.cursor
        return list(found.run_requests or [])


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def come(instance: dg.DagsterInstance, *names: str) -> None:
    """A day of these tables comes by hand, its check passed."""
    Ticks(instance).come(*names)


def asked(requests: list[dg.RunRequest]) -> set[tuple[str | None, str]]:
    return {(request.partition_key, key.to_user_string()) for request in requests for key in request.asset_selection or ()}


def test_a_tick_that_is_killed_before_its_requests_asks_for_the_same_again_and_then_no_more(instance: dg.DagsterInstance) -> None:
    daemon = Daemon(instance)
    assert daemon.tick() == []
    come(instance, "bronze.customers")
    lost, again = daemon.tick(is_lost=True), daemon.tick()
    assert asked(lost) == asked(again) == {(DAY, "silver/customers")}
    assert daemon.tick() == []


def test_what_is_asked_for_is_tagged_and_brings_its_checks(instance: dg.DagsterInstance) -> None:
    daemon = Daemon(instance)
    daemon.tick()
    come(instance, "bronze.customers")
    (request,) = daemon.tick()
    assert request.tags[AUTOMATION_TAG] == "true"
    assert {"contract", "freshness"} <= {check.name for check in request.asset_check_keys or ()}


@pytest.mark.parametrize("garbage", ["garbage", "{}", "eJwDAAAAAAE=", '{"__class__": "AssetDaemonCursor"}', "null"])
def test_with_a_garbage_cursor_it_begins_anew_and_starts_no_flood(instance: dg.DagsterInstance, garbage: str) -> None:
    """Dagster's own sensor fails in every tick from then on."""
    come(instance, "bronze.customers")
    daemon = Daemon(instance, garbage)
    assert daemon.tick() == []
    come(instance, "bronze.customers")
    assert asked(daemon.tick()) == {(DAY, "silver/customers")}
