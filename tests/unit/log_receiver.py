"""Log Analytics on the loopback: the token's address and the ingestion API, failing by a script."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs


@dataclass
class Receiver:
    """What came, and what is answered: ``script`` is consumed first, one status (and Retry-After) a call."""

    url: str = ""
    script: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    token_status: int = 200
    silent_s: float = 0.0
    most_rows: int = 10_000
    refuses: str = "\0"
    rows: list[dict[str, Any]] = field(default_factory=list)
    calls: list[tuple[str, int, str]] = field(default_factory=list)
    forms: list[dict[str, list[str]]] = field(default_factory=list)

    def answer(self, path: str, headers: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        if path.endswith("/oauth2/v2.0/token"):
            self.forms.append(parse_qs(body.decode()))
            self.tokens.append(f"token-{len(self.tokens) + 1}")
            return self.token_status, {}, json.dumps({"access_token": self.tokens[-1], "expires_in": 3600}).encode()
        raw = gzip.decompress(body)
        rows = json.loads(raw)
        time.sleep(self.silent_s)
        status, more = self.script.pop(0) if self.script else (204, {})
        if headers["Authorization"] != f"Bearer {self.tokens[-1]}":
            status = 401
        if status < 300 and len(rows) > self.most_rows:
            status = 413
        if status < 300 and self.refuses in raw.decode():
            status = 400
        self.calls.append((path, status, f"{len(raw)} {headers['Content-Encoding']}"))
        if status < 300:
            self.rows += rows
        return status, more, b""


@contextmanager
def receiving(receiver: Receiver | None = None, port: int = 0) -> Iterator[Receiver]:
    """A receiver that serves until the block ends."""
    receiver = receiver or Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers, content = receiver.answer(self.path, self.headers, body)
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(content))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    class Server(ThreadingHTTPServer):
        allow_reuse_address = True
        daemon_threads = True

    server = Server(("127.0.0.1", port), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
