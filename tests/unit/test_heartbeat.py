"""``globalbev heartbeat``: one message a silence and one when it is over, also with the database locked, gone, or nobody to tell."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globalbev_assets.operations.heartbeat import Heartbeat, look
from globalbev_assets.operations.heartbeat_judgement import Memory, Sign, judge, told
from globalbev_assets.operations.heartbeat_notice import Apprise, LinesFile, Notice, notifiers
from globalbev_assets.operations.heartbeat_sensors import Sensor, signs_of_sensors
from globalbev_assets.operations.heartbeat_signs import signs_of_ui
from globalbev_assets.operations.heartbeat_state import MemoryFile
from resources.settings import Settings

ROOT = Path(__file__).parents[2]
MINUTES = 60.0


@dataclass
class Inbox:
    """Takes messages, or does not."""

    is_down: bool = False
    got: list[Notice] = field(default_factory=list)

    def send(self, notice: Notice) -> str:
        if self.is_down:
            return "it does not answer"
        self.got.append(notice)
        return ""


def test_what_was_well_too_long_ago_is_silent() -> None:
    signs = [Sign("the daemon SENSOR", 100.0), Sign("the UI", 700.0)]
    found = judge(signs, Memory(), at=700.0, silence_s=600.0)
    assert (found.is_silent, found.silent_since, found.notice) == (True, 100.0, "silent")
    assert found.reasons == ("the daemon SENSOR: nothing for 10 min",)
    assert not judge(signs, Memory(), at=699.0, silence_s=600.0).is_silent


def test_what_was_never_seen_counts_from_the_first_look() -> None:
    first = judge([Sign("the UI", None, what="no answer")], Memory(), at=1000.0, silence_s=600.0)
    assert not first.is_silent
    later = judge([Sign("the UI", None, what="no answer")], first.memory, at=1600.0, silence_s=600.0)
    assert later.reasons == ("the UI: nothing for 10 min (no answer)",)


def test_what_comes_seldom_may_be_older() -> None:
    assert not judge([Sign("ticks", 0.0, tolerance_s=3600.0)], Memory(), at=4000.0, silence_s=600.0).is_silent
    assert judge([Sign("ticks", 0.0, tolerance_s=3600.0)], Memory(), at=4200.0, silence_s=600.0).is_silent


def test_another_machines_clock_may_be_ahead() -> None:
    first = judge([Sign("the daemon SENSOR", 5000.0)], Memory(), at=1000.0, silence_s=600.0)
    assert judge([Sign("the daemon SENSOR", None)], first.memory, at=1600.0, silence_s=600.0).is_silent


def late(*sensors: Sensor, at: float = 5000.0) -> list[str]:
    """The sensors that are silent at a first look."""
    return list(judge(list(signs_of_sensors(sensors, at)), Memory(), at, silence_s=600.0).reasons)


def test_a_sensor_that_fails_at_every_tick_is_silent_since_its_last_good_one() -> None:
    others = Sensor("freshness", 30, tried=4990.0, good=4990.0, last="SKIPPED")
    assert late(others, Sensor("alerts", 30, since=10.0, tried=4980.0, good=4000.0, last="FAILURE")) == [
        "the sensor alerts: nothing for 17 min (its ticks fail)"
    ]
    assert late(others, Sensor("alerts", 30, since=10.0, tried=4980.0, good=4400.0, last="FAILURE")) == []
    assert late(others, Sensor("alerts", 3600, since=10.0, tried=4980.0, good=1400.0, last="FAILURE")) == []


def test_a_sensor_that_was_just_switched_on_is_not_silent() -> None:
    assert late(Sensor("alerts", 30, since=4900.0, tried=4980.0, last="FAILURE")) == []
    assert late(Sensor("alerts", 30, since=4900.0, tried=4980.0, good=100.0, last="FAILURE")) == []
    assert late(Sensor("alerts", 30, since=100.0, tried=4980.0, last="FAILURE")) == ["the sensor alerts: nothing for 82 min (its ticks fail)"]


def test_a_tick_that_does_not_end_is_silence_too() -> None:
    others = Sensor("freshness", 30, tried=4990.0, good=4990.0, last="SKIPPED")
    assert late(others, Sensor("alerts", 30, since=10.0, tried=3000.0, good=2970.0, last="STARTED")) == [
        "the sensor alerts: nothing for 34 min (a tick does not end)"
    ]
    assert late(others, Sensor("alerts", 30, since=10.0, tried=4980.0, good=4950.0, last="STARTED")) == []


def test_a_sensor_that_is_no_longer_in_the_code_is_not_missed() -> None:
    """Dagster keeps its state for ever."""
    others = Sensor("freshness", 30, tried=4990.0, good=4990.0, last="SKIPPED")
    assert late(others, Sensor("gone", 30, since=10.0, tried=4000.0, good=3000.0, last="FAILURE")) == []


def test_a_daemon_that_tries_no_sensor_is_told_once_and_not_of_each_sensor() -> None:
    assert late(*(Sensor(name, 30, since=10.0, tried=100.0, good=100.0, last="SKIPPED") for name in ("alerts", "freshness"))) == []


def test_what_falls_silent_beside_something_that_was_told_is_told_too() -> None:
    """A sensor that fails for days must not hide that the daemon dies."""
    hour = 60 * MINUTES
    signs = [Sign("the sensor x", 0.0, what="its ticks fail"), Sign("the daemon", hour)]
    first = judge(signs, Memory(), hour, silence_s=10 * MINUTES)
    assert first.notice == "silent"
    memory = told(first.memory, first.notice, first.names)
    assert judge(signs, memory, hour, silence_s=10 * MINUTES).notice == ""
    both = judge(signs, memory, 2 * hour, silence_s=10 * MINUTES)
    assert (both.notice, len(both.reasons)) == ("silent", 2)
    memory = told(both.memory, both.notice, both.names)
    assert judge(signs, memory, 3 * hour, silence_s=10 * MINUTES).notice == ""
    well = [Sign("the sensor x", 3 * hour), Sign("the daemon", 3 * hour)]
    assert judge(well, memory, 3 * hour, silence_s=10 * MINUTES).notice == "back"


def test_a_tick_that_is_under_way_is_no_trouble() -> None:
    sensor = Sensor("alerts", 30, since=10.0, tried=95.0, good=60.0, last="STARTED")
    assert [sign.what for sign in signs_of_sensors([sensor], 100.0)] == [""]


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40))
def test_there_is_one_message_a_silence_and_one_when_it_is_over(looks: list[tuple[bool, bool]]) -> None:
    """Whatever comes and goes, and whenever the receiver is down: messages alternate, and the last one says how it is."""
    memory, sent, is_silent = Memory(), [], False
    for minute, (is_well, can_send) in enumerate(looks):
        at = minute * MINUTES
        verdict = judge([Sign("x", at if is_well else None)], memory, at, silence_s=2 * MINUTES)
        memory, is_silent = verdict.memory, verdict.is_silent
        if verdict.notice and can_send:
            sent.append(verdict.notice)
            memory = told(memory, verdict.notice, verdict.names)
    assert sent[::2] == ["silent"] * len(sent[::2])
    assert sent[1::2] == ["back"] * len(sent[1::2])
    if looks and looks[-1][1]:
        assert (sent[-1:] == ["silent"]) == is_silent


def looked(home: Path, inbox: Inbox, silence_s: float = 600.0) -> Heartbeat:
    settings = Settings(home=home, _env_file=None)  # type: ignore[call-arg]
    return look(settings, silence_s, to=[inbox], with_ui=False)


@pytest.fixture
def dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """A storage that says that a daemon died an hour ago."""
    monkeypatch.setattr("globalbev_assets.operations.heartbeat.signs_of_storage", lambda _, at, __: [Sign("the daemon SENSOR", at - 3600)])


def test_a_home_that_is_gone_is_told_once_too(tmp_path: Path, dead: None) -> None:
    gone, inbox = tmp_path / "gone", Inbox()
    assert [looked(gone, inbox).exit_code for _ in range(2)] == [1, 1]
    assert [notice.kind for notice in inbox.got] == ["silent"]
    assert "dagster-silent.md" in inbox.got[0].body
    assert not gone.exists()


def test_nobody_told_is_told_by_the_next_look(tmp_path: Path, dead: None) -> None:
    inbox = Inbox(is_down=True)
    assert looked(tmp_path, inbox).problems == ("it does not answer",)
    inbox.is_down = False
    assert looked(tmp_path, inbox).problems == ()
    looked(tmp_path, inbox)
    assert [notice.kind for notice in inbox.got] == ["silent"]


def test_each_look_is_an_event_so_that_its_absence_can_be_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An alert in the cloud stays open as long as it is said, and another one asks whether anything is."""
    said: list[str] = []
    monkeypatch.setattr("resources.logs.events.LISTENERS", [lambda name, _: said.append(name)])
    for ago_s in (0.0, 3600.0, 3600.0, 0.0, 0.0):
        monkeypatch.setattr(
            "globalbev_assets.operations.heartbeat.signs_of_storage", lambda _, at, __, ago_s=ago_s: [Sign(f"since {ago_s}", at - ago_s)]
        )
        looked(tmp_path, Inbox())
    assert said == ["heartbeat.looked", "heartbeat.silent", "heartbeat.silent", "heartbeat.back", "heartbeat.looked"]


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"good_at": 3, "silent_since": null, "is_told": true}', "\0"])
def test_a_memory_that_is_garbage_is_no_memory(text: str, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "heartbeat.json").write_text(text)
    assert MemoryFile(tmp_path).read() == Memory()


