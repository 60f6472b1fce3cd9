"""Metrics: counted from events, measured from the ledger; names by convention, off by default, and a receiver that is down holds nothing up."""

from __future__ import annotations

import gzip
import json
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from globalbev_assets.errors import TerminalError, TransientError
from partitions.days import now
from resources.ledger import Ledger, LedgerRow
from resources.logs.events import LISTENERS, bound, emit
from resources.metrics.export import exporters
from resources.metrics.from_events import EventMeters
from resources.metrics.instruments import OF_EVENTS, OF_LAKE
from resources.metrics.lake_state import lag_s, lake_state
from resources.metrics.prometheus import as_text, prometheus_name, server
from resources.metrics.push import push
from resources.settings import Settings
from tests.unit.contract_files import packaged

ROOT = Path(__file__).parents[2]
AT = datetime(2026, 5, 4, 6, tzinfo=UTC)
COUNTS = {"rows_in": 10, "published": 7, "quarantined": 2, "deduplicated": 1, "superseded": 0, "unaccounted": 0}


@pytest.fixture
def reader() -> Iterator[InMemoryMetricReader]:
    found = InMemoryMetricReader()
    meters = EventMeters(MeterProvider([found], shutdown_on_exit=False).get_meter("globalbev"))
    LISTENERS.append(meters)
    yield found
    LISTENERS.remove(meters)


def points(reader: InMemoryMetricReader) -> dict[tuple[str, tuple[tuple[str, str], ...]], Any]:
    data = reader.get_metrics_data()
    return {
        (metric.name, tuple(sorted(point.attributes.items()))): getattr(point, "value", None) if hasattr(point, "value") else (point.count, point.sum)
        for resource in (data.resource_metrics if data else [])
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    }


def test_a_step_is_counted_from_its_events(reader: InMemoryMetricReader) -> None:
    with bound(run_id="r", step="silver_sales", asset="silver.orders"):
        emit("source.read", source="database", rows=10, duration_s=0.5)
        emit("table.retry", attempt=2, wait_s=1.0, code="GB-1230", reason="x")
        emit("table.committed", version=3, day_count=2, duration_s=1.5)
        emit("table.published", duration_s=4.0, published_days=2, unchanged_days=1, **COUNTS)
        emit("table.held", held_days=1, first_held_day="2026-05-01", reason="x")
        emit("table.failed", code="GB-1230", reason="x", duration_s=2.0)
        emit("step.ended", duration_s=9.0, tables=1)
    table = (("globalbev.layer", "silver"), ("globalbev.table", "silver.orders"))
    found = points(reader)
    assert found == {
        ("globalbev.rows", (table[0], ("globalbev.outcome", "published"), table[1])): 7,
        ("globalbev.rows", (table[0], ("globalbev.outcome", "quarantined"), table[1])): 2,
        ("globalbev.rows", (table[0], ("globalbev.outcome", "deduplicated"), table[1])): 1,
        ("globalbev.days", (("globalbev.day.state", "published"), *table)): 2,
        ("globalbev.days", (("globalbev.day.state", "unchanged"), *table)): 1,
        ("globalbev.days", (("globalbev.day.state", "held"), *table)): 1,
        ("globalbev.commits", table): 1,
        ("globalbev.commit.duration", table): (1, 1.5),
        ("globalbev.publish.duration", table): (2, 6.0),
        ("globalbev.source.duration", (table[0], ("globalbev.source", "database"), table[1])): (1, 0.5),
        ("globalbev.table.failures", (("error.type", "GB-1230"), *table)): 1,
        ("globalbev.retries", table): 1,
        ("globalbev.step.duration", (("globalbev.layer", "silver"), ("globalbev.step", "silver_sales"))): (1, 9.0),
    }


def test_every_instrument_of_events_is_filled_by_some_event() -> None:
    """The test above emits one of each: an instrument that nothing fills is missing there."""
    source = Path(__file__).read_text()
    assert [each.name for each in OF_EVENTS if f'("{each.name}", ' not in source] == []


def test_names_and_units_follow_the_conventions() -> None:
    """Dots between words, no unit and no ``_total`` in a name, units by UCUM, counted things in braces."""
    for each in (*OF_EVENTS, *OF_LAKE):
        assert re.fullmatch(r"globalbev(\.[a-z]+)+", each.name), each
        assert re.fullmatch(r"s|1|\{[a-z]+\}", each.unit), each
        assert each.description.endswith("."), each
        assert each.kind != "histogram" or (each.unit == "s" and each.name.endswith(".duration")), each
        assert all(re.fullmatch(r"(globalbev|error)\.[a-z.]+", name) for name in each.attributes), each
    names = [each.name for each in (*OF_EVENTS, *OF_LAKE)]
    assert len(names) == len(set(names))


