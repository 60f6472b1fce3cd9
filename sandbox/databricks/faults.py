"""What goes wrong on demand, so many times each; a rehearsal or a test sets it, the workspace uses it up."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "429",  # an answer that asks to wait a second
    "503",  # an answer that does not
    "half_events",  # the event file as somebody sees it who reads while it is written
    "empty_events",  # the same at its first moment, once it had been read with something in it: it is emptied before it is written
    "lost_answer",  # what was asked for is done, and its answer does not arrive
    "slow_start",  # the cluster takes `seconds` longer
    "no_start",  # the cloud has no machine: the run ends without having run
    "eviction",  # the machine is taken away, `seconds` after the step wrote its first events
    "eviction_after_commit",  # the same, as soon as rows of the table `path` (bronze/lots) are committed in the workspace's storage
    "hang",  # the step takes `seconds` longer
    "cancelled",  # somebody cancels the run in the workspace once it runs
    "expired_token",  # the token has run out
    "dbfs_off",  # the workspace has no DBFS
    "missing_library",  # a pin cannot be met
    "other_python",  # the runtime's Python is another
]


@dataclass
class Fault:
    """One kind, how many times more, for which part of the API, and its seconds."""

    kind: Kind
    times: int = 1
    path: str = ""
    seconds: float = 0.0


@dataclass
class Faults:
    """What is still to go wrong."""

    waiting: list[Fault] = field(default_factory=list)
    used: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, kind: Kind, *, times: int = 1, path: str = "", seconds: float = 0.0) -> None:
        """Let it go wrong so many times, only where ``path`` is part of the address if given."""
        with self._lock:
            self.waiting.append(Fault(kind, times, path, seconds))

    def first(self, kind: Kind) -> Fault | None:
        """The next of a kind, which is not used up by being looked at."""
        with self._lock:
            return next((fault for fault in self.waiting if fault.kind == kind), None)

    def take(self, kind: Kind, path: str = "") -> Fault | None:
        """Use one up, if there is one."""
        with self._lock:
            fault = next((fault for fault in self.waiting if fault.kind == kind and fault.path in path), None)
            if fault is None:
                return None
            fault.times -= 1
            if not fault.times:
                self.waiting.remove(fault)
            self.used.append(fault)
            return fault
