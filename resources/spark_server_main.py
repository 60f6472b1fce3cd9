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

from resources.spark_server_activity import has_clients, has_jobs
from resources.spark_server_record import LOCK, LOG, RECORD, ServerRecord, forget_record, read_record, write_record

_END_S = 20.0
_ARCHIVE_S = 120.0
# Exit codes of a JVM that ran its shutdown to the end: by itself, and by SIGTERM.
_ENDED_IN_ORDER = (0, 143)


def main() -> int:
    """Keep one server until it ends; the exit code is 0, or 1 when the JVM ended by itself."""
    launch: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    folder = Path(launch["folder"])
    adopted = launch.get("adopt")
    record, jvm = _adopt(folder, adopted) if adopted else _start(folder, launch)
    if record is None or jvm is None:
        return 1
    ended_by_us = _keep(folder, record, jvm, idle_s=float(launch["idle_s"]))
    _save_archive(launch.get("archive"), jvm)
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
    me = psutil.Process()
    record = ServerRecord(**launch["record"], pid=jvm.pid, started=jvm.create_time(), keeper_pid=me.pid, keeper_started=me.create_time(), token=token)
    write_record(folder, record)
    return record, jvm


def _adopt(folder: Path, launch_id: str) -> tuple[ServerRecord | None, psutil.Process | None]:
    record = read_record(folder)
    if record is None or record.launch != launch_id or not record.is_alive():
        return None, None
    me = psutil.Process()
    record = replace(record, keeper_pid=me.pid, keeper_started=me.create_time())
    write_record(folder, record)
    return record, psutil.Process(record.pid)


def _keep(folder: Path, record: ServerRecord, jvm: psutil.Process, idle_s: float) -> bool:
    """Wait until the JVM ends by itself (False), or was idle for long enough and was ended (True)."""
    pause_s = min(max(idle_s / 10, 0.2), 15.0)
    busy_at = time.time()
    while True:
        with contextlib.suppress(psutil.TimeoutExpired):
            jvm.wait(timeout=pause_s)
        if not record.is_alive():
            return False
        if has_clients(record.pid, record.port) or has_jobs(record.ui_port):
            busy_at = time.time()
        if time.time() - max(busy_at, _asked_for_at(folder)) > idle_s and _end(folder, record, jvm, idle_s):
            return True


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
            jvm.terminate()
    except Timeout:
        return False
    with contextlib.suppress(psutil.TimeoutExpired):
        jvm.wait(timeout=_END_S)
    return True


def _save_archive(archive: str | None, jvm: psutil.Process) -> None:
    """Put the class-data archive, which the JVM wrote at its end, where the next start looks for it: whole or not at all."""
    code = None
    with contextlib.suppress(psutil.TimeoutExpired):
        code = jvm.wait(timeout=_ARCHIVE_S)
    if jvm.is_running():
        jvm.kill()
    written = Path(f"{archive}.new")
    if archive is None or not written.exists():
        return
    if code in _ENDED_IN_ORDER:
        written.replace(archive)
    else:
        written.unlink()


if __name__ == "__main__":
    sys.exit(main())
