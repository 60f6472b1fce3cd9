"""Processes that outlive the command that started them: found and stopped by pid and start time, never by name."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path

import psutil

from .state import replace_file

SAME_START_S = 0.02


def _start_of(pid: int) -> float:
    """Its start: on Linux in ticks since the machine's, for a time of day moves when the clock is set, and a living server would be taken for dead."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return float(stat.rpartition(")")[2].split()[19])
    except FileNotFoundError:
        return psutil.Process(pid).create_time()


def remember(pid_file: Path, pid: int) -> None:
    """Write the pid file of a running process."""
    replace_file(pid_file, json.dumps({"pid": pid, "started": _start_of(pid)}), mode=0o644)


def find(pid_file: Path) -> psutil.Process | None:
    """The process of a pid file; a file whose pid is gone, or is another process by now, is removed."""
    try:
        stored = json.loads(pid_file.read_text())
        process = psutil.Process(int(stored["pid"]))
        starts = (_start_of(process.pid), process.create_time())  # an earlier version wrote the time of day
        is_same = any(abs(start - float(stored["started"])) < SAME_START_S for start in starts)
        if is_same and process.status() != psutil.STATUS_ZOMBIE:
            return process
    except FileNotFoundError:
        return None
    except (psutil.NoSuchProcess, ValueError, KeyError, TypeError):
        pass
    pid_file.unlink(missing_ok=True)
    return None


def stop(pid_file: Path, timeout_s: float = 10.0) -> bool:
    """Stop the process of a pid file: asked first, killed when it does not listen. True when there was one."""
    process = find(pid_file)
    if process is None:
        return False
    process.terminate()
    try:
        process.wait(timeout_s)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(timeout_s)
    pid_file.unlink(missing_ok=True)
    return True


def is_listening(port: int, timeout_s: float = 0.5) -> bool:
    """Whether something on this machine takes connections on the port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=timeout_s):
            return True
    except OSError:
        return False


def wait_for_port(port: int, process: psutil.Process, timeout_s: float = 15.0) -> bool:
    """Wait until the process listens; false when it ended or the time is over."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if is_listening(port):
            return True
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return False
        time.sleep(0.05)
    return False


def free_port(preferred: int = 0) -> int:
    """The preferred port while it is free, else any other."""
    for port in (preferred, 0) if preferred else (0,):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError(os.strerror(98))


def stop_postmaster(postmaster_pid: Path, data: Path) -> None:
    """End a PostgreSQL that serves this very data folder but whose pid file of ours was lost; forget it where it is another process."""
    try:
        process = psutil.Process(int(postmaster_pid.read_text().split()[0]))
        is_ours = str(data) in process.cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied, ValueError, IndexError):
        is_ours = False
    if is_ours:
        process.terminate()
        process.wait(15)
    postmaster_pid.unlink(missing_ok=True)
