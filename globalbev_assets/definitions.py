"""Everything that Dagster loads: assets, checks, resources, the executor.

Loading starts no JVM and imports neither PySpark's session nor pandera.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import dagster as dg

from checks.drift import drift_checks
from checks.tables import domain_checks
from globalbev_assets.bronze import assets as bronze
from globalbev_assets.contracts.names import Layer
from globalbev_assets.gold import assets as gold
from globalbev_assets.silver import assets as silver
from partitions.daily import daily_partitions
from resources.environments import executor_of, resources_of
from resources.lakehouse_resource import book_of
from resources.settings import Settings, load_settings
from resources.telemetry import configure_telemetry
from sensors.build import build_sensors

# Partitioned checks and look-backs past the first day are preview and beta in Dagster 1.13; tests hold what we build on.
for _category in (dg.PreviewWarning, dg.BetaWarning, dg.SupersessionWarning):
    warnings.filterwarnings("ignore", category=_category)

LAYERS: tuple[Layer, ...] = ("bronze", "silver", "gold")


def build_defs(settings: Settings | None = None, overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """The definitions of one environment.

    Args:
        settings: of the installation; read from the environment when not given.
        overrides: resources by key, for tests.
    """
    settings = settings or load_settings()
    configure_telemetry(settings)
    book = book_of(settings)
    partitions = daily_partitions(settings.start_date, settings.end_date)
    checks = [domain_checks(layer, domain, book, partitions) for layer in LAYERS for domain in book.domains(layer)]
    checks += [drift_checks(domain, book) for domain in book.domains("bronze")]
    return dg.Definitions(
        assets=[*bronze.build_assets(book, partitions), *silver.build_assets(book, partitions), *gold.build_assets(book, partitions)],
        asset_checks=checks,
        sensors=build_sensors(book, settings),
        resources={**resources_of(settings), **(overrides or {})},
        executor=executor_of(settings),
    )


defs = build_defs()
