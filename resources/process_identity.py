"""Which process it is: its number is given again, and the time of day at which it began moves when the clock is set."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil


def start_of(pid: int) -> float:
    """What tells process ``pid`` from an earlier one of that number: its start, on Linux in ticks since the machine's.

    A time of day would not do: it is reckoned from the boot time, which moves when the clock is set (a laptop that wakes, a resumed machine),
    and a living server that is taken for dead gets a second one beside it, which writes the same tables.

    Raises:
        psutil.NoSuchProcess: there is none.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return float(stat.rpartition(")")[2].split()[19])
    except FileNotFoundError:
        return psutil.Process(pid).create_time()


def stamp_of(pid: int) -> str:
    """:func:`start_of` as digits, for a name."""
    return f"{start_of(pid):.0f}"


def age_s(started: float) -> float:
    """Seconds since :func:`start_of`, whatever was done to the clock meanwhile."""
    if Path("/proc/self/stat").exists():
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started / os.sysconf("SC_CLK_TCK")
    return time.time() - started


def is_process(pid: int, started: float) -> bool:
    """Whether process ``pid`` runs, has :func:`start_of` ``started``, and is no zombie."""
    try:
        return start_of(pid) == started and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False
