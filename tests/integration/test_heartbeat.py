"""The heartbeat against a real instance of Dagster: its SQLite storage alive, dead, locked and gone."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import InProcessCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, SensorInstigatorData, TickData, TickStatus
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._daemon.types import DaemonHeartbeat
from dagster._utils.error import SerializableErrorInfo
from filelock import FileLock

from globalbev_assets.errors import TransientError
from globalbev_assets.operations import heartbeat_state
from globalbev_assets.operations.heartbeat import Heartbeat, look, looks
from globalbev_assets.operations.heartbeat_notice import Notice
from globalbev_assets.operations.heartbeat_signs import signs_of_storage
from globalbev_assets.operations.heartbeat_state import MemoryFile
from resources.dagster_home import prepare_dagster_home
from resources.settings import Settings
from tests.unit.cli_runs import make_home, run

HOUR = 3600.0


class Inbox:
    """Keeps the kinds of messages."""

    def __init__(self) -> None:
        self.got: list[Notice] = []

    def send(self, notice: Notice) -> str:
        self.got.append(notice)
        return ""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = make_home(tmp_path, monkeypatch)
    monkeypatch.setenv("DAGSTER_HOME", str(prepare_dagster_home(home)))
    return home


def beat(at: float, *, leave_out: str = "") -> None:
    """Daemons that were alive at a time."""
    with dg.DagsterInstance.get() as instance:
        for kind in instance.get_required_daemon_types():
            if kind != leave_out:
                instance.add_daemon_heartbeat(DaemonHeartbeat(at, kind, "id"))


def tick(*ticks: tuple[float, TickStatus], status: InstigatorStatus = InstigatorStatus.RUNNING, name: str = "alerts", since: float = 1.0) -> None:
    """A sensor that looked at these times, and how that ended; kept as Dagster's daemon keeps it."""
    location = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name="x"))
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "repository"), name)
    newest, ended = max(ticks)
    good = None if ended == TickStatus.FAILURE else newest
    data = SensorInstigatorData(newest, None, 30, None, newest, since, last_tick_success_timestamp=good)
    state = InstigatorState(origin, InstigatorType.SENSOR, status, data)
    with dg.DagsterInstance.get() as instance:
        instance.add_instigator_state(state)
        for at, outcome in ticks:
            place = (state.instigator_origin_id, name, InstigatorType.SENSOR)
            error = SerializableErrorInfo("it fails", [], "ValueError") if outcome == TickStatus.FAILURE else None
            instance.create_tick(TickData(*place, outcome, at, [], error=error, selector_id=state.selector_id, end_timestamp=at))


def looked(home: Path, inbox: Inbox, silence_s: float = 600.0, within_s: float = 60.0) -> Heartbeat:
    settings = Settings(home=home, _env_file=None)  # type: ignore[call-arg]
    return look(settings, silence_s, to=[inbox], with_ui=False, within_s=within_s)


def names(found: Heartbeat) -> list[str]:
    return [reason.partition(":")[0] for reason in found.verdict.reasons]


def test_a_dead_daemon_is_named_and_its_return_is_told(home: Path) -> None:
    inbox = Inbox()
    beat(time.time() - HOUR)
    beat(time.time(), leave_out="SCHEDULER")
    tick((time.time() - HOUR, TickStatus.SKIPPED), status=InstigatorStatus.STOPPED)
    found = looked(home, inbox)
    assert (found.exit_code, names(found)) == (1, ["the daemon SCHEDULER"])
    assert re.fullmatch(r"GlobalBev: Dagster is silent for 6\d min", inbox.got[0].title)
    beat(time.time())
    assert looked(home, inbox).exit_code == 0, "a sensor that is off need not look"
    assert [notice.kind for notice in inbox.got] == ["silent", "back"]


def test_sensors_that_are_on_and_no_longer_look_are_silence(home: Path) -> None:
    beat(time.time())
    tick((time.time() - HOUR, TickStatus.SKIPPED))
    tick((time.time() - 2 * HOUR, TickStatus.SUCCESS), name="freshness")
    assert names(looked(home, Inbox())) == ["ticks of the sensors"]