def test_what_is_remembered_is_read_again(tmp_path: Path) -> None:
    memory = Memory({"the UI": 5.0}, 3.0, is_told=True)
    MemoryFile(tmp_path).write(memory)
    assert MemoryFile(tmp_path).read() == memory


@contextmanager
def ui(answer: bytes, status: int = 200, silent_s: float = 0.0) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(silent_s)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    serving = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{serving.server_address[1]}"
    finally:
        serving.shutdown()
        serving.server_close()


def workspace(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"data": {"workspaceOrError": {"__typename": "Workspace", "locationEntries": list(entries)}}}).encode()


LOADED = {"name": "globalbev", "loadStatus": "LOADED", "locationOrLoadError": {"__typename": "RepositoryLocation"}}
BROKEN = {
    "name": "globalbev",
    "loadStatus": "LOADED",
    "locationOrLoadError": {"__typename": "PythonError", "message": "no import for a@example.com\nx"},
}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (workspace(LOADED), [("the UI", True, ""), ("the code server globalbev", True, "")]),
        (workspace(BROKEN), [("the UI", True, ""), ("the code server globalbev", False, "no import for ***")]),
        (workspace(), [("the UI", True, ""), ("the code server", False, "the workspace has no code location")]),
        (b"<html>", [("the UI", False, "an answer that is none of Dagster's")]),
        (b'{"data": null}', [("the UI", False, "an answer that is none of Dagster's")]),
    ],
    ids=["loaded", "broken", "empty", "another service", "an error"],
)
def test_the_ui_says_how_the_code_server_is(answer: bytes, expected: list[tuple[str, bool, str]]) -> None:
    with ui(answer) as url:
        assert [(sign.name, sign.good_at == 5.0, sign.what) for sign in signs_of_ui(url, 5.0)] == expected


