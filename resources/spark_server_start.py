"""Starting and ending one warm Spark server, by whoever holds the home's lock."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil

from globalbev_assets.errors import TransientError
from resources.logs.events import emit
from resources.settings import PROJECT
from resources.spark_profile import python_environment
from resources.spark_server_launch import Launch
from resources.spark_server_record import LOG, ServerRecord, forget_record, read_record

START_S = 90.0
_END_S = 20.0
_STARTS = 3
_PAUSE_S = 0.05
_TAIL_BYTES = 20_000


def start_server(folder: Path, launch: Launch) -> ServerRecord:
    """Start a server and wait until it answers.

    Raises:
        TransientError: GB-1121 when it does not answer in 90 s, GB-1122 when its JVM ends at once.
    """
    started = time.monotonic()
    for attempt in range(1, _STARTS + 1):
        shutil.rmtree(folder / "tmp", ignore_errors=True)
        (folder / "tmp").mkdir(parents=True)
        plan = launch.plan()
        keeper = _run_keeper(folder, plan, secrets.token_urlsafe(32))
        try:
            record = _wait_for_record(folder, str(plan["launch"]), keeper)
            wait_until_it_answers(folder, record)
            emit("server.started", pid=record.pid, port=record.port, memory=record.memory, duration_s=time.monotonic() - started)
            return record
        except TransientError:
            # A port that was free a moment ago was taken by somebody else: other ports, at most twice.
            if attempt == _STARTS or "BindException" not in _tail(folder / LOG):
                raise
    raise AssertionError  # the last attempt returned or raised


def adopt_server(folder: Path, record: ServerRecord, launch: Launch) -> None:
    """Give a living server, whose keeper was killed, a new keeper."""
    _run_keeper(folder, {"folder": str(folder), "adopt": record.launch, "idle_s": launch.idle_s}, record.token)


def wait_until_it_answers(folder: Path, record: ServerRecord) -> None:
    """Return when the server takes connections.

    Raises:
        TransientError: GB-1121 or GB-1122, after ending what was started.
    """
    deadline = time.monotonic() + START_S
    while not record.answers():
        if not record.is_alive():
            raise _not_started(folder, "GB-1122", "The Spark server ended as soon as it was started.")
        if time.monotonic() > deadline:
            end_server(folder, record)
            raise _not_started(folder, "GB-1121", f"The Spark server does not answer after {START_S:.0f} s.")
        time.sleep(_PAUSE_S)


def end_server(folder: Path, record: ServerRecord) -> None:
    """End a server and wait until it no longer writes tables; nothing happens to another process that has its number."""
    forget_record(folder, record.launch)
    if not record.is_alive():
        return
    with contextlib.suppress(psutil.Error):
        server = psutil.Process(record.pid)
        server.terminate()
        deadline = time.monotonic() + _END_S
        while record.is_alive() and time.monotonic() < deadline:
            time.sleep(_PAUSE_S)
        if record.is_alive():
            server.kill()
        emit("server.ended", pid=record.pid)


def _run_keeper(folder: Path, plan: dict[str, object], token: str) -> subprocess.Popen[bytes]:
    path = folder / "launch.json"
    path.write_text(json.dumps(plan), encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "-m", "resources.spark_server_main", str(path)],
        cwd=PROJECT,
        env=python_environment() | {"SPARK_CONNECT_AUTHENTICATE_TOKEN": token},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _wait_for_record(folder: Path, launch: str, keeper: subprocess.Popen[bytes]) -> ServerRecord:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and keeper.poll() is None:
        record = read_record(folder)
        if record is not None and record.launch == launch:
            return record
        time.sleep(_PAUSE_S)
    raise _not_started(folder, "GB-1122", "The Spark server ended as soon as it was started.")


def _not_started(folder: Path, code: str, what: str) -> TransientError:
    return TransientError(
        code,
        what,
        got=_reason(_tail(folder / LOG)),
        valid=f"an answer within {START_S:.0f} s",
        todo=f"Read {folder / LOG}; with too little memory, lower GLOBALBEV_SPARK_MEMORY. `globalbev doctor` checks Java and the JARs.",
    )


def _reason(log: str) -> str:
    """The last complaint in a log, with the line that explains it."""
    lines = [line.strip() for line in log.splitlines() if line.strip() and not line.lstrip().startswith(("at ", "..."))]
    complaints = [number for number, line in enumerate(lines) if any(mark in line for mark in ("Exception", "Error", "Invalid", "Could not"))]
    last = complaints[-1] if complaints else len(lines) - 1
    return ": ".join(lines[last : last + 2])[:300] if lines else "an empty log"


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""
