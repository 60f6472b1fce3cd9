"""The sensor that carries the automation out: bronze at its hour, silver and gold when their upstream days have passed.

The conditions stand on the assets and their blocking checks (``partitions/automation.py``). Off on a laptop until it is switched on, in the
UI or by ``GLOBALBEV_AUTOMATION=true``; a toggle in the UI wins over the setting from then on.
"""

from __future__ import annotations

import dagster as dg

from partitions.conditions import AUTOMATION_TAG
from resources.settings import Settings

INTERVAL_S = 30


def automation_sensor(settings: Settings) -> dg.SensorDefinition:
    """One sensor for all tables; its runs are tagged, so that what they bring may go on where a person's backfill may not."""
    status = dg.DefaultSensorStatus.RUNNING if settings.is_automated else dg.DefaultSensorStatus.STOPPED
    return dg.AutomationConditionSensorDefinition(
        "automation",
        target=dg.AssetSelection.all(),
        run_tags={AUTOMATION_TAG: "true"},
        default_status=status,
        minimum_interval_seconds=INTERVAL_S,
        use_user_code_server=True,
        description="Makes bronze at its hour, and silver and gold when the days that they are made from are new and have passed their checks.",
    )
