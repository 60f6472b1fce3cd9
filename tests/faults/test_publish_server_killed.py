"""kill -9 of the Spark server before, during and after a commit: the client is told, or goes on with a new server by itself."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from resources.settings import Settings
from resources.spark_server import ensure_server, server_status, stop_server

from .refunds import MEMORY, ONE_DAY, Refunds, assert_day_is, assert_sound, wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]
OLD, NEW = 1, 2


@contextmanager
def own_server(fault_home: Path, folder: Path, kind: str = "by_day") -> Iterator[Refunds]:
    """A home whose server may be killed."""
    home = folder / "home"
    shutil.copytree(fault_home / "jars", home / "jars")
    settings = Settings(_env_file=None, home=home, spark_memory=MEMORY)
    yield Refunds(settings, kind)
    stop_server(settings)


def kill_server(refunds: Refunds) -> int:
    pid = server_status(refunds.settings).pid
    assert pid is not None
    psutil.Process(pid).kill()
    return pid


@pytest.fixture
def own(fault_home: Path, tmp_path: Path) -> Iterator[Refunds]:
    with own_server(fault_home, tmp_path) as found:
        yield found


@pytest.mark.slow  # a minute and a half
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


POINTS = ("publish.before_quarantine", "publish.after_quarantine", "publish.after_table", "step.before_ledger")


@pytest.mark.slow  # a minute each; that a killed server is replaced is in test_spark_server.py
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("kind", ["by_day", "by_key"])
def test_killed_between_the_commits_nothing_is_lost_or_done_twice(fault_home: Path, tmp_path: Path, kind: str, point: str) -> None:
    """The client waits at that point while its server dies, and goes on without a hand: with what is committed already, or with another server."""
    with own_server(fault_home, tmp_path, kind) as own:
        own.publish("first", OLD, ONE_DAY)
        marker = tmp_path / "reached"
        variables = {"GLOBALBEV_FAILPOINT": f"{point}:sleep=3", "GLOBALBEV_FAILPOINT_MARKER": str(marker)}
        client = own.start("after", NEW, ONE_DAY, **variables)
        wait_for(marker.exists, 150)
        kill_server(own)
        assert client.wait(timeout=200) == 0, client.communicate()
        assert_day_is(own, NEW, ONE_DAY[0])
        assert own.publish("again", NEW, ONE_DAY).rows[0].state == "unchanged"
        assert_sound(own, {ONE_DAY[0]: NEW})
        assert own.writers() == ["first", "after"]
