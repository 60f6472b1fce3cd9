"""The keeper of the warm Spark server: a small detached process that starts the JVM, records it and ends it when nobody needs it.

Started by :mod:`resources.spark_server_start` with the path of the launch as its argument; with ``{"adopt": …}`` in it, it keeps a server whose
first keeper was killed. It belongs to no client: one that is killed at any moment leaves neither an unrecorded JVM nor one that stays for ever.
Only the standard library and psutil are imported (14 MB).
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout

from resources.process_identity import start_of
from resources.spark_class_archive import make_archive
from resources.spark_server_activity import has_clients, has_jobs
from resources.spark_server_record import LOCK, LOG, RECORD, ServerRecord, forget_record, read_record, write_record

_END_S = 20.0
_PAUSE_S = 5.0
# After so long nobody is likely to want the machine; the short-lived homes of tests get no archive.
_ARCHIVE_AFTER_S = 180.0


def main() -> int:
    """Keep one server until it ends; the exit code is 0, or 1 when the JVM ended by itself."""
    launch: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    folder = Path(launch["folder"])
    adopted = launch.get("adopt")
    record, jvm = _adopt(folder, adopted) if adopted else _start(folder, launch)
    if record is None or jvm is None:
        return 1
    ended_by_us = _keep(folder, record, jvm, launch)
    forget_record(folder, record.launch)
    return 0 if ended_by_us else 1


def _start(folder: Path, launch: dict[str, Any]) -> tuple[ServerRecord, psutil.Process]:
    log = folder / LOG
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as out:
        jvm = psutil.Popen(launch["command"], cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
    # The token is the JVM's alone: in its environment, in the record of mode 0600, on no command line.
    token = os.environ["SPARK_CONNECT_AUTHENTICATE_TOKEN"]
    me = os.getpid()
    record = ServerRecord(**launch["record"], pid=jvm.pid, started=start_of(jvm.pid), keeper_pid=me, keeper_started=start_of(me), token=token)
    write_record(folder, record)
    return record, jvm


def _adopt(folder: Path, launch_id: str) -> tuple[ServerRecord | None, psutil.Process | None]:
    record = read_record(folder)
    if record is None or record.launch != launch_id or not record.is_alive():
        return None, None
    record = replace(record, keeper_pid=os.getpid(), keeper_started=start_of(os.getpid()))
    write_record(folder, record)
    return record, psutil.Process(record.pid)


def _keep(folder: Path, record: ServerRecord, jvm: psutil.Process, launch: dict[str, Any]) -> bool:
    """Wait until the JVM ends by itself (False), or is ended: because it was idle, or because its record is gone (True)."""
    idle_s = float(launch["idle_s"])
    pause_s = min(max(idle_s / 10, 0.2), _PAUSE_S)
    archive: list[str] = launch.get("archive") or []
    used_at = 0.0
    started_at = time.time()
    while True:
        with contextlib.suppress(psutil.TimeoutExpired):
            jvm.wait(timeout=pause_s)
        if not record.is_alive():
            return False
        recorded = read_record(folder)
        if recorded is None or recorded.launch != record.launch:
            # Its home was deleted, or somebody is ending it: a server that nobody finds would write tables beside the next one.
            _terminate(jvm)
            return True
        if has_clients(record.pid, record.port) or has_jobs(record.ui_port):
            used_at = time.time()
        idle_for_s = time.time() - max(started_at, used_at, _asked_for_at(folder))
        if idle_for_s > idle_s and _end(folder, record, jvm, idle_s):
            return True
        if archive and used_at and idle_for_s > _ARCHIVE_AFTER_S:
            make_archive(Path(archive[0]), *archive[1:])
            archive = []


def _asked_for_at(folder: Path) -> float:
    """When somebody last asked for the server: each asking touches the record."""
    try:
        return (folder / RECORD).stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _end(folder: Path, record: ServerRecord, jvm: psutil.Process, idle_s: float) -> bool:
    """End an idle server, unless somebody is just asking for it (then the lock is held, or the record was touched)."""
    try:
        with FileLock(folder / LOCK, timeout=0):
            if time.time() - _asked_for_at(folder) <= idle_s:
                return False
            forget_record(folder, record.launch)
            _terminate(jvm)
    except Timeout:
        return False
    return True


def _terminate(jvm: psutil.Process) -> None:
    with contextlib.suppress(psutil.Error):
        jvm.terminate()
        jvm.wait(timeout=_END_S)
    with contextlib.suppress(psutil.Error):
        jvm.kill()


if __name__ == "__main__":
    sys.exit(main())
