"""The warehouse inventory API, as its own process: ``python -m sandbox.inventory_server --home … --port …``.

Answers as ``sources/README.md`` says, and misbehaves now and then; a retry of the same page always succeeds.
"""

from __future__ import annotations

import argparse
import hmac
import json
import logging
import sys
import threading
import time
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .inventory_query import BadQuestionError, NoSnapshotError, Question, answer, parse
from .layout import Layout
from .mischief import EVERYDAY, Kind, Mischief, parse_kinds
from .state import load_secrets, load_state
from .stock import Stock, load_stock

log = logging.getLogger("inventory")
HANG_S, DRIP_S = 20.0, 0.05


class Warehouse(ThreadingHTTPServer):
    """The server with its stock; ``newest`` is read again whenever the sandbox has advanced."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, layout: Layout, port: int, mischief: Mischief, stock: Stock) -> None:
        self.layout, self.mischief, self.stock = layout, mischief, stock
        self.expected = f"Bearer {load_secrets(layout).token}".encode()
        self._newest: tuple[int, date] = (0, date.min)
        super().__init__(("127.0.0.1", port), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """A client that hangs up is no error of the server's; anything else is logged with its trace."""
        if not isinstance(sys.exception(), ConnectionError):
            log.exception("request failed")

    def service_actions(self) -> None:
        """End when the sandbox was deleted: nobody could stop this process by its pid file any more."""
        if not self.layout.state.is_file():
            log.warning("the sandbox is gone; ending")
            threading.Thread(target=self.shutdown, daemon=True).start()

    def newest(self) -> date:
        """The last day that has ended in the sandbox."""
        changed = self.layout.state.stat().st_mtime_ns
        if self._newest[0] != changed:
            state = load_state(self.layout)
            self._newest = (changed, state.last if state else date.min)
        return self._newest[1]


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Warehouse
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer health and inventory; everything else is unknown."""
        parts = urlsplit(self.path)
        if parts.path == "/v1/health":
            self._json(200, {"status": "ok"})
        elif parts.path != "/v1/inventory":
            self._json(404, {"error": "not_found"})
        elif not hmac.compare_digest(self.headers.get("Authorization", "").encode(), self.server.expected):
            self._json(401, {"error": "unauthorised"}, {"WWW-Authenticate": "Bearer"})
        else:
            self._inventory(parts.query)

    def _inventory(self, query: str) -> None:
        try:
            question = parse(query, self.server.newest())
        except BadQuestionError as error:
            return self._json(400, {"error": "bad_request", "message": str(error)})
        except NoSnapshotError:
            return self._json(404, {"error": "no_snapshot"})
        kind = self.server.mischief.draw(question.page, is_first=question.offset == 0)
        if kind is None:
            return self._json(200, answer(self.server.stock, question))
        return self._misbehave(kind, question)

    def _misbehave(self, kind: Kind, question: Question) -> None:
        if kind in ("500", "503", "429"):
            headers = {"Retry-After": "1"} if kind != "500" else {}
            return self._json(int(kind), {"error": "try_again"}, headers)
        if kind == "html":
            return self._send(200, b"<html><body><h1>Maintenance</h1></body></html>", {"Content-Type": "text/html"})
        if kind == "repeated":
            return self._json(200, answer(self.server.stock, question.at(max(0, question.offset - question.size))))
        body = answer(self.server.stock, question)
        if kind == "wrong_total":
            return self._json(200, body | {"total": body["total"] + 7})
        return self._half(kind, json.dumps(body).encode())

    def _half(self, kind: Kind, body: bytes) -> None:
        if kind == "truncated":
            return self._send(200, body[: len(body) * 2 // 3], {"Content-Type": "application/json"})
        if kind == "hang":
            time.sleep(HANG_S)
            return self._send(200, body, {"Content-Type": "application/json"})
        self._head(200, {"Content-Type": "application/json", "Content-Length": str(len(body))})
        for start in range(0, len(body), 512):
            self.wfile.write(body[start : start + 512])
            self.wfile.flush()
            time.sleep(DRIP_S)
        return None

    def _json(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(body).encode(), {"Content-Type": "application/json"} | (headers or {}))

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self._head(status, {"Content-Length": str(len(body))} | headers)
        self.wfile.write(body)
        self.wfile.flush()

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log without the client's address; the token never stands in a request line."""
        log.info(format, *args)


def main(arguments: list[str] | None = None) -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="sandbox.inventory_server", description="The sandbox's warehouse inventory API.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--misbehave", type=float, default=0.03, help="share of the answers that go wrong, 0 to 1")
    parser.add_argument("--kinds", type=parse_kinds, default=EVERYDAY, help="what may go wrong, comma-separated")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    layout = Layout(given.home)
    state = load_state(layout)
    seed = state.seed if state else 0
    server = Warehouse(layout, given.port, Mischief(seed, given.misbehave, layout.api_defects, given.kinds), load_stock(layout.inventory, seed))
    threading.Thread(target=server.stock.at_end_of, args=(server.newest(),), daemon=True).start()
    server.serve_forever(poll_interval=1.0)


if __name__ == "__main__":
    main()
