"""Shipping: what is logged goes to the spool at once and from there, by a thread of its own, to the receiver.

Nothing waits for the receiver. It is down, slow or busy: the lines stay in the spool, the pauses grow, and the next process goes on. A line may
arrive twice (an answer that was lost). It is lost when the spool is full or the receiver refuses the line itself, which is counted and logged as
``logs.lost``; when the home goes with its container; and when Azure cannot store what it took, which its rule logs (``DCRLogErrors``).
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from resources.logs.columns import row_of
from resources.logs.dagster_console import SHIPPED
from resources.logs.events import LOGGER, emit
from resources.logs.formatting import fields_of
from resources.logs.log_analytics import MISCONFIGURED_S, MOST_BYTES, LaterError, LogAnalytics, RefusedError, log_analytics
from resources.logs.spool import Spool
from resources.settings import Settings

THREAD = "globalbev-log-shipping"
INTERVAL_S = 5.0
FIRST_WAIT_S, MOST_WAIT_S = 5.0, 300.0
AT_EXIT_S = 3.0
Send = Callable[[Sequence[bytes]], None]


@dataclass(frozen=True)
class Shipped:
    """What one attempt came to. ``reason`` is empty when nothing is left to ship."""

    lines: int = 0
    lost: int = 0
    reason: str = ""
    wait_s: float | None = None


class ShippingHandler(logging.Handler):
    """Writes each record into the spool, redacted, as a row of the table."""

    def __init__(self, spool: Spool, environment: str) -> None:
        super().__init__(logging.INFO)
        self.name = SHIPPED
        self._spool, self._environment, self._host = spool, environment, socket.gethostname()
        self.failed_lines = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Spool a record; a disk that takes no more must not stop the work."""
        if threading.current_thread().name == THREAD and not record.name.startswith(LOGGER):
            return  # what the HTTP library says of the shipping would be shipped for ever
        try:
            row = row_of(fields_of(record), self._environment, self._host)
            self._spool.write(json.dumps(row, default=str, ensure_ascii=False).encode("utf-8", "replace"))
        except Exception:  # noqa: BLE001  logging never fails the work that it tells of
            self.failed_lines += 1


class Shipper:
    """The thread that ships one spool; starts with the first tick, lives with the process and keeps it from nothing."""

    def __init__(self, spool: Spool, receiver: LogAnalytics, interval_s: float = INTERVAL_S) -> None:
        self._spool, self._receiver, self._interval_s = spool, receiver, interval_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=THREAD, daemon=True)
        self._failures, self._not_before = 0, 0.0

    def start(self) -> None:
        """Begin; what a dead process left is shipped with the first tick."""
        self._thread.start()
        atexit.register(self.stop)
        os.register_at_fork(after_in_child=self._again)

    def stop(self, within_s: float = AT_EXIT_S) -> None:
        """Ship what is there, for so many seconds at most; the rest waits for the next process."""
        self._stop.set()
        self._thread.join(within_s)

    def tick(self) -> Shipped:
        """Ship what is there, unless the receiver asked to wait."""
        self._spool.seal()
        lost = self._spool.make_room()
        if lost:
            emit("logs.lost", lines=lost, reason="the spool is full")
        if time.monotonic() < self._not_before:
            return Shipped(reason="waiting", lost=lost)
        done = ship(self._spool, self._receiver.send)
        if done.lost:
            emit("logs.lost", lines=done.lost, reason="the receiver refuses the rows")
        self._failures = self._failures + 1 if done.reason else 0
        if done.reason:
            grown_s = min(FIRST_WAIT_S * 2 ** (self._failures - 1), MOST_WAIT_S) * random.uniform(0.5, 1.5)  # noqa: S311  jitter
            self._not_before = time.monotonic() + (done.wait_s if done.wait_s is not None else grown_s)
        return done

    def _run(self) -> None:
        while not self._stop.wait(self._interval_s):
            self._guarded_tick()
        self._guarded_tick()

    def _guarded_tick(self) -> None:
        try:
            self.tick()
        except OSError:  # the disk: the lines are tried again with the next tick
            self._not_before = time.monotonic() + FIRST_WAIT_S

    def _again(self) -> None:
        """A forked process has the handler and not the thread; and a lock that a thread of its parent may hold."""
        self._spool.renew()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=THREAD, daemon=True)
        self._thread.start()


def ship(spool: Spool, send: Send) -> Shipped:
    """Ship all that is ready, one process at a time; stops at the first failure, so that the order stays."""
    spool.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lines = lost = 0
    try:
        with FileLock(spool.folder / "shipping.lock", timeout=0):
            for batch in spool.batches(MOST_BYTES):
                try:
                    refused = _send_whole(batch.lines, send)
                except LaterError as later:
                    return Shipped(lines, lost, later.reason, later.wait_s)
                _keep_refused(spool.folder, refused)
                spool.done(batch)
                lines, lost = lines + len(batch.lines) - len(refused), lost + len(refused)
    except Timeout:
        return Shipped(lines, lost, "another process is shipping", INTERVAL_S)
    return Shipped(lines, lost)


def start_shipping(settings: Settings) -> None:
    """Ship what this process logs, if the settings name a receiver."""
    receiver = log_analytics(settings)
    if receiver is None:
        return
    spool = spool_of(settings)
    logging.getLogger().addHandler(ShippingHandler(spool, settings.env))
    Shipper(spool, receiver).start()


def spool_of(settings: Settings) -> Spool:
    """The spool of a home."""
    return Spool(settings.home / "logs" / "spool", settings.log_spool_mb * 1_000_000)


def _send_whole(lines: Sequence[bytes], send: Send) -> list[bytes]:
    """Send the lines of a batch, in parts where they are too many for a call; those that are refused by themselves are returned.

    Where first and last are both refused it is the rule that is wrong and not a row: all are kept for when it is mended.
    """
    try:
        send(lines)
    except RefusedError as refused:
        if len(lines) == 1:
            return list(lines)
        if refused.is_too_large:
            return _halved(lines, send)
        ends = [*_halved(lines[:1], send), *_halved(lines[-1:], send)]
        if len(ends) == 2:
            raise LaterError(refused.reason, MISCONFIGURED_S) from None
        return [*ends, *_halved(lines[1:-1], send)]
    return []


def _halved(lines: Sequence[bytes], send: Send) -> list[bytes]:
    if not lines:
        return []
    middle = len(lines) // 2
    try:
        if middle == 0:
            send(lines)
            return []
    except RefusedError:
        return list(lines)
    refused: list[bytes] = []
    for part in (lines[:middle], lines[middle:]):
        try:
            send(part)
        except RefusedError:
            refused += _halved(part, send) if len(part) > 1 else part
    return refused


def _keep_refused(folder: Path, lines: Sequence[bytes]) -> None:
    """The last refused lines, for whoever looks why."""
    if lines:
        (folder / "refused.jsonl").write_bytes(b"\n".join(lines[-100:]) + b"\n")