def test_a_ui_that_hangs_is_not_waited_for() -> None:
    with ui(workspace(LOADED), silent_s=3) as url:
        (sign,) = signs_of_ui(url, 5.0, within_s=0.3)
    assert sign.what == "no answer: ReadTimeout"


def test_addresses_are_the_alerts_and_never_shown(tmp_path: Path) -> None:
    class Given:
        home = tmp_path
        alerts = None

    assert isinstance(notifiers(Given())[0], LinesFile)  # type: ignore[arg-type]
    problem = Apprise("address 1 of GLOBALBEV_ALERTS", "nonsense://canary-token").send(Notice("silent", "t", "b", datetime.now(UTC)))
    assert problem == "address 1 of GLOBALBEV_ALERTS is malformed"


def test_a_webhook_gets_the_message() -> None:
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    serving = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    address = f"json://127.0.0.1:{serving.server_address[1]}/x"
    assert Apprise("address 1", address).send(Notice("back", "It works", "again", datetime.now(UTC))) == ""
    serving.shutdown()
    serving.server_close()
    assert (got[0]["title"], got[0]["message"], got[0]["type"]) == ("It works", "again", "success")
    assert (
        Apprise("address 1", address).send(Notice("back", "It works", "again", datetime.now(UTC)))
        == "address 1 does not answer, or refuses the message"
    )


def test_the_look_itself_needs_no_dagster() -> None:
    """It has to work where Dagster cannot even be imported."""
    code = "import sys, globalbev_assets.operations.heartbeat, resources.telemetry; print([name for name in ('dagster', 'pyspark') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
