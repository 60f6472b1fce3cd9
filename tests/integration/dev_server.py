"""``dagster dev`` as a person starts it: a process of its own on a free port, asked through its GraphQL API, and always stopped."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_S, STOP_S = 120.0, 60.0
# A process started in the background ignores both signals, and `dagster dev` would then never end.
HEED_SIGNALS = (
    "import os, signal, sys; [signal.signal(each, signal.SIG_DFL) for each in (signal.SIGINT, signal.SIGTERM)]; os.execv(sys.argv[1], sys.argv[1:])"
)


@dataclass(frozen=True)
class DevServer:
    """A running ``dagster dev``."""

    url: str
    log: Path
    group: int = 0

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a GraphQL query; an answer with errors fails the test."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            found = json.load(answer)
        assert "errors" not in found, found["errors"]
        return dict(found["data"])


@contextmanager
def dev_server(folder: Path, variables: Mapping[str, str], project: Path) -> Iterator[DevServer]:
    """Start ``dagster dev`` in ``folder``, which has no ``.env`` of its own, on the project's definitions."""
    (folder / "workspace.yaml").write_text(
        f"load_from: [{{python_module: {{module_name: globalbev_assets.definitions, working_directory: {project}, location_name: globalbev}}}}]\n"
    )
    with serving(folder, variables) as server:
        yield server


@contextmanager
def serving(folder: Path, variables: Mapping[str, str]) -> Iterator[DevServer]:
    """Start ``dagster dev`` on the ``workspace.yaml`` of ``folder``; ``group``, its process group, may be killed meanwhile."""
    port = free_port()
    command = [
        sys.executable,
        "-c",
        HEED_SIGNALS,
        str(Path(sys.executable).with_name("dagster")),
        "dev",
        "-w",
        "workspace.yaml",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    log = folder / "dagster-dev.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    server = DevServer(f"http://127.0.0.1:{port}", log, process.pid)
    try:
        wait_for(lambda: is_up(server, process), START_S, server.log)
        yield server
    finally:
        process.poll()
        if is_alive(process.pid):
            stop(process)


def is_up(server: DevServer, process: subprocess.Popen[bytes]) -> bool:
    """Whether it answers; a process that ended fails the test."""
    assert process.poll() is None, server.log.read_text()[-3000:]
    try:
        with urllib.request.urlopen(f"{server.url}/server_info", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def stop(process: subprocess.Popen[bytes]) -> None:
    """SIGINT, as Ctrl-C sends it; whatever of its group is left after a minute is killed, and that is a failure."""
    os.killpg(process.pid, signal.SIGINT)
    deadline = time.monotonic() + STOP_S
    while time.monotonic() < deadline:
        process.poll()
        if not is_alive(process.pid):
            return
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
    raise AssertionError(f"dagster dev did not end in {STOP_S:.0f} s")


def is_alive(group: int) -> bool:
    """Whether a process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(is_true: Callable[[], bool], seconds: float, log: Path) -> None:
    """Ask until it is true; shows the end of the log when it never is."""
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, f"not true in {seconds:.0f} s\n{log.read_text()[-3000:]}"
        time.sleep(0.5)
