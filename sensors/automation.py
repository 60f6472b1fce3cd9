"""The sensor that carries the automation out: bronze at its hour, silver and gold when their upstream days have passed.

The conditions stand on the assets and their blocking checks (``partitions/automation.py``). Off on a laptop until it is switched on, in the
UI or by ``GLOBALBEV_AUTOMATION=true``; a toggle in the UI wins over the setting from then on.
"""

from __future__ import annotations

from typing import Any

import dagster as dg

from partitions.conditions import AUTOMATION_TAG
from resources.settings import Settings

INTERVAL_S = 30


class AutomationSensor(dg.AutomationConditionSensorDefinition):
    """Dagster's sensor, which begins anew where its cursor cannot be read: otherwise every tick fails, and in open source nobody is told.

    To begin anew starts nothing: the first tick only begins to look, and what came in between is left to people, as the freshness check says.
    """

    def evaluate_tick(self, context: dg.SensorEvaluationContext) -> Any:
        """One tick."""
        try:
            return super().evaluate_tick(context)
        except dg.DagsterInvariantViolationError as error:
            if "cursor" not in str(error) or not context.cursor:
                raise
            context.log.warning("The cursor of the automation cannot be read: it begins anew, and days that came since the last tick start nothing.")
            context._cursor = None  # update_cursor() would forbid the cursor that the tick gives
            return super().evaluate_tick(context)


def automation_sensor(settings: Settings) -> dg.SensorDefinition:
    """One sensor for all tables; its runs are tagged, so that what they bring may go on where a person's backfill may not."""
    status = dg.DefaultSensorStatus.RUNNING if settings.is_automated else dg.DefaultSensorStatus.STOPPED
    return AutomationSensor(
        "automation",
        target=dg.AssetSelection.all(),
        run_tags={AUTOMATION_TAG: "true"},
        default_status=status,
        minimum_interval_seconds=INTERVAL_S,
        use_user_code_server=True,
        description="Makes bronze at its hour, and silver and gold when the days that they are made from are new and have passed their checks.",
    )