def test_a_listener_that_breaks_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def broken(name: str, fields: Any) -> None:
        raise RuntimeError("out of order")

    LISTENERS.append(broken)
    emit("server.ended", pid=1)
    emit("server.ended", pid=1)
    assert broken not in LISTENERS
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == ["a listener of events broke and is asked no more"]


def test_counting_costs_little(reader: InMemoryMetricReader) -> None:
    started = time.process_time()
    with bound(asset="silver.orders"):
        for _ in range(200):
            emit("table.published", duration_s=4.0, published_days=2, unchanged_days=1, **COUNTS)
    assert (time.process_time() - started) / 200 < 0.002


def row(table: str, day: int, state: str = "published", **figures: Any) -> LedgerRow:
    return LedgerRow(table, date(2026, 5, day), "run", state, now(), "1.0.0", **figures)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    Ledger(str(tmp_path / "lake")).append(
        [
            row("silver.orders", 1, rows_in=10, published=9, quarantined=1),
            row("silver.orders", 2, "unchanged", rows_in=8, published=6, quarantined=2),
            row("silver.orders", 3, "held", rows_in=9, quarantined=9),
            row("bronze.orders", 3, "failed"),
        ]
    )
    return Settings(home=tmp_path, _env_file=None)  # type: ignore[call-arg]


def test_the_lakes_state_is_read_from_the_ledger(settings: Settings) -> None:
    found = {(each.instrument.name, each.attributes.get("globalbev.table")): each.value for each in lake_state(settings, packaged(), AT)}
    assert found == {
        ("globalbev.days.held", "silver.orders"): 1,
        ("globalbev.days.failed", "silver.orders"): 0,
        ("globalbev.quarantine.rows", "silver.orders"): 3,
        ("globalbev.freshness.lag", "silver.orders"): 30 * 3600,
        ("globalbev.quarantine.ratio", "silver.orders"): 0.25,
        ("globalbev.days.held", "bronze.orders"): 0,
        ("globalbev.days.failed", "bronze.orders"): 1,
        ("globalbev.quarantine.rows", "bronze.orders"): 0,
    }
    assert lag_s(date(2026, 5, 4), AT) == 0


def test_alerts_that_wait_are_counted(settings: Settings) -> None:
    rows = [("message", "waiting"), ("message", "sent"), ("incident", "open"), ("message", "waiting")]
    write_deltalake(f"{settings.lake_root}/ops/alerts", pa.table({"kind": [kind for kind, _ in rows], "state": [state for _, state in rows]}))
    assert lake_state(settings, packaged(), AT)[-1].value == 2


def test_prometheus_reads_the_text(settings: Settings) -> None:
    text = as_text(lake_state(settings, packaged(), AT))
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert set(families) == {
        "globalbev_freshness_lag_seconds", "globalbev_days_held", "globalbev_days_failed", "globalbev_quarantine_rows", "globalbev_quarantine_ratio",
    }  # fmt: skip
    (lag,) = families["globalbev_freshness_lag_seconds"].samples
    assert (lag.labels, lag.value) == ({"globalbev_table": "silver.orders", "globalbev_layer": "silver"}, 108_000.0)
    assert len({prometheus_name(each) for each in (*OF_EVENTS, *OF_LAKE)}) == len((*OF_EVENTS, *OF_LAKE))


def test_the_endpoint_serves_metrics_and_nothing_else() -> None:
    answers = iter(["a 1\n", None])

    def text() -> str:
        found = next(answers)
        if found is None:
            raise RuntimeError("canary-detail")
        return found

    serving = server(0, text)
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    try:
        assert serving.server_address[0] == "127.0.0.1"
        url = f"http://127.0.0.1:{serving.server_address[1]}"
        with urlopen(f"{url}/metrics", timeout=5) as answer:
            assert (answer.read(), answer.headers["Content-Type"]) == (b"a 1\n", "text/plain; version=0.0.4; charset=utf-8")
        for path, status in (("/metrics", 500), ("/", 404), ("/../etc/passwd", 404)):
            with pytest.raises(HTTPError) as caught:
                urlopen(f"{url}{path}", timeout=5)
            assert caught.value.code == status
            assert b"canary-detail" not in caught.value.read()
    finally:
        serving.shutdown()
        serving.server_close()


