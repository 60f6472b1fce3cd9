"""All sensors of the definitions, in one list."""

from __future__ import annotations

import dagster as dg

from globalbev_assets.contracts.book import ContractBook
from resources.settings import Settings
from sensors.alerts import alert_sensor
from sensors.automation import automation_sensor
from sensors.freshness import freshness_sensor
from sensors.schema_drift import schema_drift_sensor


def build_sensors(book: ContractBook, settings: Settings) -> list[dg.SensorDefinition]:
    """The sensors of an installation."""
    return [freshness_sensor(book), schema_drift_sensor(book, settings), automation_sensor(settings), alert_sensor(book, settings)]
