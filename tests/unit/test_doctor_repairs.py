"""``globalbev doctor --fix``: what crashes leave, said before it is done, done, and looked at again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest
from dagster._core.events import EngineEventData
from dagster._core.storage.dagster_run import DagsterRun
from deltalake import DeltaTable

from globalbev_assets.operations import repair_events, repairs
from globalbev_assets.operations.findings import Installation
from globalbev_assets.operations.repair_runs import instance_home
from resources.ledger import Ledger, LedgerRow
from resources.process_identity import start_of
from resources.run_workers import Worker, worker_of
from resources.settings import load_settings
from resources.spark_profile import spark_folder
from resources.spark_server_record import ServerRecord, free_port, read_record, write_record
from tests.unit.cli_runs import document, fill, make_home, run
from tests.unit.contract_files import packaged

DAY = date(2026, 5, 2)
LOTS = dg.AssetKey(["silver", "lots"])
POOL = "tiny"


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Dagster home without history: its databases take a second to make, so once."""
    folder: Path = tmp_path_factory.mktemp("empty") / "dagster"
    folder.mkdir()
    (folder / "dagster.yaml").write_text("run_retries: {enabled: true}\n")
    with dg.DagsterInstance.from_config(str(folder)) as made:
        made.get_runs()
        made.all_asset_keys()
    return folder


@pytest.fixture(autouse=True)
def home(empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    own = make_home(tmp_path, monkeypatch)
    shutil.copytree(empty, own / "dagster")
    monkeypatch.setenv("DAGSTER_HOME", str(own / "dagster"))
    monkeypatch.setattr("globalbev_assets.operations.doctor.CHECKS", ())
    monkeypatch.setattr("globalbev_assets.operations.doctor.diagnose", lambda _: iter(()))  # the findings have tests of their own
    return own


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(home / "dagster")) as found:
        yield found


def at() -> Installation:
    return Installation(load_settings(), packaged())


def planned() -> list[tuple[str, str]]:
    return [(one.topic, one.found) for one in repairs.plan_repairs(at())]


def mended() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document("doctor", "--fix")["repairs"]
    return found


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def at_work(instance: dg.DagsterInstance, pid: int | None, status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED, **tags: str) -> str:
    """A run that is said to be at work, by the process that names itself in its events."""
    own = DagsterRun(job_name="tiny_job", run_id=str(uuid.uuid4()), status=status, tags=tags)
    instance.add_run(own)
    if pid is not None:
        instance.report_engine_event(f"Executing steps in process (pid: {pid})", own, EngineEventData.in_process(pid))
    return own.run_id


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    found = instance.get_run_by_id(run_id)
    assert found is not None
    return found.status


def test_nothing_is_broken() -> None:
    assert planned() == []
    assert run("doctor", "--fix").stdout.startswith("Nothing to mend: no stuck run, held slot, stale record")


def test_a_run_whose_process_is_gone_is_marked_failed_and_its_slot_freed(instance: dg.DagsterInstance) -> None:
    pid = dead_pid()
    run_id = at_work(instance, pid, **{"dagster/partition": str(DAY), "layer": "silver"})
    instance.event_log_storage.set_concurrency_slots(POOL, 1)
    instance.event_log_storage.claim_concurrency_slot(POOL, run_id, "step")
    told = run("doctor", "--fix", "--dry-run").stdout
    assert f"runs: run {run_id[:8]} of 2026-05-02 is started since" in told
    assert f"and its process {pid} is gone\n  it would mark it failed and free its slots\n" in told
    assert f"  do: `globalbev backfill {DAY} {DAY} --select silver`" in told
    assert status(instance, run_id) == dg.DagsterRunStatus.STARTED  # a dry run does nothing
    assert [(one["topic"], one["done"]) for one in mended()] == [("runs", True)]
    assert status(instance, run_id) == dg.DagsterRunStatus.FAILURE
    assert instance.event_log_storage.get_concurrency_info(POOL).active_slot_count == 0
    assert planned() == []


def test_a_run_that_was_being_canceled_is_canceled(instance: dg.DagsterInstance) -> None:
    run_id = at_work(instance, dead_pid(), dg.DagsterRunStatus.CANCELING)
    assert mended()[0]["will"] == "mark it canceled and free its slots"
    assert status(instance, run_id) == dg.DagsterRunStatus.CANCELED


def test_a_run_whose_process_lives_or_that_is_only_starting_is_left_alone(instance: dg.DagsterInstance) -> None:
    at_work(instance, os.getpid())
    at_work(instance, None, dg.DagsterRunStatus.STARTING)
    assert planned() == []