@contextmanager
def otlp_receiver(status: int = 200) -> Iterator[tuple[str, list[tuple[str, dict[str, str], ExportMetricsServiceRequest]]]]:
    """A collector on the loopback, and what it got: path, headers, metrics."""
    got: list[tuple[str, dict[str, str], ExportMetricsServiceRequest]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            message = ExportMetricsServiceRequest()
            message.ParseFromString(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            got.append((self.path, dict(self.headers), message))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    serving = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{serving.server_address[1]}", got
    finally:
        serving.shutdown()
        serving.server_close()


def sent(message: ExportMetricsServiceRequest) -> dict[str, Any]:
    return {metric.name: metric for resource in message.resource_metrics for scope in resource.scope_metrics for metric in scope.metrics}


def test_the_lakes_state_is_pushed_by_otlp(settings: Settings) -> None:
    with otlp_receiver() as (url, got):
        ours = settings.model_copy(update={"metrics_otlp": url, "metrics_headers": Settings(metrics_headers="api-key=abc", _env_file=None).metrics_headers})  # type: ignore[call-arg, arg-type]  # fmt: skip
        assert push(ours, lake_state(settings, packaged(), AT)) == 1
    ((path, headers, message),) = got
    assert (path, headers["api-key"]) == ("/v1/metrics", "abc")
    found = sent(message)
    assert found["globalbev.freshness.lag"].unit == "s"
    assert found["globalbev.freshness.lag"].gauge.data_points[0].as_double == 108_000.0
    whose = {each.key: each.value.string_value for each in message.resource_metrics[0].resource.attributes}
    assert (whose["service.name"], whose["deployment.environment.name"]) == ("globalbev-lakehouse", "local")


def test_a_push_that_nobody_takes_is_told(settings: Settings) -> None:
    with otlp_receiver(status=400) as (url, _), pytest.raises(TransientError) as caught:
        push(settings.model_copy(update={"metrics_otlp": url}), lake_state(settings, packaged(), AT))
    assert caught.value.code == "GB-2412"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"metrics_otlp": "collector:4318"}, "GB-2401"),
        ({"metrics_otlp": "http://collector:4318", "metrics_headers": "api-key=abc"}, "GB-2401"),
        ({"metrics_otlp": "https://collector", "metrics_headers": "canary"}, "GB-2410"),
    ],
)
def test_a_malformed_setting_is_one_clear_error(given: dict[str, str], code: str) -> None:
    with pytest.raises(TerminalError) as caught:
        exporters(Settings(**given, _env_file=None))  # type: ignore[arg-type]
    assert caught.value.code == code
    assert "canary" not in str(caught.value)


def test_a_collector_in_the_same_network_may_be_plain_http() -> None:
    (exporter,) = exporters(Settings(metrics_otlp="http://collector:4318", _env_file=None))  # type: ignore[call-arg]
    assert exporter._endpoint == "http://collector:4318/v1/metrics"  # type: ignore[attr-defined]
    exporter.shutdown()


def test_application_insights_gets_the_state_by_its_own_protocol(settings: Settings) -> None:
    bodies: list[tuple[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            bodies.append((self.path, json.loads(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)))
            count = len(bodies[-1][1])
            answer = json.dumps({"itemsReceived": count, "itemsAccepted": count, "errors": []}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    serving = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    url = f"http://127.0.0.1:{serving.server_address[1]}/"
    text = f"InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint={url};LiveEndpoint={url}"
    try:
        push(settings.model_copy(update={"metrics_application_insights": SecretStr(text)}), lake_state(settings, packaged(), AT))
    finally:
        serving.shutdown()
        serving.server_close()
    ((path, envelopes),) = bodies
    assert path == "/v2.1/track"
    values = {each["data"]["baseData"]["metrics"][0]["name"]: each["data"]["baseData"]["metrics"][0]["value"] for each in envelopes}
    assert values["globalbev.freshness.lag"] == 108_000.0
    assert {each["tags"]["ai.cloud.role"] for each in envelopes} == {"globalbev-lakehouse"}


def test_application_insights_without_its_package_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.monitor.opentelemetry.exporter", None)
    with pytest.raises(TerminalError) as caught:
        exporters(Settings(metrics_application_insights="InstrumentationKey=canary-key", _env_file=None))  # type: ignore[call-arg, arg-type]
    assert caught.value.code == "GB-2411"
