"""All sensors of the definitions, in one list."""

from __future__ import annotations

import dagster as dg

from globalbev_assets.contracts.book import ContractBook
from resources.settings import Settings
from sensors.schema_drift import schema_drift_sensor


def build_sensors(book: ContractBook, settings: Settings) -> list[dg.SensorDefinition]:
    """The sensors of an installation."""
    return [schema_drift_sensor(book, settings)]
