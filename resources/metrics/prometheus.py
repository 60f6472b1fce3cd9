"""The lake's state in Prometheus' text form: printed, written for the node exporter's textfile collector, or served on the loopback."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from resources.metrics.instruments import Instrument
from resources.metrics.lake_state import Measured

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SUFFIXES = {"s": "_seconds", "1": "_ratio"}


def prometheus_name(instrument: Instrument) -> str:
    """``globalbev.freshness.lag`` in seconds is ``globalbev_freshness_lag_seconds``, as OpenTelemetry's own exporter names it."""
    plain, suffix = instrument.name.replace(".", "_"), _SUFFIXES.get(instrument.unit, "")
    return plain if plain.endswith(suffix) else plain + suffix


def as_text(measured: Sequence[Measured]) -> str:
    """All values, a family an instrument."""
    from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415  only whoever asks for this form needs it
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415

    by_instrument: defaultdict[str, list[Measured]] = defaultdict(list)
    for each in measured:
        by_instrument[each.instrument.name].append(each)

    class Collector:
        def collect(self) -> Any:
            for found in by_instrument.values():
                kind = found[0].instrument
                labels = [name.replace(".", "_") for name in kind.attributes]
                family = GaugeMetricFamily(prometheus_name(kind), kind.description, labels=labels)
                for each in found:
                    family.add_metric([each.attributes.get(name, "") for name in kind.attributes], each.value)
                yield family

    registry = CollectorRegistry()
    registry.register(Collector())
    return generate_latest(registry).decode()


def server(port: int, text: Callable[[], str]) -> ThreadingHTTPServer:
    """A server of ``/metrics`` on the loopback interface; the caller lets it serve. What fails is a 500 without details."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.partition("?")[0] != "/metrics":
                self.send_error(404)
                return
            try:
                with lock:  # one reader of the ledger at a time, whoever asks how often
                    body = text().encode()
            except Exception:  # noqa: BLE001  Prometheus takes the status; doctor says why
                self.send_error(500)
                return
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is the standard library's
            """Say nothing: a scrape a minute is no event."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)
