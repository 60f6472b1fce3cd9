"""Old runs of Dagster with their events, by Dagster's own API.

A run that a table's day is still shown by stays, however old: with its events the day would look as if it had never been loaded.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from globalbev_assets.errors import TerminalError
from globalbev_assets.operations.cleaning import Removal

if TYPE_CHECKING:
    import dagster as dg


def old_runs(days: int) -> Iterator[Removal]:
    """Finished runs that are older than so many days and no longer the newest of any table and day.

    Raises:
        TerminalError: GB-1512, when it is not known where Dagster keeps them.
    """
    import dagster as dg  # noqa: PLC0415
    from dotenv import load_dotenv  # noqa: PLC0415

    from resources.settings import PROJECT  # noqa: PLC0415

    load_dotenv(PROJECT / ".env")
    if not os.environ.get("DAGSTER_HOME"):
        raise TerminalError(
            "GB-1512", "It is not known where Dagster keeps its events.", got="no DAGSTER_HOME", valid="the folder of the instance, absolute",
            todo="Set DAGSTER_HOME, or leave --events out.",
        )  # fmt: skip
    yield from removable_runs(dg.DagsterInstance.get(), days)


def removable_runs(instance: dg.DagsterInstance, days: int) -> Iterator[Removal]:
    """As :func:`old_runs`, of one instance."""
    import dagster as dg  # noqa: PLC0415

    from partitions.days import now  # noqa: PLC0415

    finished = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    old = dg.RunsFilter(statuses=finished, created_before=now() - timedelta(days=days))
    shown = _runs_that_days_are_shown_by(instance)
    for run in instance.get_runs(old):
        if run.run_id not in shown:
            yield Removal(
                "events", f"run {run.run_id}", f"{run.status.value.lower()}, older than {days} days", partial(instance.delete_run, run.run_id)
            )


def _runs_that_days_are_shown_by(instance: dg.DagsterInstance) -> set[str]:
    import dagster as dg  # noqa: PLC0415

    runs: set[str] = set()
    for asset in instance.all_asset_keys():
        newest = instance.event_log_storage.get_latest_storage_id_by_partition(asset, dg.DagsterEventType.ASSET_MATERIALIZATION)
        last = instance.get_latest_materialization_event(asset)
        runs |= {last.run_id} if last is not None else set()
        runs |= _runs_of(instance, asset, sorted(newest.values()))
    return runs


def _runs_of(instance: dg.DagsterInstance, asset: dg.AssetKey, storage_ids: list[int]) -> set[str]:
    import dagster as dg  # noqa: PLC0415

    runs: set[str] = set()
    for start in range(0, len(storage_ids), 500):  # SQLite takes a thousand values in a statement
        page = storage_ids[start : start + 500]
        records = instance.fetch_materializations(dg.AssetRecordsFilter(asset_key=asset, storage_ids=page), limit=len(page)).records
        runs |= {record.run_id for record in records}
    return runs
