"""The lake's state sent once to the receivers, for a timer: gauges grow while nothing runs, so nothing that runs may be needed to send them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from globalbev_assets.errors import TransientError
from resources.metrics.export import EXPORT_S, exporters, meter_provider
from resources.metrics.lake_state import Measured
from resources.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter


def push(settings: Settings, measured: Sequence[Measured]) -> int:
    """Send the values to every receiver; how many receivers there are.

    Raises:
        TransientError: GB-2412, when one does not take them.
    """
    receivers = exporters(settings)
    for exporter in receivers:
        _send(settings, exporter, measured)
    return len(receivers)


def _send(settings: Settings, exporter: MetricExporter, measured: Sequence[Measured]) -> None:
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricExportResult  # noqa: PLC0415

    reader = InMemoryMetricReader()
    provider = meter_provider(settings, [reader])
    meter = provider.get_meter("globalbev")
    by_name: defaultdict[str, list[Measured]] = defaultdict(list)
    for each in measured:
        by_name[each.instrument.name].append(each)
    for found in by_name.values():
        kind = found[0].instrument
        gauge = meter.create_gauge(kind.name, kind.unit, kind.description)
        for each in found:
            gauge.set(each.value, dict(each.attributes))
    data = reader.get_metrics_data()
    result = exporter.export(data, timeout_millis=EXPORT_S * 1000) if data is not None else MetricExportResult.SUCCESS
    exporter.shutdown()
    provider.shutdown()
    if result is not MetricExportResult.SUCCESS:
        raise TransientError(
            "GB-2412",
            "A receiver of metrics does not take them.",
            got=type(exporter).__name__,
            valid=f"an answer within {EXPORT_S} s",
            todo="Start the receiver, or correct GLOBALBEV_METRICS_OTLP; the next push sends the state of then.",
        )
