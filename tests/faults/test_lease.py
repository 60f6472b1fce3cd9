"""Who may write a table: a lease is waited for, taken over from the dead and the hanging, and never given back over a write that may still land."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from globalbev_assets.contracts.names import TableName
from globalbev_assets.errors import TransientError
from resources.lease import Leases

pytestmark = [pytest.mark.faults, pytest.mark.timeout(60)]
TABLE = TableName("silver", "refunds")
HOLDER = """
import sys, time
from pathlib import Path
from globalbev_assets.contracts.names import TableName
from resources.lease import Leases
with Leases(Path(sys.argv[1]), lambda session: None).hold(TableName("silver", "refunds"), "its-session", "its-run"):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""
COUNTER = """
import sys, time
from pathlib import Path
from globalbev_assets.contracts.names import TableName
from resources.lease import Leases
leases, file = Leases(Path(sys.argv[1]), lambda session: None, wait_s=60), Path(sys.argv[2])
for _ in range(10):
    with leases.hold(TableName("silver", "refunds"), "its-session", "its-run"):
        number = int(file.read_text())
        time.sleep(0.002)
        file.write_text(str(number + 1))
"""


class Ended(list[str]):
    """The sessions that were ended, in order."""


@pytest.fixture
def ended() -> Ended:
    return Ended()


@pytest.fixture
def leases(tmp_path: Path, ended: Ended) -> Leases:
    return Leases(tmp_path / "leases", ended.append, wait_s=1.0, ttl_s=60.0)


def hold_elsewhere(leases: Leases, seconds: float) -> subprocess.Popen[str]:
    """A process that holds the lease for some seconds."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(leases.folder), str(seconds)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


@pytest.fixture
def holder(leases: Leases) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lease for as long as the test lasts."""
    process = hold_elsewhere(leases, 300)
    yield process
    process.kill()
    process.wait()


def test_a_living_holder_is_waited_for_then_named(leases: Leases, ended: Ended, holder: subprocess.Popen[str]) -> None:
    started = time.monotonic()
    with pytest.raises(TransientError, match=rf"GB-1203[\s\S]*process {holder.pid} \(run its-run\)"), leases.hold(TABLE, "mine", "run"):
        pass
    assert 1.0 <= time.monotonic() - started < 5.0
    assert ended == []


def test_a_stopped_holder_counts_as_living_until_it_is_too_old(leases: Leases, ended: Ended, holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGSTOP)
    with pytest.raises(TransientError, match="GB-1203"), leases.hold(TABLE, "mine", "run"):
        pass
    hasty = Leases(leases.folder, ended.append, wait_s=1.0, ttl_s=0.5)
    with hasty.hold(TABLE, "mine", "run") as mine:
        assert ended == ["its-session"]
        assert mine.epoch == 2


def test_a_holder_that_wakes_up_does_not_take_the_lease_from_its_successor(leases: Leases, ended: Ended) -> None:
    sleeper = hold_elsewhere(leases, 2)
    sleeper.send_signal(signal.SIGSTOP)
    time.sleep(1)
    with Leases(leases.folder, ended.append, ttl_s=0.5).hold(TABLE, "mine", "run"):
        sleeper.send_signal(signal.SIGCONT)
        assert sleeper.wait(timeout=20) == 0
        assert json.loads((leases.folder / f"{TABLE}.json").read_text())["session"] == "mine"


def test_a_living_holder_that_gives_it_back_is_followed_at_once(leases: Leases, ended: Ended) -> None:
    holder = hold_elsewhere(leases, 0.5)
    with Leases(leases.folder, ended.append, wait_s=20).hold(TABLE, "mine", "run") as mine:
        assert (mine.epoch, ended) == (1, [])
    holder.wait()


@pytest.mark.parametrize("is_reaped", [True, False])
def test_a_dead_holders_session_is_ended_before_its_lease_is_taken(leases: Leases, is_reaped: bool, tmp_path: Path) -> None:
    """Also while its parent has not taken note of its death: it is a zombie then, with its number and its start."""
    holder = hold_elsewhere(leases, 300)
    holder.kill()
    if is_reaped:
        holder.wait()
    else:
        while psutil.Process(holder.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
    seen: list[tuple[str, str]] = []
    path = leases.folder / f"{TABLE}.json"
    watching = Leases(leases.folder, lambda session: seen.append((session, json.loads(path.read_text())["session"])))
    started = time.monotonic()
    with watching.hold(TABLE, "mine", "run"):
        assert seen == [("its-session", "its-session")], "the former holder's session was not ended first"
    assert time.monotonic() - started < 2
    holder.wait()


def test_when_the_dead_holders_session_cannot_be_ended_its_lease_is_not_taken(leases: Leases) -> None:
    holder = hold_elsewhere(leases, 300)
    holder.kill()
    holder.wait()
    before = (leases.folder / f"{TABLE}.json").read_text()

    def refuse(session: str) -> None:
        raise TransientError("GB-1132", "An interrupted Spark session does not end its work.")

    with pytest.raises(TransientError, match="GB-1132"), Leases(leases.folder, refuse).hold(TABLE, "mine", "run"):
        pass
    assert (leases.folder / f"{TABLE}.json").read_text() == before


def test_a_number_that_was_given_to_another_process_is_no_holder(leases: Leases, ended: Ended, holder: subprocess.Popen[str]) -> None:
    path = leases.folder / f"{TABLE}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"started": 1.0}))
    with leases.hold(TABLE, "mine", "run"):
        assert ended == ["its-session"]


@pytest.mark.parametrize("text", ["", "{", '{"pid": 1', "[]", "null", '{"pid": 7}', "\x00" * 64])
def test_a_half_written_lease_is_nobodys(text: str, leases: Leases, ended: Ended) -> None:
    leases.folder.mkdir()
    (leases.folder / f"{TABLE}.json").write_text(text)
    with leases.hold(TABLE, "mine", "run"):
        pass
    assert ended == []
    assert not (leases.folder / f"{TABLE}.json").exists()


def test_who_fails_gives_it_back_only_when_nothing_can_land_any_more(leases: Leases) -> None:
    path, settled = leases.folder / f"{TABLE}.json", []
    with pytest.raises(KeyboardInterrupt), leases.hold(TABLE, "mine", "run", lambda: settled.append(path.exists())):
        raise KeyboardInterrupt
    assert settled == [True]
    assert not path.exists()


def test_who_cannot_settle_keeps_it_and_its_own_next_try_settles_first(leases: Leases, ended: Ended) -> None:
    def unsettled() -> None:
        raise TransientError("GB-1132", "An interrupted Spark session does not end its work.")

    with pytest.raises(TransientError, match="GB-1132"), leases.hold(TABLE, "mine", "run", unsettled):
        raise RuntimeError
    assert (leases.folder / f"{TABLE}.json").exists()
    settled: list[bool] = []
    with leases.hold(TABLE, "mine", "run", lambda: settled.append(True)):
        assert (settled, ended) == ([True], [])
    with pytest.raises(TransientError), leases.hold(TABLE, "mine", "run", unsettled):
        raise RuntimeError
    with leases.hold(TABLE, "another session of this process", "run"):
        assert ended == ["mine"]


def test_only_one_of_many_holds_it_at_a_time(leases: Leases, tmp_path: Path) -> None:
    """A counter without any lock of its own: two holders at once would lose a step."""
    file = tmp_path / "counter"
    file.write_text("0")
    command = [sys.executable, "-c", COUNTER, str(leases.folder), str(file)]
    processes = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait(timeout=50) for process in processes] == [0] * 4
    assert file.read_text() == "40"
