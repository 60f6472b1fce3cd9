"""Runs of Dagster whose process is gone, and slots of pools that ended runs still hold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv import dotenv_values

import resources.settings
from globalbev_assets.operations.findings import Installation
from globalbev_assets.operations.output import duration
from globalbev_assets.operations.printed import count, short
from globalbev_assets.operations.repairs import Repair
from partitions.days import now

if TYPE_CHECKING:
    import dagster as dg

START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
PARTITION = "dagster/partition"
# Dagster's own monitoring gives a run three minutes to start.
STARTING_S = 600.0


def instance_home(at: Installation) -> Path | None:
    """Where Dagster keeps its history: ``DAGSTER_HOME``, else the home's own folder, as `globalbev backfill` does; None where there is none yet."""
    named = {**dotenv_values(resources.settings.PROJECT / ".env"), **os.environ}.get("DAGSTER_HOME")
    home = Path(named or at.settings.home.absolute() / "dagster")
    return home if (home / "dagster.yaml").is_file() else None


@contextmanager
def open_instance(home: Path | None) -> Iterator[dg.DagsterInstance | None]:
    """Dagster's instance; None where there is none. A repair outlives the instance that found it, so each opens its own."""
    if home is None:
        yield None
        return
    import dagster as dg  # noqa: PLC0415

    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def stuck_runs(instance: dg.DagsterInstance, home: Path | None) -> Iterator[Repair]:
    """Runs that are said to be at work and whose process is gone.

    A run names its process and not its machine. Where several may share the history, a process that is not here may well live there.
    """
    import dagster as dg  # noqa: PLC0415

    from resources.run_workers import worker_of  # noqa: PLC0415

    statuses = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.CANCELING]
    for record in instance.get_run_records(dg.RunsFilter(statuses=statuses)):
        run, worker = record.dagster_run, worker_of(instance, record.dagster_run.run_id)
        age_s = now().timestamp() - record.update_timestamp.timestamp()
        if worker.is_alive if worker is not None else age_s < STARTING_S:
            continue
        process = f"its process {worker.pid} is gone" if worker is not None else "no process ever took it up"
        days, again = _days_of(run), _again(instance, run)
        is_since = f"run {short(run.run_id)}{days} is {run.status.value.lower()} since {duration(age_s)}"
        if not _is_of_this_machine(instance):
            here = f"its process {worker.pid} is not on this machine" if worker is not None else process
            todo = f"if it is at work on no other machine either, terminate it in Dagster's UI, then {again}"
            yield Repair("runs", f"{is_since}, and {here}", "", todo)
            continue
        yield Repair(
            "runs",
            f"{is_since}, and {process}",
            f"mark it {'canceled' if run.status == dg.DagsterRunStatus.CANCELING else 'failed'} and free its slots",
            again,
            partial(_end, home, run.run_id, process),
            partial(_has_ended, home, run.run_id),
            ends_run=run.run_id,
        )


def _is_of_this_machine(instance: dg.DagsterInstance) -> bool:
    """Whether the history lies in files of this machine, and not in a database that others reach."""
    from dagster._core.storage.runs import SqliteRunStorage  # noqa: PLC0415

    return isinstance(instance.run_storage, SqliteRunStorage)


def held_slots(instance: dg.DagsterInstance, home: Path | None) -> Iterator[Repair]:
    """Slots of pools that are held by runs which have ended or were deleted."""
    storage = instance.event_log_storage
    if not storage.supports_global_concurrency_limits:
        return
    for run_id in sorted(storage.get_concurrency_run_ids()):
        run = instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            continue
        pools = _pools_of(instance, run_id)
        state = f"ended {run.status.value.lower()}" if run is not None else "was deleted"
        held = f"{count(sum(pools.values()), 'slot')} of {', '.join(pools)}" if pools else "a place in the queue of a pool"
        yield Repair(
            "slots", f"run {short(run_id)} {state} and still holds {held}", "free them", "", partial(_free, home, run_id), partial(_is_free, home, run_id),
            max(sum(pools.values()), 1),
        )  # fmt: skip


def _pools_of(instance: dg.DagsterInstance, run_id: str) -> dict[str, int]:
    storage, found = instance.event_log_storage, dict[str, int]()
    for pool in sorted(storage.get_concurrency_keys()):
        slots = sum(slot.run_id == run_id for slot in storage.get_concurrency_info(pool).claimed_slots)
        if slots:
            found[pool] = slots
    return found


def _end(home: Path | None, run_id: str, process: str) -> None:
    import dagster as dg  # noqa: PLC0415

    with open_instance(home) as instance:
        run = instance.get_run_by_id(run_id) if instance is not None else None
        if instance is None or run is None or run.is_finished:
            return
        if run.status == dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, f"globalbev doctor: {process}")
        else:
            instance.report_run_failed(run, f"globalbev doctor: {process}")
        if instance.event_log_storage.supports_global_concurrency_limits:
            instance.event_log_storage.free_concurrency_slots_for_run(run_id)


def _has_ended(home: Path | None, run_id: str) -> bool:
    with open_instance(home) as instance:
        run = instance.get_run_by_id(run_id) if instance is not None else None
        return run is None or run.is_finished


def _free(home: Path | None, run_id: str) -> None:
    with open_instance(home) as instance:
        if instance is not None:
            instance.event_log_storage.free_concurrency_slots_for_run(run_id)


def _is_free(home: Path | None, run_id: str) -> bool:
    with open_instance(home) as instance:
        return instance is None or run_id not in instance.event_log_storage.get_concurrency_run_ids()


def _days_of(run: dg.DagsterRun) -> str:
    tags = run.tags
    first, last = tags.get(START) or tags.get(PARTITION), tags.get(END) or tags.get(PARTITION)
    if not first:
        return ""
    return f" of {first}" if first == last else f" of {first} to {last}"


def _again(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """Who runs its days once more: Dagster's daemon, where it launched the run; else the person."""
    if run.remote_job_origin is not None and instance.run_retries_enabled:
        return "nothing: Dagster's daemon runs it again once it sees that it failed (`make dev`)"
    first, last = run.tags.get(START) or run.tags.get(PARTITION), run.tags.get(END) or run.tags.get(PARTITION)
    tables = sorted("/".join(key.path) for key in run.asset_selection or ())
    chosen = "".join(f" --select {table}" for table in tables) if tables and len(tables) <= 3 else ""
    chosen = chosen or (f" --select {run.tags['layer']}" if "layer" in run.tags else "")
    return f"`globalbev backfill {first} {last}{chosen}`" if first else "run it again"
