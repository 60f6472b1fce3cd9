"""The batched event log under a real Dagster instance, threads, processes and a watcher."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.events import DagsterEvent, DagsterEventType
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqliteEventLogStorage

from resources.event_log import MAX_OPEN_FILES, BatchedSqliteEventLogStorage
from tests.dagster_events import DAYS, LINES, ORDERS, entry, materialization


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[BatchedSqliteEventLogStorage]:
    storage = BatchedSqliteEventLogStorage(str(tmp_path / "ours"))
    yield storage
    storage.dispose()


@dg.multi_asset(
    specs=[dg.AssetSpec(key, skippable=True) for key in (ORDERS, LINES)],
    partitions_def=dg.DailyPartitionsDefinition(start_date=DAYS[0], end_date="2026-02-01"),
    backfill_policy=dg.BackfillPolicy.single_run(),
    can_subset=True,
)
def bronze(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
    for key in (ORDERS, LINES):
        for day in context.partition_keys:
            context.add_asset_metadata({"rows": int(day[-2:])}, asset_key=key, partition_key=day)
        context.log.info(f"{key.to_user_string()} is published")
        yield dg.MaterializeResult(asset_key=key)


def instance_with(folder: Path, storage: type) -> dg.DagsterInstance:
    folder.mkdir(exist_ok=True)
    storage_lines = f"{{module: {storage.__module__}, class: {storage.__name__}, config: {{base_dir: {folder}/events}}}}"
    settings = f"telemetry: {{enabled: false}}\nevent_log_storage: {storage_lines}\n"
    (folder / "dagster.yaml").write_text(settings)
    return dg.DagsterInstance.from_config(str(folder))


def what_a_reader_sees(instance: dg.DagsterInstance, run_id: str) -> dict[str, Any]:
    """The queries that the UI, the sensors and the automation make."""
    seen: dict[str, Any] = {"status": instance.get_run_by_id(run_id).status}  # type: ignore[union-attr]
    for key in (ORDERS, LINES):
        newest = instance.get_latest_materialization_event(key)
        assert newest and newest.asset_materialization
        history = instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(key, "unique"), limit=100)
        seen[str(key)] = {
            "days": sorted(instance.get_materialized_partitions(key)),
            "newest": (newest.asset_materialization.partition, newest.asset_materialization.metadata["rows"]),
            "ids": [(record.storage_id, record.partition_key) for record in instance.fetch_materializations(key, limit=1000).records],
            "checks": [
                (
                    record.id,
                    record.partition,
                    record.status,
                    record.evaluation_event_storage_id if hasattr(record, "evaluation_event_storage_id") else None,
                )
                for record in history
            ],
        }
    seen["log"] = [
        (record.storage_id, record.event_log_entry.dagster_event_type, record.event_log_entry.message)
        for record in instance.get_records_for_run(run_id).records
    ]
    seen["starts"] = len(instance.fetch_run_status_changes(DagsterEventType.RUN_SUCCESS, limit=10).records)
    return seen


def test_a_run_of_a_range_reads_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty days of two tables, with a check reported for each day as ``partitions/`` reports it."""
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "200")
    seen = []
    for storage in (SqliteEventLogStorage, BatchedSqliteEventLogStorage):
        with instance_with(tmp_path / storage.__name__, storage) as instance:
            tags = {"dagster/asset_partition_range_start": DAYS[0], "dagster/asset_partition_range_end": DAYS[-1]}
            job = dg.Definitions(assets=[bronze], executor=dg.in_process_executor).resolve_implicit_global_asset_job_def()
            run_id = job.execute_in_process(instance=instance, tags=tags).run_id
            for day in DAYS:
                check = dg.AssetCheckEvaluation(asset_key=ORDERS, check_name="unique", passed=day != DAYS[3], partition=day)
                instance.report_dagster_event(
                    DagsterEvent(DagsterEventType.ASSET_CHECK_EVALUATION.value, "job", event_specific_data=check), run_id=run_id
                )
            seen.append(what_a_reader_sees(instance, run_id))
    for said in seen:
        said["log"] = [
            (number, kind) if "in " in message else (number, kind, message) for number, kind, message in said["log"]
        ]  # durations and ids of processes
    assert seen[1] == seen[0]
    assert seen[1][str(ORDERS)]["days"] == DAYS


