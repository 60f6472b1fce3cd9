"""A circuit breaker whose state outlives the process, because every step of a run is a new one.

The state is one small JSON file a feed. pybreaker was read and left aside: its ``call`` holds a lock while the request runs,
so four workers would be one, and two processes that find the waiting time over would both send a probe.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from globalbev_assets.errors import TransientError
from partitions.days import now
from resources.api_errors import breaker_open, disk
from resources.atomic_files import write_text

Status = Literal["closed", "open", "probing"]
_LOCK_S = 10.0
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class BreakerState:
    """What is kept: failures in a row, since when it is open, until when a probe has the floor (seconds since 1970)."""

    address: str
    failures: int = 0
    opened_at: float | None = None
    probe_until: float = 0.0

    def status(self, at: float) -> Status:
        """Closed, open, or open with a probe under way."""
        if self.opened_at is None:
            return "closed"
        return "probing" if at < self.probe_until else "open"


class CircuitBreaker:
    """Opens after ``failures`` calls given up in a row, lets one probe through after ``open_s``, closes when that succeeds.

    Args:
        path: the state's file; its folder is made when missing.
        address: what is called; another address than the file's starts closed. Only its hash is kept.
        failures: calls given up in a row that open it.
        open_s: seconds until a probe.
        probe_s: seconds after which a probe whose process died is no longer waited for.
    """

    def __init__(self, path: Path, address: str, *, failures: int, open_s: float, probe_s: float) -> None:
        self._path, self._failures, self._open_s, self._probe_s = path, failures, open_s, probe_s
        self._address = hashlib.sha256(address.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def state(self) -> BreakerState:
        """The state as it is now; a missing or unreadable file is a closed breaker."""
        try:
            kept = BreakerState(**json.loads(self._path.read_text(encoding="utf-8")))
            is_sound = isinstance(kept.failures + kept.probe_until + (kept.opened_at or 0.0), float)
        except (OSError, ValueError, TypeError):
            return BreakerState(self._address)
        return kept if is_sound and kept.address == self._address else BreakerState(self._address)

    def is_open(self) -> bool:
        """Whether calls are refused at this moment."""
        return self.state().status(now().timestamp()) != "closed"

    def admit(self, wait_s: float) -> bool:
        """Let a call through, or refuse it; True when it is the one probe.

        While another's probe is under way its outcome is waited for, at most ``wait_s``: else three of four workers would fail
        in the very moment in which the service is back.

        Raises:
            TransientError: GB-1302, when the breaker is open.
        """
        end = time.monotonic() + wait_s
        while True:
            state, at = self.state(), now().timestamp()
            if state.status(at) == "closed":
                return False
            if state.status(at) == "open" and self._is_due(state, at) and self._take_probe():
                return True
            if self.state().status(at) == "open" or time.monotonic() >= end:
                raise self.refusal()
            time.sleep(_POLL_S)

    def succeeded(self, *, is_probe: bool) -> None:
        """Count a call that was answered: it ends the row of failures, and a probe closes the breaker."""
        state = self.state()
        if state.failures and (is_probe or state.opened_at is None):
            self._change(lambda kept: kept if kept.opened_at is not None and not is_probe else BreakerState(self._address))

    def failed(self, *, is_probe: bool) -> None:
        """Count a call that was given up; enough in a row, or a failed probe, open the breaker."""

        def count(kept: BreakerState) -> BreakerState:
            failures = kept.failures + 1
            if kept.opened_at is not None and not is_probe:
                return replace(kept, failures=failures)
            opens = is_probe or failures >= self._failures
            return BreakerState(self._address, failures, now().timestamp() if opens else None)

        self._change(count)

    def _is_due(self, state: BreakerState, at: float) -> bool:
        """Whether a probe may go; a clock that was set back may not keep the breaker open for ever."""
        return state.opened_at is not None and not 0 <= at - state.opened_at < self._open_s

    def _take_probe(self) -> bool:
        """Whether this caller is the one that probes, decided under the lock for all processes."""
        taken: list[bool] = []

        def take(kept: BreakerState) -> BreakerState:
            at = now().timestamp()
            if kept.status(at) != "open" or not self._is_due(kept, at):
                return kept
            taken.append(True)
            return replace(kept, probe_until=at + self._probe_s)

        self._change(take)
        return bool(taken)

    def _change(self, step: Callable[[BreakerState], BreakerState]) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self._path}.lock", timeout=_LOCK_S):
                before = self.state()
                after = step(before)
                if after != before:
                    write_text(self._path, json.dumps(asdict(after)))
        except (OSError, Timeout) as error:
            raise disk("The state of the circuit breaker cannot be written.", self._path, error) from error

    def refusal(self) -> TransientError:
        """The error of whoever finds it open."""
        state = self.state()
        since = datetime.fromtimestamp(state.opened_at or 0.0, UTC)
        return breaker_open(state.failures, since, since + timedelta(seconds=self._open_s), self._path)
