"""The resources of each environment: the same keys in all of them."""

from __future__ import annotations

from typing import Any

import dagster as dg

from resources.lakehouse_resource import LakehouseResource
from resources.settings import Settings


def resources_of(settings: Settings) -> dict[str, Any]:
    """By key: ``lakehouse``, and ``pyspark_step_launcher``, which in ``local`` is nothing."""
    if settings.env != "local":
        from globalbev_assets.errors import TerminalError  # noqa: PLC0415

        raise TerminalError(
            "GB-1007",
            "This version runs in the environment local only.",
            got=settings.env,
            valid="local",
            todo="Set GLOBALBEV_ENV=local; the Databricks profile is not built yet.",
        )
    return {"lakehouse": LakehouseResource(), "pyspark_step_launcher": dg.ResourceDefinition.none_resource()}
