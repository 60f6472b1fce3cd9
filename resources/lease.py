"""One writer a table: a lease, taken for the commit only.

Locally one Spark server writes all tables, but a client that was killed does not stop its write: on the warm server it was seen to land 46 s
later. So whoever takes over the lease of a dead or hanging holder first ends that holder's session, and only then reads the table's version.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from filelock import FileLock

from globalbev_assets.contracts.names import TableName
from globalbev_assets.errors import TransientError

WAIT_S = 180.0
TTL_S = 600.0
POLL_S = 0.2


@dataclass(frozen=True)
class Holder:
    """Who holds a lease: process, its start (pids are used again), its Spark session, since when, and the lease's number."""

    pid: int
    started: float
    session: str
    taken_at: float
    epoch: int
    run_id: str

    @property
    def is_alive(self) -> bool:
        """Whether that very process still runs."""
        try:
            return abs(psutil.Process(self.pid).create_time() - self.started) < 1.0
        except psutil.NoSuchProcess:
            return False


@dataclass(frozen=True)
class Leases:
    """The leases of one lake.

    Attributes:
        folder: where the lease files lie, shared by all processes that write this lake.
        end_session: ends a Spark session for good, by its id.
        wait_s: how long to wait for a living holder.
        ttl_s: how long a living holder may keep a lease; a commit takes seconds, so one that is older hangs.
    """

    folder: Path
    end_session: Callable[[str], object]
    wait_s: float = WAIT_S
    ttl_s: float = TTL_S

    @contextmanager
    def hold(self, table: TableName, session: str, run_id: str) -> Iterator[Holder]:
        """Hold the table's lease; waits for a living holder, takes over from a dead or hanging one.

        Raises:
            TransientError: GB-1203, when a living holder did not give it back in time.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{table}.json"
        mine = self._take(path, table, session, run_id)
        try:
            yield mine
        finally:
            with self._guard(path):
                if _read(path) == mine:
                    path.unlink()

    def _take(self, path: Path, table: TableName, session: str, run_id: str) -> Holder:
        deadline = time.monotonic() + self.wait_s
        while True:
            with self._guard(path):
                other = _read(path)
                if other is None or self._may_take_over(other):
                    if other is not None:
                        self.end_session(other.session)
                    return _write(path, session, run_id, (other.epoch if other else 0) + 1)
            if time.monotonic() > deadline:
                raise TransientError(
                    "GB-1203",
                    f"Another process is writing {table}.",
                    got=f"process {other.pid} (run {other.run_id}) since {time.time() - other.taken_at:.0f} s",
                    valid=f"a lease that is given back within {self.wait_s:.0f} s",
                    todo="Wait for that run, or end it; `globalbev doctor` shows who holds what.",
                )
            time.sleep(POLL_S)

    def _may_take_over(self, other: Holder) -> bool:
        return not other.is_alive or time.time() - other.taken_at > self.ttl_s

    @staticmethod
    def _guard(path: Path) -> FileLock:
        return FileLock(f"{path}.lock", timeout=60)


def _read(path: Path) -> Holder | None:
    try:
        return Holder(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):  # half written by a process that died while writing: nobody holds it
        return Holder(pid=-1, started=0.0, session="", taken_at=0.0, epoch=0, run_id="?") if path.exists() else None


def _write(path: Path, session: str, run_id: str, epoch: int) -> Holder:
    holder = Holder(os.getpid(), psutil.Process().create_time(), session, time.time(), epoch, run_id)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(asdict(holder)), encoding="utf-8")
    temporary.replace(path)
    return holder