def test_a_sensor_that_fails_at_every_tick_is_silence_although_it_is_tried(home: Path) -> None:
    beat(time.time())
    failed = [(time.time() - seconds, TickStatus.FAILURE) for seconds in (15, 1000, 2000)]
    tick((time.time() - HOUR, TickStatus.SKIPPED), *failed)
    tick((time.time() - 10, TickStatus.SKIPPED), name="freshness")
    tick((time.time() - 10, TickStatus.FAILURE), name="schema_drift", since=time.time() - 30)
    inbox = Inbox()
    assert names(looked(home, inbox)) == ["the sensor alerts"]
    assert "the sensor alerts: nothing for 60 min (its ticks fail)" in inbox.got[0].body


def test_a_locked_database_does_not_hold_the_look_up(home: Path) -> None:
    inbox = Inbox()
    beat(time.time())
    assert looked(home, inbox).exit_code == 0
    with sqlite3.connect(home / "dagster" / "history" / "runs.db") as lock:
        lock.execute("pragma locking_mode = exclusive")  # beside a write-ahead log, an exclusive transaction alone lets readers through
        lock.execute("begin exclusive")
        began = time.monotonic()
        assert looked(home, inbox, within_s=6).exit_code == 0, "a lock of a moment is no silence"
        found = looked(home, inbox, silence_s=0.1, within_s=6)
        assert time.monotonic() - began < 20
    said = r"Dagster's storage: nothing for \d min \(no answer within 6 s: it is locked, or down\)"
    assert [reason for reason in found.verdict.reasons if re.fullmatch(said, reason)], found.verdict.reasons
    assert [notice.kind for notice in inbox.got] == ["silent"]


def test_a_database_that_is_gone_is_told_and_not_made_again(home: Path) -> None:
    inbox = Inbox()
    beat(time.time())
    looked(home, inbox)
    runs = home / "dagster" / "history" / "runs.db"
    runs.unlink()
    assert looked(home, inbox, silence_s=0.1).exit_code == 1
    assert "FileNotFoundError" in inbox.got[0].body
    assert not runs.exists()


def test_a_dagster_that_cannot_be_opened_is_a_sign_too(home: Path) -> None:
    (home / "dagster" / "dagster.yaml").write_text("storage: {nonsense: true}\n")
    (sign,) = signs_of_storage(home / "dagster", 5.0)
    assert sign.good_at is None
    assert "Error" in sign.what


def test_the_command_says_it_and_its_exit_code_too(home: Path) -> None:
    beat(time.time())
    alive = run("heartbeat", "--no-ui")
    assert (alive.exit_code, alive.stdout) == (0, "Dagster is alive.\n"), alive.output
    (home / "state" / "heartbeat.json").unlink()
    beat(time.time() - HOUR)
    done = run("heartbeat", "--no-ui", "--json")
    assert done.exit_code == 1
    said = json.loads(done.stdout)
    assert (said["silent"], said["notice"], said["not_sent"]) == (True, "silent", [])
    (line,) = (home / "alerts" / "alerts.jsonl").read_text().splitlines()
    assert json.loads(line)["kind"] == "heartbeat_silent"


def test_one_that_stays_looks_again_whatever_a_look_could_not_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat_state, "WAIT_S", 0.1)
    settings = Settings(home=home, _env_file=None)  # type: ignore[call-arg]
    beat(time.time())
    seen = looks(settings, 600.0, 0.1, with_ui=False)
    with FileLock(MemoryFile(home)._lock):
        problem = next(seen)
    assert isinstance(problem, TransientError)
    assert problem.code == "GB-2420"
    codes = [look.exit_code for look in (next(seen), next(seen)) if isinstance(look, Heartbeat)]
    (home / "state" / "heartbeat.json").unlink()  # it knows that they were alive a moment ago
    beat(time.time() - HOUR)
    found = next(seen)
    assert isinstance(found, Heartbeat)
    assert ([*codes, found.exit_code], found.verdict.notice) == ([0, 0, 1], "silent")
