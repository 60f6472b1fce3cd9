"""Switching logs, their shipping and metrics on, once a process, by the settings."""

from __future__ import annotations

from resources.logs.setup import configure_logging
from resources.settings import Settings


def configure_telemetry(settings: Settings, *, least: int | None = None, with_dagster: bool = True) -> None:
    """Log, ship and count as the settings say; see :func:`resources.logs.setup.configure_logging` for the options."""
    configure_logging(settings, least=least, with_dagster=with_dagster)
    if settings.metrics_otlp is not None or settings.metrics_application_insights is not None:
        from resources.metrics.export import configure_metrics  # noqa: PLC0415  off by default

        configure_metrics(settings)
