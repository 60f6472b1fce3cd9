"""What is known of the warm Spark server between processes: one JSON file of mode 0600, and whether it still tells the truth.

Only the standard library and psutil: the server's keeper imports this and is to stay small.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from dataclasses import asdict, dataclass, field
from pathlib import Path

from resources.process_identity import is_process

RECORD = "server.json"
LOCK = ".lock"
LOG = "server.log"
_PROBE_S = 2.0


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """A server that was started: who it is, where it listens, and what it was started with."""

    launch: str
    key: str
    pid: int
    started: float
    keeper_pid: int
    keeper_started: float
    port: int
    ui_port: int
    memory: str
    token: str = field(repr=False)

    def is_alive(self) -> bool:
        """Whether its process runs: the same process, not another one that was given its number."""
        return is_process(self.pid, self.started)

    def is_kept(self) -> bool:
        """Whether its keeper, which ends it when idle, runs."""
        return is_process(self.keeper_pid, self.keeper_started)

    def answers(self) -> bool:
        """Whether its port takes connections. Always asked before a client is made: one without a server waits for a quarter of an hour."""
        return is_listening(self.port)


def is_listening(port: int) -> bool:
    """Whether something on this machine takes connections on ``port``."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_PROBE_S):
            return True
    except OSError:
        return False


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def read_record(folder: Path) -> ServerRecord | None:
    """The record in ``folder``; a missing, cut off or foreign file is no record."""
    try:
        return ServerRecord(**json.loads((folder / RECORD).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_record(folder: Path, record: ServerRecord) -> None:
    """Write the record whole or not at all, readable by its owner alone."""
    unfinished = folder / f"{RECORD}.{os.getpid()}"
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(asdict(record), file)
    unfinished.replace(folder / RECORD)


def forget_record(folder: Path, launch: str) -> None:
    """Remove the record of one launch; that of a later launch stays."""
    record = read_record(folder)
    if record is not None and record.launch == launch:
        with contextlib.suppress(FileNotFoundError):
            (folder / RECORD).unlink()
