"""The warm Spark Connect server of a home: started by whoever needs it first, shared by all, gone when idle.

What belongs here: finding, starting, replacing and ending it. How its JVM is called is :mod:`resources.spark_server_launch`, the process that
keeps it :mod:`resources.spark_server_main`. A cold JVM costs 24-26 s until its first write and replace are through; warm, a client connects in 2 s.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from globalbev_assets.errors import TerminalError, TransientError
from resources.settings import Settings
from resources.spark_profile import spark_folder
from resources.spark_server_activity import has_clients, has_jobs
from resources.spark_server_launch import Launch
from resources.spark_server_record import LOCK, LOG, RECORD, ServerRecord, read_record
from resources.spark_server_start import START_S, adopt_server, end_server, start_server, wait_until_it_answers

# A run of ours is between two jobs for seconds; a server that had none for a minute is not in the middle of one.
_BUSY_S = 60.0


@dataclass(frozen=True, slots=True)
class ServerHandle:
    """A server that answers. The host is the word ``localhost``: a token over plain text is refused for ``127.0.0.1``."""

    port: int
    pid: int
    ui_port: int
    token: str = field(repr=False)
    host: str = "localhost"

    @property
    def address(self) -> str:
        """Where it listens, without the token."""
        return f"sc://{self.host}:{self.port}"

    @property
    def ui(self) -> str:
        """Address of the Spark UI, on the loopback interface."""
        return f"http://127.0.0.1:{self.ui_port}"


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What `globalbev doctor` shows of the server."""

    is_running: bool
    is_current: bool = False
    has_clients: bool = False
    has_jobs: bool = False
    pid: int | None = None
    ui: str | None = None
    memory: str | None = None
    rss_bytes: int = 0
    log: Path | None = None


def ensure_server(settings: Settings, *, idle_s: float | None = None) -> ServerHandle:
    """The running server of ``settings.home``, started or replaced when need be.

    Args:
        settings: home, memory and idle time.
        idle_s: another idle time than ``settings.spark_idle_minutes``, in seconds, for tests.

    Raises:
        TransientError: GB-1121 when it does not answer in 90 s, GB-1122 when its JVM ends at once, GB-1123 when one with other
            settings is at work, GB-1124 when another process holds the lock.
        TerminalError: GB-1125, when the home cannot be written.
    """
    folder = spark_folder(settings.home)
    launch = Launch(settings, settings.spark_idle_minutes * 60.0 if idle_s is None else idle_s)
    try:
        found = _usable(folder, launch.key)
        if found:
            return found
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _locked(folder):
            return _usable(folder, launch.key) or _start_or_wait(folder, launch)
    except OSError as error:
        raise _not_writable(folder, error) from error


def stop_server(settings: Settings) -> bool:
    """End the server of ``settings.home`` and wait until it is gone; False when none ran."""
    folder = spark_folder(settings.home)
    if not folder.exists():
        return False
    # Under the lock: one that is just being started is waited for, and ended.
    with _locked(folder):
        record = read_record(folder)
        was_alive = record is not None and record.is_alive()
        if record is not None:
            end_server(folder, record)
        return was_alive


def server_status(settings: Settings) -> ServerStatus:
    """What is known of the server, without starting one."""
    folder = spark_folder(settings.home)
    record = read_record(folder)
    if record is None or not record.is_alive():
        return ServerStatus(is_running=False, log=folder / LOG)
    return ServerStatus(
        is_running=record.answers(),
        is_current=record.key == Launch(settings, settings.spark_idle_minutes * 60.0).key,
        has_clients=has_clients(record.pid, record.port),
        has_jobs=has_jobs(record.ui_port),
        pid=record.pid,
        ui=f"http://127.0.0.1:{record.ui_port}",
        memory=record.memory,
        rss_bytes=_rss_bytes(record.pid),
        log=folder / LOG,
    )


def running_server(settings: Settings) -> ServerHandle | None:
    """The server of ``settings.home``, with whatever settings, when its process lives; None is certain: then nothing of it can land any more.

    Raises:
        TransientError: GB-1121, when it lives and does not answer; GB-1124, when another process holds the lock.
    """
    folder = spark_folder(settings.home)
    if not folder.exists():
        return None
    # Under the lock: one that is being ended has no record, and its last commit may be on its way.
    with _locked(folder):
        record = read_record(folder)
        if record is None or not record.is_alive():
            return None
        wait_until_it_answers(folder, record)
        return _handle(record)


def _usable(folder: Path, key: str) -> ServerHandle | None:
    """A handle on the recorded server, when it is the wanted one, lives, is kept and answers."""
    record = read_record(folder)
    if record is None or record.key != key or not record.is_kept() or not record.is_alive():
        return None
    # Seen by the keeper: it does not end a server that was just asked for.
    with contextlib.suppress(FileNotFoundError):
        os.utime(folder / RECORD)
    return _handle(record) if record.answers() else None


def _start_or_wait(folder: Path, launch: Launch) -> ServerHandle:
    record = read_record(folder)
    if record is not None and record.is_alive() and record.key == launch.key:
        # Its keeper or its starter was killed, or it was only slow to answer.
        with contextlib.suppress(TransientError):
            if not record.is_kept():
                adopt_server(folder, record, launch)
            wait_until_it_answers(folder, record)
            return _handle(record)
    if record is not None:
        _refuse_when_at_work(record, launch)
        end_server(folder, record)
    return _handle(start_server(folder, launch))


def _refuse_when_at_work(record: ServerRecord, launch: Launch) -> None:
    """A server with other settings is not taken away from under a job, nor between two jobs of one run."""
    if record.key != launch.key and record.is_alive() and has_jobs(record.ui_port, within_s=_BUSY_S) and has_clients(record.pid, record.port):
        raise TransientError(
            "GB-1123",
            "The Spark server of this home runs with other settings and is at work.",
            got=f"process {record.pid} with {record.memory} of memory",
            valid="one server a home, replaced when it has been idle for a minute",
            todo="Wait for the run to end, or end the server with `make down`.",
        )


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Held by one process of the home at a time; the kernel frees it when its holder dies."""
    try:
        with FileLock(folder / LOCK, timeout=2 * START_S):
            yield
    except Timeout as error:
        raise TransientError(
            "GB-1124",
            "Another process has been starting or ending the Spark server for too long.",
            got=f"{folder / LOCK} is held",
            valid="seconds",
            todo="End that process, then try again.",
        ) from error


def _not_writable(folder: Path, error: OSError) -> TerminalError:
    return TerminalError(
        "GB-1125",
        "The Spark server's folder cannot be written.",
        got=f"{error.strerror or type(error).__name__}: {folder}",
        valid="a folder of yours on a disk with a gigabyte free",
        todo="Set GLOBALBEV_HOME to such a folder, or free space.",
    )


def _handle(record: ServerRecord) -> ServerHandle:
    return ServerHandle(port=record.port, pid=record.pid, ui_port=record.ui_port, token=record.token)


def _rss_bytes(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