def test_threads_and_a_second_process_lose_no_event(ours: BatchedSqliteEventLogStorage) -> None:
    """The second storage on the same folder stands for another process: it shares nothing but the files."""
    other = BatchedSqliteEventLogStorage(ours._base_dir)
    errors: list[BaseException] = []

    def store(number: int) -> None:
        storage = (ours, other)[number % 2]
        try:
            for half in (DAYS[:15], DAYS[15:]):
                storage.store_event_batch([materialization(f"run-{number % 3}", ORDERS, day, number) for day in half])
                storage.store_event(materialization(f"run-{number % 3}", LINES, half[0], number))
        except BaseException as error:  # noqa: BLE001 - a thread's error is the test's
            errors.append(error)

    threads = [threading.Thread(target=store, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    other.dispose()
    assert errors == []
    assert sum(len(ours.get_records_for_run(f"run-{number}").records) for number in range(3)) == 6 * 32
    assert len(ours.fetch_materializations(ORDERS, limit=1000).records) == 6 * 30


def test_who_watches_a_run_is_told_while_its_file_stays_open(ours: BatchedSqliteEventLogStorage) -> None:
    """The UI's live log: the watcher looks at the run's file, and a commit into an open write-ahead log does not change that file."""
    ours.store_event(entry("run", DagsterEventType.RUN_START))
    reader, told = BatchedSqliteEventLogStorage(ours._base_dir), threading.Event()
    seen: list[str] = []

    def tell(event: EventLogEntry, cursor: str) -> None:
        seen.append(cursor)
        if len(seen) >= 31:
            told.set()

    reader.watch("run", None, tell)
    try:
        ours.store_event_batch([materialization("run", ORDERS, day) for day in DAYS])
        assert told.wait(20), f"told of {len(seen)} of 31 events"
    finally:
        reader.end_watch("run", tell)
        reader.dispose()


def test_open_files_are_few_however_many_runs_are_read(ours: BatchedSqliteEventLogStorage) -> None:
    for number in range(MAX_OPEN_FILES + 3):
        ours.store_event(entry(f"run-{number}", DagsterEventType.RUN_START))
    links = [link for link in Path("/proc/self/fd").glob("*") if link.exists()]
    open_files = {str(link.readlink()) for link in links}
    assert len([name for name in open_files if name.startswith(ours._base_dir) and name.endswith(".db")]) <= MAX_OPEN_FILES
    assert len(ours.get_records_for_run("run-0").records) == 1


def test_a_forked_child_opens_the_files_anew(ours: BatchedSqliteEventLogStorage) -> None:
    ours.store_event(materialization("run", ORDERS, DAYS[0]))
    child = os.fork()
    if child == 0:
        try:
            ours.store_event(materialization("run", ORDERS, DAYS[1]))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    ours.store_event(materialization("run", ORDERS, DAYS[2]))
    assert sorted(record.partition_key or "" for record in ours.fetch_materializations(ORDERS, limit=10).records) == DAYS[:3]


def test_a_batch_is_many_times_faster_than_its_single_events(ours: BatchedSqliteEventLogStorage, tmp_path: Path) -> None:
    """A ratio of one run, so that a slow machine is no reason to fail: it was 30 and more when this was written."""
    seconds = []
    for storage in (SqliteEventLogStorage(str(tmp_path / "stock")), ours):
        storage.store_event(materialization("run", ORDERS, DAYS[0]))
        started = time.perf_counter()
        storage.store_event_batch([materialization("run", ORDERS, day) for day in DAYS] * 2)
        seconds.append(time.perf_counter() - started)
    assert seconds[1] * 4 < seconds[0]
