"""Databricks' REST API on loopback for tests that go through its own SDK: what is asked is handed to the test, and what it gives back is the answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

Answer = Callable[[str, str, dict[str, Any]], dict[str, Any]]
"""Verb, path and body → the JSON document."""


@contextmanager
def signed_in(answer: Answer) -> Iterator[None]:
    """Serve, with the SDK's settings in the environment for so long."""

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(answer("GET", self.path, {}))

        def do_POST(self) -> None:
            self._send(answer("POST", self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))

        def _send(self, document: dict[str, Any]) -> None:
            text = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("ARM_CLIENT_ID", "ARM_CLIENT_SECRET", "ARM_TENANT_ID", "DATABRICKS_CLIENT_ID", "DATABRICKS_AUTH_TYPE"):
            patch.delenv(name, raising=False)
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setenv("DATABRICKS_HOST", f"http://127.0.0.1:{server.server_address[1]}")
        patch.setenv("DATABRICKS_TOKEN", "of-the-test")
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
