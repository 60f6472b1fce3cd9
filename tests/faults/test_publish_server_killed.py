"""kill -9 of the Spark server before, during and after a commit: the client is told, or goes on with a new server by itself."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from resources.settings import Settings
from resources.spark_server import ensure_server, server_status, stop_server

from .refunds import MEMORY, ONE_DAY, Refunds, assert_day_is, assert_sound, wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]
OLD, NEW = 1, 2


@pytest.fixture
def own(fault_home: Path, tmp_path: Path) -> Iterator[Refunds]:
    """A home whose server may be killed."""
    home = tmp_path / "home"
    shutil.copytree(fault_home / "jars", home / "jars")
    settings = Settings(_env_file=None, home=home, spark_memory=MEMORY)
    yield Refunds(settings)
    stop_server(settings)


def kill_server(refunds: Refunds) -> int:
    pid = server_status(refunds.settings).pid
    assert pid is not None
    psutil.Process(pid).kill()
    return pid


def test_killed_under_a_step_the_step_goes_on_with_a_new_server(own: Refunds) -> None:
    """Before anything was committed, while the table is written, and after it: one run each, none needs a hand."""
    own.publish("first", OLD, ONE_DAY)
    killed: list[int] = []
    result = own.publish("before", NEW, ONE_DAY, before=lambda: killed or killed.append(kill_server(own)))
    assert result.error is None
    assert_sound(own, {ONE_DAY[0]: NEW})
    assert ensure_server(own.settings).pid not in killed

    client = own.start("during", NEW + 1, ONE_DAY, "--slow", "6")
    wait_for(lambda: (own.settings.home / "leases").exists() and list((own.settings.home / "leases").glob("*.json")), 120)
    wait_for(lambda: server_status(own.settings).has_jobs)
    time.sleep(2)
    kill_server(own)
    assert client.wait(timeout=200) == 0, client.communicate()
    assert_sound(own, {ONE_DAY[0]: NEW + 1})
    assert own.writers() == ["first", "before", "during"]


def test_killed_right_after_the_commit_nothing_is_lost_or_done_twice(own: Refunds, tmp_path: Path) -> None:
    marker = tmp_path / "reached"
    variables = {"GLOBALBEV_FAILPOINT": "publish.after_table:sleep=3", "GLOBALBEV_FAILPOINT_MARKER": str(marker)}
    client = own.start("after", NEW, ONE_DAY, **variables)
    wait_for(marker.exists, 150)
    kill_server(own)
    assert client.wait(timeout=100) == 0, client.communicate()
    assert_day_is(own, NEW, ONE_DAY[0])
    assert own.publish("again", NEW, ONE_DAY).rows[0].state == "unchanged"
    assert_sound(own, {ONE_DAY[0]: NEW})
    assert own.writers() == ["after"]
