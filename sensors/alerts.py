"""The sensor that tells the people on call what is wrong: it follows the event log and sends one message an incident."""

# No `from __future__ import annotations` here: Dagster reads the annotations of the functions that it is given.
import dagster as dg

from globalbev_assets.contracts.book import ContractBook
from partitions.days import now
from resources.alerts.tick import Alerting
from resources.settings import Settings

INTERVAL_S = 30


def alert_sensor(book: ContractBook, settings: Settings) -> dg.SensorDefinition:
    """The sensor ``alerts``: on from the start, since without addresses it writes to a file and in quiet times writes nothing."""

    @dg.sensor(
        name="alerts",
        minimum_interval_seconds=INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Follows checks and runs, and tells the people on call: one message an incident, a reminder while it lasts, a word when it is over.",
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        result = Alerting.of(settings, book).tick(context.instance, context.cursor, now())
        return dg.SensorResult(cursor=result.cursor, skip_reason=str(result))

    return alerts
