"""One writer a table: a lease, taken for the commit only.

Locally one Spark server writes all tables, but a client that was killed does not stop its write: on the warm server it was seen to land 46 s
later. So whoever takes over the lease of a dead or hanging holder first ends that holder's session, and only then reads the table's version;
and whoever fails in its lease, or is interrupted, gives it back only when nothing of it runs on the server any more.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from globalbev_assets.contracts.names import TableName
from globalbev_assets.errors import TransientError
from resources.logs.events import emit
from resources.process_identity import is_process, start_of

WAIT_S = 180.0
TTL_S = 600.0
POLL_S = 0.2
GUARD_S = 60.0


def _nothing() -> None:
    """For a holder that leaves nothing running behind."""


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
    def is_mine(self) -> bool:
        """Whether it is this process."""
        return self.pid == os.getpid() and self.is_alive

    @property
    def is_alive(self) -> bool:
        """Whether that very process still runs; one that was killed and that its parent has not noticed yet does not."""
        return is_process(self.pid, self.started)


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
    def hold(self, table: TableName, session: str, run_id: str, settle: Callable[[], object] = _nothing) -> Iterator[Holder]:
        """Hold the table's lease; waits for a living holder, takes over from a dead or hanging one.

        Args:
            table: the table.
            session: the Spark session that writes, which a successor would end.
            run_id: the run, for the message to who waits.
            settle: called when the block fails: returns when nothing of it can land any more. When it cannot, the lease stays, so that
                whoever takes it over after this process ends the session first.

        Raises:
            TransientError: GB-1203, when a living holder did not give it back in time.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{table}.json"
        mine = self._take(path, table, session, run_id, settle)
        try:
            yield mine
        except BaseException:
            settle()
            self._give_back(path, mine)
            raise
        self._give_back(path, mine)

    def _give_back(self, path: Path, mine: Holder) -> None:
        # Not to be had, the guard is another's who hangs while taking over: the lease stays, and is taken over when this process has ended.
        with suppress(Timeout), self._guard(path, GUARD_S):
            if _read(path) == mine:
                path.unlink()

    def _take(self, path: Path, table: TableName, session: str, run_id: str, settle: Callable[[], object]) -> Holder:
        deadline = time.monotonic() + self.wait_s
        other = None
        while True:
            with suppress(Timeout), self._guard(path, min(GUARD_S, self.wait_s)):
                other = _read(path)
                if other is None or self._may_take_over(other):
                    if other is not None:
                        self._fence(other, session, settle)
                        emit("lease.taken_over", table=str(table), from_run=other.run_id, from_pid=other.pid, epoch=other.epoch + 1)
                    return _write(path, session, run_id, (other.epoch if other else 0) + 1)
            if time.monotonic() > deadline:
                raise self._still_held(table, other)
            time.sleep(POLL_S)

    def _may_take_over(self, other: Holder) -> bool:
        return not other.is_alive or other.is_mine or time.time() - other.taken_at > self.ttl_s

    def _fence(self, other: Holder, session: str, settle: Callable[[], object]) -> None:
        """See to it that nothing of the former holder can land any more."""
        if other.session == session:  # this process's own, from a try that could not be settled
            settle()
        else:
            self.end_session(other.session)

    def _still_held(self, table: TableName, other: Holder | None) -> TransientError:
        holder = (
            f"process {other.pid} (run {other.run_id}) since {time.time() - other.taken_at:.0f} s" if other else "a process that is taking it over"
        )
        return TransientError(
            "GB-1203",
            f"Another process is writing {table}.",
            got=holder,
            valid=f"a lease that is given back within {self.wait_s:.0f} s",
            todo="Wait for that run, or end it; `globalbev doctor` shows who holds what.",
        )

    @staticmethod
    def _guard(path: Path, timeout_s: float) -> FileLock:
        return FileLock(f"{path}.lock", timeout=timeout_s)


class NoLeases:
    """For storage whose commits exclude each other by themselves: nothing is held, nobody is waited for."""

    @contextmanager
    def hold(self, table: TableName, session: str, run_id: str, settle: Callable[[], object] = _nothing) -> Iterator[None]:  # noqa: ARG002
        """As :meth:`Leases.hold`; what fails is settled all the same."""
        try:
            yield
        except BaseException:
            settle()
            raise


def holders(folder: Path) -> dict[str, Holder]:
    """Who holds a lease of the lake now, by table; a dead holder's is there until somebody takes it over."""
    found = {path.stem: _read(path) for path in sorted(folder.glob("*.json"))}
    return {table: holder for table, holder in found.items() if holder is not None}


def _read(path: Path) -> Holder | None:
    try:
        return Holder(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):  # cut off by a power failure, which also ended whoever wrote it: nobody holds it
        return None


def _write(path: Path, session: str, run_id: str, epoch: int) -> Holder:
    holder = Holder(os.getpid(), start_of(os.getpid()), session, time.time(), epoch, run_id)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(asdict(holder)), encoding="utf-8")
    temporary.replace(path)
    return holder
