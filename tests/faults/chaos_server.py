"""A paged inventory API on the loopback that misbehaves by a script: raw sockets, so that it can break HTTP itself.

``ChaosServer(stock)`` serves ``stock[day]`` in pages. ``script`` is asked before each answer and may return a :class:`Fault`;
the calls that came are kept in ``calls``.
"""

from __future__ import annotations

import json
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

Item = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One request: its number over all, the day and page it asks for, how often this very page was asked for before."""

    number: int
    day: str
    page: int
    repeat: int
    headers: str


@dataclass(frozen=True)
class Fault:
    """How one answer goes wrong. Exactly the fields that are set apply."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None  # sent instead of the page
    alter: Callable[[dict[str, Any]], dict[str, Any]] | None = None  # changes the page before it is sent
    prefix: bytes = b""
    cut: int | None = None  # bytes of the body that are sent and announced: a truncated document in a sound answer
    reset_after: int | None = None  # bytes of the body after which the connection is reset
    announce: int | None = None  # added to the true Content-Length
    silent_s: float = 0.0  # waits before the first byte
    drip_s: float = 0.0  # waits between single bytes of the body
    drip_headers_s: float = 0.0  # waits between single bytes of the head


class ChaosServer:
    """Serves until the ``with`` block ends; ``url`` is its base URL."""

    def __init__(self, stock: Mapping[str, Sequence[Item]], *, page_size: int = 10, script: Callable[[Call], Fault | None] = lambda _: None) -> None:
        self.stock, self.page_size, self.script = stock, page_size, script
        self.calls: list[Call] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                outer._serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads, block_on_close, allow_reuse_address, request_queue_size = True, False, True, 64

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> ChaosServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        waiting = b""
        try:
            while not self._closing.is_set():
                while b"\r\n\r\n" not in waiting:
                    got = connection.recv(65536)
                    if not got:
                        return
                    waiting += got
                head, _, waiting = waiting.partition(b"\r\n\r\n")
                if not self._answer(connection, head.decode("latin-1")):
                    return
        except OSError:
            return

    def _answer(self, connection: socket.socket, head: str) -> bool:
        call = self._note(head)
        fault = self.script(call) or Fault()
        self._closing.wait(fault.silent_s)
        body, status = self._page(call)
        if fault.alter is not None:
            body = json.dumps(fault.alter(json.loads(body))).encode()
        body = fault.prefix + (body if fault.body is None else fault.body)
        body = body[: fault.cut] if fault.cut is not None else body
        length = len(body) + (fault.announce or 0)
        if fault.status != 200 or fault.body is not None:
            status = fault.status
        lines = [
            f"HTTP/1.1 {status} X",
            f"Content-Length: {length}",
            "Content-Type: application/json",
            *(f"{name}: {value}" for name, value in fault.headers),
        ]
        self._send(connection, ("\r\n".join(lines) + "\r\n\r\n").encode(), fault.drip_headers_s)
        if fault.reset_after is not None:
            connection.sendall(body[: fault.reset_after])
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            connection.close()
            return False
        self._send(connection, body, fault.drip_s)
        return fault.announce is None

    def _send(self, connection: socket.socket, data: bytes, drip_s: float) -> None:
        if not drip_s:
            connection.sendall(data)
            return
        for value in data:
            if self._closing.wait(drip_s):
                return
            connection.sendall(bytes([value]))

    def _note(self, head: str) -> Call:
        query = parse_qs(urlsplit(head.split(" ")[1]).query)
        day, token = query.get("as_of", ["live"])[0], query.get("page_token", ["t1"])[0].removeprefix("t")
        page = int(token) if token.isdecimal() else 0
        with self._lock:
            repeat = sum(call.day == day and call.page == page for call in self.calls)
            call = Call(len(self.calls) + 1, day, page, repeat, head)
            self.calls.append(call)
        return call

    def _page(self, call: Call) -> tuple[bytes, int]:
        if call.day not in self.stock:
            return b'{"error":"no_snapshot"}', 404
        rows = self.stock[call.day]
        part = rows[(call.page - 1) * self.page_size : call.page * self.page_size]
        token = f"t{call.page + 1}" if call.page * self.page_size < len(rows) else None
        return json.dumps({"as_of": f"{call.day}T23:59:59Z", "total": len(rows), "items": part, "next_page_token": token}).encode(), 200


def stock_of(day: str, items: int) -> list[Item]:
    """Rows as the warehouse has them."""
    return [
        {
            "warehouse_id": f"W{number % 3}",
            "sku": f"SKU{number:05d}",
            "lot_id": None if number % 7 == 0 else f"L{number}",
            "on_hand": number,
            "reserved": 1.5,
            "reorder_point": 10,
            "sequence": 10_000 + number,
            "updated_at": f"{day}T12:00:00Z",
        }
        for number in range(items)
    ]


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait for something that another thread does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
