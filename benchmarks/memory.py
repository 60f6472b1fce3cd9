"""Peak memory of a tree of processes and of the servers that it started, sampled."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import psutil

EVERY_S = 0.5


class PeakMemory(threading.Thread):
    """Samples the proportional memory of some processes until it is stopped: of this one and its children, or of those that ``found`` gives each time."""

    def __init__(self, also: Iterable[int] = (), found: Callable[[], Iterable[psutil.Process]] | None = None) -> None:
        super().__init__(daemon=True)
        self.peak_bytes = 0
        self.also = set(also)
        self._found = found or self._ours
        self._stop_asked = threading.Event()

    def run(self) -> None:
        """Sample until stopped."""
        while not self._stop_asked.wait(EVERY_S):
            self.peak_bytes = max(self.peak_bytes, self._now())

    def stop(self) -> int:
        """Stop and return the peak in bytes."""
        self._stop_asked.set()
        self.join()
        return self.peak_bytes

    def _ours(self) -> Iterable[psutil.Process]:
        found: dict[int, psutil.Process] = {}
        for root in [psutil.Process().pid, *self.also]:
            try:
                process = psutil.Process(root)
                found |= {each.pid: each for each in (process, *process.children(recursive=True))}
            except psutil.NoSuchProcess:
                continue
        return found.values()

    def _now(self) -> int:
        total = 0
        for process in self._found():
            try:
                total += process.memory_full_info().pss
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return total