def test_a_run_of_a_history_that_machines_share_is_left_to_a_person(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen from a second machine, each run that is at work there has a process that is gone."""
    pid = dead_pid()
    run_id = at_work(instance, pid, **{"dagster/partition": str(DAY)})
    monkeypatch.setattr("dagster._core.storage.runs.SqliteRunStorage", type(None))  # as if it were kept in PostgreSQL
    ((topic, found),) = planned()
    assert (topic, found.endswith(f"and its process {pid} is not on this machine")) == ("runs", True)
    (one,) = mended()
    assert (one["will"], one["done"]) == (None, None)
    assert one["todo"].startswith("if it is at work on no other machine either, terminate it")
    assert status(instance, run_id) == dg.DagsterRunStatus.STARTED


def test_a_process_is_the_one_that_said_so_not_another_of_its_number(instance: dg.DagsterInstance) -> None:
    run_id = at_work(instance, os.getpid())
    found = worker_of(instance, run_id)
    assert found is not None
    assert (found.pid, found.is_alive) == (os.getpid(), True)
    began = datetime.fromtimestamp(psutil.Process().create_time(), UTC)
    assert Worker(os.getpid(), began - timedelta(minutes=1)).is_alive is False  # this process is younger than that event


def test_a_zombie_is_no_process() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert Worker(process.pid, datetime.now(UTC)).is_alive is False
    process.wait()


@pytest.mark.parametrize("is_deleted", [False, True])
def test_slots_of_an_ended_or_deleted_run_are_freed(instance: dg.DagsterInstance, is_deleted: bool) -> None:
    run_id = at_work(instance, os.getpid(), dg.DagsterRunStatus.FAILURE)
    instance.event_log_storage.set_concurrency_slots(POOL, 1)
    instance.event_log_storage.claim_concurrency_slot(POOL, run_id, "step")
    if is_deleted:
        instance.run_storage.delete_run(run_id)
    what = "was deleted" if is_deleted else "ended failure"
    assert planned() == [("slots", f"run {run_id[:8]} {what} and still holds 1 slot of {POOL}")]
    assert [(one["topic"], one["done"]) for one in mended()] == [("slots", True)]
    assert instance.event_log_storage.get_concurrency_info(POOL).active_slot_count == 0


def commit(run_id: str, *days: date) -> Path:
    figures = {str(day): [10, 7, 2, 1, 0, 3, f"7:{run_id}"] for day in days}
    return fill("silver.lots", [{"lot_id": "L-1"}], {"run_id": run_id, "table": "silver.lots", "contract": "1.0.0", "days": figures})


def recorded(run_id: str, *days: date) -> None:
    version = DeltaTable(load_settings().lake_root + "/silver/lots").version()
    rows = [
        LedgerRow("silver.lots", day, run_id, "published", datetime.now(UTC), "1.0.0", rows_in=10, published=7, delta_version=version) for day in days
    ]
    Ledger(load_settings().lake_root).append(rows)


def tell(instance: dg.DagsterInstance, day: date, version: int = 1, **more: Any) -> None:
    metadata = {"state": "published", "published": 7, "delta_version": version} | more
    instance.report_runless_asset_event(dg.AssetMaterialization(LOTS, partition=str(day), metadata=metadata))


def test_a_commit_that_dagster_was_never_told_of_is_reported(instance: dg.DagsterInstance) -> None:
    later = DAY + timedelta(days=1)
    tell(instance, DAY)
    commit("crashed", DAY, later)
    recorded("crashed", DAY, later)
    assert planned() == [("events", "Dagster was never told of 2 days that silver.lots holds: 2026-05-02, 2026-05-03")]
    assert [(one["topic"], one["done"], one["count"]) for one in mended()] == [("events", True, 2)]
    told = repair_events.told_of(instance, next(name for name in packaged() if str(name) == "silver.lots"))
    assert (told[later].state, told[later].rows, told[later].version) == ("published", 7, 1)
    newest = instance.fetch_materializations(LOTS, limit=1).records[0].asset_materialization
    assert newest is not None
    assert (newest.metadata["reported_by"].value, newest.metadata["run_of_commit"].value) == ("globalbev doctor --fix", "crashed")
    assert planned() == []


def test_a_run_that_is_still_at_work_will_tell_by_itself(instance: dg.DagsterInstance) -> None:
    run_id = at_work(instance, os.getpid())
    commit(run_id, DAY)
    recorded(run_id, DAY)
    assert planned() == []


def test_what_a_killed_run_had_committed_is_told_in_the_same_pass_that_ends_it(instance: dg.DagsterInstance) -> None:
    run_id = at_work(instance, dead_pid())
    commit(run_id, DAY)
    recorded(run_id, DAY)
    assert [(one["topic"], one["done"]) for one in mended()] == [("runs", True), ("events", True)]
    assert planned() == []
    # As the run's own: the automation goes on with what its run brought, and not with what a person's backfill did.
    assert instance.fetch_materializations(LOTS, limit=1).records[0].run_id == run_id


def test_days_whose_rows_a_restore_took_away_are_named_with_the_command(instance: dg.DagsterInstance) -> None:
    path = commit("first", DAY)
    recorded("first", DAY)
    tell(instance, DAY)
    assert planned() == []
    DeltaTable(path).restore(0)
    (found,) = repairs.plan_repairs(at())
    assert found.found == (
        "Dagster shows 1 day of silver.lots as published whose rows are not there: 2026-05-02; "
        "a later commit that is no run's own, such as a restore, took them away"
    )
    assert (found.will, found.todo) == ("", f"`globalbev backfill {DAY} {DAY} --select silver/lots`")
    assert [(one["topic"], one["done"]) for one in mended()] == [("events", None)]  # it takes a person


def test_a_table_that_is_gone_or_older_than_what_dagster_shows(instance: dg.DagsterInstance) -> None:
    tell(instance, DAY, version=9)
    assert [found for _, found in planned()] == [
        "Dagster shows 1 day of silver.lots as published whose rows are not there: 2026-05-02; there is no such table"
    ]
    commit("first", DAY)
    recorded("first", DAY)
    assert any("whose rows are not there: 2026-05-02" in found for _, found in planned())


def test_ledger_rows_that_a_crash_lost_are_written_before_the_events_are_reported(instance: dg.DagsterInstance) -> None:
    commit("crashed", DAY)
    said = document("doctor", "--fix")
    assert [(one["topic"], one["done"]) for one in said["repairs"]] == [("ledger", True), ("events", True)]
    assert said["ledger_rows_written"] == 1


def test_files_that_no_version_needs_are_counted_and_removed(home: Path) -> None:
    path = commit("first", DAY)
    recorded("first", DAY)
    old = path / "part-00000-orphan.snappy.parquet"
    old.write_bytes(b"0" * 2000)
    fresh = path / "part-00001-young.snappy.parquet"
    fresh.write_bytes(b"0")
    long_ago = time.time() - 8 * 86_400
    os.utime(old, (long_ago, long_ago))
    found = [each for each in repairs.plan_repairs(at()) if each.topic == "files"]
    assert [each.found for each in found] == ["1 data file of 1 table, 2 kB, that no version of the last 7 days needs"]
    assert old.exists()
    assert ("files", True) in [(one["topic"], one["done"]) for one in mended()]
    assert (old.exists(), fresh.exists(), DeltaTable(path).to_pyarrow_table().num_rows) == (False, True, 1)


def test_the_record_of_a_server_that_is_gone(home: Path) -> None:
    pid = dead_pid()
    folder = spark_folder(load_settings().home)
    folder.mkdir(parents=True)
    write_record(folder, ServerRecord("launch", "key", pid, 1.0, pid, 1.0, free_port(), free_port(), "3g", "token-not-to-be-shown"))
    said = run("doctor", "--fix").stdout
    assert f"Spark server: the record of a Spark server (process {pid}, port" in said
    assert "  it did remove the record, and end its keeper if it lives; looked again: mended" in said
    assert "token-not-to-be-shown" not in said
    assert read_record(folder) is None


def test_a_dead_holder_s_lease(home: Path) -> None:
    (home / "leases").mkdir()
    own = {"pid": dead_pid(), "started": 1.0, "session": "s", "taken_at": time.time(), "epoch": 1, "run_id": "run-1"}
    (home / "leases" / "silver.lots.json").write_text(json.dumps(own))
    assert [(one["topic"], one["done"]) for one in mended()] == [("leases", True)]
    assert not (home / "leases" / "silver.lots.json").exists()


def test_nothing_is_mended_under_a_run_s_hands(home: Path, instance: dg.DagsterInstance) -> None:
    (home / "leases").mkdir()
    own = {"pid": os.getpid(), "started": start_of(os.getpid()), "session": "s", "taken_at": time.time(), "epoch": 1, "run_id": "run-1"}
    (home / "leases" / "silver.lots.json").write_text(json.dumps(own))
    run_id = at_work(instance, dead_pid())
    done = run("doctor", "--fix")
    assert (done.exit_code, done.stderr.splitlines()[0]) == (75, "GB-1520 A run is at work.")
    assert status(instance, run_id) == dg.DagsterRunStatus.STARTED
    assert run("doctor", "--fix", "--dry-run").exit_code == 0


def test_a_repair_that_fails_is_told_and_the_others_go_on() -> None:
    def refuse() -> None:
        raise OSError("a secret")

    plan = [
        repairs.Repair("one", "broken", "mend it", mend=refuse),
        repairs.Repair("two", "broken", "mend it", mend=lambda: None, is_mended=lambda: False),
    ]
    plan.append(repairs.Repair("three", "broken", "mend it", mend=lambda: None, is_mended=lambda: True))
    assert [(each.repair.topic, each.is_done, each.error) for each in repairs.carry_out(plan)] == [
        ("one", False, "OSError"),
        ("two", False, "it is still there afterwards"),
        ("three", True, ""),
    ]


def test_a_dry_run_belongs_to_a_fix() -> None:
    done = run("doctor", "--dry-run")
    assert (done.exit_code, "--dry-run belongs to --fix." in done.stderr) == (2, True)


def test_without_dagster_the_lake_is_mended_all_the_same(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME")
    assert instance_home(at()) == home / "dagster"  # where `globalbev backfill` keeps it when nothing is said
    shutil.rmtree(home / "dagster")
    commit("crashed", DAY)
    assert [(one["topic"], one["done"]) for one in mended()] == [("ledger", True)]
