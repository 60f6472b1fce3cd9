"""The automation tick by tick, on an instance without runs: days are reported by hand or as if a run had brought them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import cache
from itertools import product
from pathlib import Path
from tempfile import mkdtemp

import dagster as dg
from dagster._core.events import DagsterEvent, DagsterEventType, StepMaterializationData

from globalbev_assets.definitions import build_defs
from partitions.days import now
from partitions.reporting import DayCheck, report_checks_of_sensor
from resources.settings import Settings

START = now().date() - timedelta(days=181)
YESTERDAY = now().date() - timedelta(days=1)


@cache
def definitions() -> dg.Definitions:
    """The real ones, over 181 days that end yesterday."""
    return build_defs(Settings(_env_file=None, home=Path(mkdtemp(prefix="automation-")), start_date=START))


def key(table: str) -> dg.AssetKey:
    return dg.AssetKey(table.split("."))


class Ticks:
    """One instance and the sensor's cursor over it."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self._cursor: object = None
        self.tick()  # the first one only begins to look

    def tick(self, moment: datetime | None = None) -> dict[str, set[str]]:
        """What one tick asks for: table, days."""
        found = dg.evaluate_automation_conditions(definitions(), self.instance, evaluation_time=moment or now(), cursor=self._cursor)  # type: ignore[arg-type]
        self._cursor, self.results = found.cursor, found.results
        asked = {name: found.get_requested_partitions(key(name)) for name in tables()}
        self.checks = {
            f"{result.key.asset_key.to_user_string().replace('/', '.')}": result.true_subset.expensively_compute_partition_keys()
            for result in found.results
            if isinstance(result.key, dg.AssetCheckKey) and not result.true_subset.is_empty
        }
        return {name: {str(day) for day in days} for name, days in asked.items() if days}

    def come(self, *names: str, day: date = YESTERDAY, days: int = 1, tags: Mapping[str, str] | None = None, passed: bool | None = True) -> None:
        """A day of some tables is there, or so many days that end with it.

        By hand, or with ``tags`` by one run that has them. Their blocking checks passed, failed, or were not run (None).
        """
        run_id = self._run(names, tags) if tags is not None else ""
        came = [day - timedelta(days=back) for back in range(days)]
        for name, each in product(names, came):
            event = DagsterEvent(
                DagsterEventType.ASSET_MATERIALIZATION.value,
                "job",
                event_specific_data=StepMaterializationData(dg.AssetMaterialization(key(name), partition=str(each))),
            )
            self.instance.report_dagster_event(event, run_id=run_id)
        for each in came if passed is not None else ():
            self.judge(*names, day=each, passed=bool(passed))

    def judge(self, *names: str, day: date = YESTERDAY, passed: bool = True) -> None:
        """The blocking check of a day was run."""
        checks = [DayCheck(key(name), "contract", str(day), passed, True, dg.AssetCheckSeverity.ERROR) for name in names]
        report_checks_of_sensor(self.instance, "by-hand", checks)

    def _run(self, names: tuple[str, ...], tags: Mapping[str, str]) -> str:
        run = dg.DagsterRun(
            "job", run_id=str(uuid.uuid4()), tags=dict(tags), asset_selection=frozenset(map(key, names)), status=dg.DagsterRunStatus.SUCCESS
        )
        self.instance.add_run(run)
        return run.run_id


@cache
def tables() -> tuple[str, ...]:
    """All tables, as layer.table."""
    return tuple(sorted(".".join(found.path) for found in definitions().resolve_asset_graph().materializable_asset_keys))


def of_layer(layer: str) -> list[str]:
    return [name for name in tables() if name.startswith(f"{layer}.")]
