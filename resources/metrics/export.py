"""The ways out: OTLP over HTTP to a collector, Application Insights where azure-monitor-opentelemetry-exporter is installed."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from globalbev_assets.errors import TerminalError
from resources.logs.events import LISTENERS
from resources.logs.log_analytics import checked_address
from resources.metrics.from_events import EventMeters
from resources.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricExporter, MetricReader

# At a process's end what is left is sent; a receiver that is down may hold it up for no longer.
EXPORT_S = 4
_configured: list[MeterProvider] = []


def configure_metrics(settings: Settings) -> None:
    """Count this process's events, if the settings name a receiver; once a process.

    Raises:
        TerminalError: GB-2401 a malformed address, GB-2410 malformed headers, GB-2411 Application Insights without its package.
    """
    if _configured or not is_on(settings):
        return
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415  off by default

    interval_ms, timeout_ms = settings.metrics_interval_s * 1000.0, EXPORT_S * 1000.0
    readers = [PeriodicExportingMetricReader(exporter, interval_ms, timeout_ms) for exporter in exporters(settings)]
    provider = meter_provider(settings, readers)
    LISTENERS.append(EventMeters(provider.get_meter("globalbev")))
    _configured.append(provider)


def is_on(settings: Settings) -> bool:
    """Whether there is a receiver."""
    return settings.metrics_otlp is not None or settings.metrics_application_insights is not None


def meter_provider(settings: Settings, readers: Sequence[MetricReader]) -> MeterProvider:
    """A provider that says whose figures these are; what is left is sent when the process ends."""
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415

    whose = {
        "service.name": "globalbev-lakehouse",
        "service.version": _version(),
        "service.instance.id": str(uuid.uuid4()),
        "deployment.environment.name": settings.env,
    }
    return MeterProvider(readers, resource=Resource.create(whose))


def exporters(settings: Settings) -> list[MetricExporter]:
    """One for each receiver that is set."""
    found: list[MetricExporter] = []
    if settings.metrics_otlp is not None:
        found.append(_otlp(settings, settings.metrics_otlp))
    if settings.metrics_application_insights is not None:
        found.append(_application_insights(settings.metrics_application_insights.get_secret_value()))
    return found


def _otlp(settings: Settings, address: str) -> MetricExporter:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
    from opentelemetry.sdk.metrics import Counter, Histogram  # noqa: PLC0415
    from opentelemetry.sdk.metrics.export import AggregationTemporality  # noqa: PLC0415

    headers = _headers(settings)
    checked = checked_address("GLOBALBEV_METRICS_OTLP", address, is_plain_allowed=not headers)
    # Runs are short processes: what each has added, not what each has come to.
    delta: dict[type, AggregationTemporality] = {Counter: AggregationTemporality.DELTA, Histogram: AggregationTemporality.DELTA}
    endpoint = checked if checked.endswith("/v1/metrics") else f"{checked}/v1/metrics"
    return OTLPMetricExporter(endpoint=endpoint, headers=headers, timeout=EXPORT_S, preferred_temporality=delta)


def _headers(settings: Settings) -> dict[str, str]:
    text = settings.metrics_headers.get_secret_value() if settings.metrics_headers else ""
    parts = [part.partition("=") for part in text.split(",") if part.strip()]
    if any(not name.strip() or not sign or not value.strip() for name, sign, value in parts):
        raise TerminalError(
            "GB-2410",
            "The setting GLOBALBEV_METRICS_HEADERS is malformed.",
            got="a text that does not parse (not shown: it is a secret)",
            valid="name=value, several separated by commas",
            todo="Correct it, or remove it.",
        )
    return {name.strip(): value.strip() for name, _, value in parts}


def _application_insights(connection_string: str) -> MetricExporter:
    # Its own telemetry about itself goes to Microsoft unless this is set.
    os.environ.setdefault("APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL", "true")
    try:
        from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter  # noqa: PLC0415
    except ImportError:
        raise TerminalError(
            "GB-2411",
            "Application Insights needs a package that is not installed.",
            got="no azure-monitor-opentelemetry-exporter",
            valid="the package, or a collector that takes OTLP",
            todo="Install azure-monitor-opentelemetry-exporter, or set GLOBALBEV_METRICS_OTLP instead.",
        ) from None
    made: Any = AzureMonitorMetricExporter(connection_string=connection_string, disable_offline_storage=True)
    return made  # type: ignore[no-any-return]


def _version() -> str:
    try:
        return version("globalbev-lakehouse")
    except PackageNotFoundError:
        return "0"
