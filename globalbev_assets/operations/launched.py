"""A layer's days as one Dagster run whose steps go elsewhere: such a run has to be found again by name, so it is no in-process one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from partitions.days import DayRange
from resources.settings import PROJECT

if TYPE_CHECKING:
    import dagster as dg

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def run_launched(tables: Sequence[str], days: DayRange, instance: dg.DagsterInstance, tags: dict[str, str] | None = None) -> dg.JobExecutionResult:
    """Materialise the tables for these days, with the executor and the launcher of this environment."""
    import dagster as dg  # noqa: PLC0415
    from dagster._core.definitions.reconstruct import ReconstructableRepository  # noqa: PLC0415

    from partitions.daily import tags_of  # noqa: PLC0415

    # The pointer travels to the cluster, where no such folder is; what is imported there is what was uploaded.
    code = ReconstructableRepository.for_module("globalbev_assets.definitions", "defs", working_directory=str(PROJECT))
    return dg.execute_job(
        code.get_reconstructable_job("__ASSET_JOB"),
        instance=instance,
        asset_selection=[dg.AssetKey(table.split(".")) for table in tables],
        tags={**tags_of(days), **(tags or {})},
        run_config=QUIET,
    )


def tell(instance: dg.DagsterInstance, run_id: str, listener: Callable[[Any], object]) -> None:
    """Tell a listener afterwards what a run reported: its steps were other processes', whose events no listener of this one hears."""
    import dagster as dg  # noqa: PLC0415

    wanted = {dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.STEP_FAILURE}
    for record in instance.get_records_for_run(run_id, of_type=wanted).records:
        listener(record.event_log_entry)
