"""``globalbev clean``: what goes, what stays, and a dry run that says exactly that."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from deltalake import DeltaTable

from resources.process_identity import stamp_of, start_of
from resources.settings import load_settings
from resources.spark_profile import spark_folder
from resources.spark_server_record import ServerRecord, write_record
from tests.unit.cli_runs import document, fill, make_home, run

GONE = 999_999  # above Linux's default of 32,768 and of what a test machine gets to


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return make_home(tmp_path, monkeypatch)


def file(path: Path, content: str = "12345") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def lease(home: Path, pid: int, started: float, taken_at: float) -> Path:
    holder = {"pid": pid, "started": started, "session": "s", "taken_at": taken_at, "epoch": 1, "run_id": "run-1"}
    return file(home / "leases" / "silver.lots.json", json.dumps(holder))


def serve() -> None:
    own = start_of(os.getpid())
    spark_folder(load_settings().home).mkdir(parents=True, exist_ok=True)
    write_record(spark_folder(load_settings().home), ServerRecord("launch", "key", os.getpid(), own, os.getpid(), own, 1, 1, "3g", "token"))


def removed(*options: str, code: int = 0) -> list[tuple[str, str]]:
    return [(one["kind"], one["target"]) for one in document("clean", *options, code=code)["removals"]]


def test_nothing_to_clean(home: Path) -> None:
    assert run("clean").stdout == "Nothing to clean.\n"
    assert document("clean", "--dry-run") == {"dry_run": True, "removals": []}


def test_a_dry_run_lists_what_the_real_run_removes(home: Path) -> None:
    staged, temporary, held = (
        file(home / "staging" / f"run-a-{GONE}" / "pages.json"),
        file(home / "spark" / "tmp" / "spark-1" / "block"),
        home / "leases",
    )
    lease(home, GONE, 1.0, time.time())
    planned = document("clean", "--dry-run")["removals"]
    assert staged.exists()
    assert temporary.exists()
    assert [(one["kind"], one["target"], one["files"], one["size_bytes"]) for one in planned[:1]] == [("staging", str(staged.parent), 1, 5)]
    assert document("clean")["removals"] == planned
    assert not staged.parent.exists()
    assert list((home / "spark" / "tmp").iterdir()) == []
    assert list(held.glob("*.json")) == []
    assert run("clean").stdout == "Nothing to clean.\n"


def test_a_person_reads_what_went_and_how_much(home: Path) -> None:
    file(home / "staging" / f"run-a-{GONE}" / "pages.json")
    line, total = run("clean", "--dry-run").stdout.splitlines()
    assert line == f"  staging  {home / 'staging' / f'run-a-{GONE}'}, 1 file, 5 bytes (process {GONE} is gone)"
    assert total == "1 thing would be removed, 5 bytes"


def test_staging_of_a_living_run_and_folders_of_others_stay(home: Path) -> None:
    file(home / "staging" / f"run-a-{os.getpid()}" / "pages.json")
    file(home / "staging" / "notes" / "mine.txt")
    assert removed() == []


def test_a_folder_that_names_its_process_by_its_start_is_known_whatever_the_clock_says(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock set forward made a living run's process younger than its folder, whose pages would have been removed."""
    monkeypatch.setattr(psutil.Process, "create_time", lambda _: time.time() + 60)
    file(home / "staging" / f"run-a-{os.getpid()}.{stamp_of(os.getpid())}" / "pages.json")
    file(home / "staging" / f"run-b-{os.getpid()}.1" / "pages.json")
    assert removed("--dry-run") == [("staging", str(home / "staging" / f"run-b-{os.getpid()}.1"))]


def test_a_number_that_was_given_again_is_another_process(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file(home / "staging" / f"run-a-{os.getpid()}" / "pages.json")
    monkeypatch.setattr(psutil.Process, "create_time", lambda _: time.time() + 60)
    assert removed("--dry-run") == [("staging", str(home / "staging" / f"run-a-{os.getpid()}"))]


def test_a_lease_of_the_living_stays(home: Path) -> None:
    lease(home, os.getpid(), start_of(os.getpid()), time.time())
    assert removed() == []


def test_a_dead_lease_stays_while_its_session_may_still_write(home: Path) -> None:
    """The next writer ends that session, which it knows from the lease only."""
    serve()
    path = lease(home, GONE, 1.0, time.time() - 60)
    assert removed() == []
    assert path.exists()
    lease(home, GONE, 1.0, time.time() - 25 * 3600)
    assert removed() == [("lease", "silver.lots")]


def test_files_of_a_running_server_stay(home: Path) -> None:
    serve()
    file(home / "spark" / "tmp" / "spark-1" / "block")
    assert removed() == []


@pytest.fixture
def spark_inside(home: Path) -> Iterator[None]:
    """A process that names Spark's folder, as one with a Spark of its own does."""
    code = "import time; print('up', flush=True); time.sleep(60)"
    started = subprocess.Popen([sys.executable, "-c", code, f"-Djava.io.tmpdir={home / 'spark' / 'tmp'}"], stdout=subprocess.PIPE)
    assert started.stdout is not None
    started.stdout.readline()
    yield
    started.kill()
    started.wait()
    started.stdout.close()


@pytest.mark.usefixtures("spark_inside")
def test_files_of_a_spark_inside_a_process_stay(home: Path) -> None:
    file(home / "spark" / "tmp" / "spark-1" / "block")
    assert removed() == []


def test_a_server_that_starts_between_plan_and_removal_keeps_its_files(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = file(home / "spark" / "tmp" / "spark-1" / "block")
    monkeypatch.setattr("globalbev_assets.operations.clean_local._is_used", lambda _: bool(serve()))
    done = document("clean", code=1)["removals"]
    assert [one["error"] for one in done] == ["GB-1511 A Spark server was started meanwhile."]
    assert temporary.exists()
    assert "NOT removed" in run("clean").stdout or run("clean").stdout == "Nothing to clean.\n"


def aged(path: Path, days: float) -> Path:
    os.utime(path, (time.time() - days * 86_400,) * 2)
    return path


def test_files_that_no_version_needs_go_after_seven_days(home: Path) -> None:
    table = fill("silver.lots", [{"lot_id": "L-1"}])
    old, young = (aged(file(table / f"part-{days}.snappy.parquet"), days) for days in (8, 6))
    assert removed("--dry-run") == [("files", "silver.lots")]
    assert old.exists()
    assert removed() == [("files", "silver.lots")]
    assert not old.exists()
    assert young.exists()
    assert DeltaTable(table).to_pyarrow_table().num_rows == 1
    assert list((home / "leases").glob("*.json")) == []


def test_a_longer_retention_keeps_more(home: Path) -> None:
    aged(file(fill("silver.lots", []) / "part-8.snappy.parquet"), 8)
    assert removed("--retention-days", "9") == []


def test_never_below_seven_days(home: Path) -> None:
    old = aged(file(fill("silver.lots", []) / "part-8.snappy.parquet"), 8)
    done = run("clean", "--retention-days", "6")
    assert (done.exit_code, done.stderr.splitlines()[:2]) == (2, ["GB-1510 Files are kept for at least seven days.", "  got:   6 days"])
    assert old.exists()


def test_a_table_that_somebody_writes_is_left_alone_and_the_others_are_cleaned(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("globalbev_assets.operations.clean_tables.LEASE_WAIT_S", 0.1)
    for name in ("silver.lots", "silver.stores"):
        aged(file(fill(name, []) / "part-8.snappy.parquet"), 8)
    parent = psutil.Process(os.getppid())  # a living process that is not this one, whose own leases it may take
    lease(home, parent.pid, start_of(parent.pid), time.time())
    done = document("clean", code=1)["removals"]
    assert {one["target"]: one["error"] for one in done} == {"silver.lots": "GB-1203 Another process is writing silver.lots.", "silver.stores": None}


def test_a_table_that_cannot_be_read_is_said(home: Path) -> None:
    (fill("silver.lots", []) / "_delta_log" / "00000000000000000000.json").write_text("{")
    assert removed(code=1) == [("files", "silver.lots")]
    assert "NOT removed, the table cannot be read" in run("clean").stdout


def test_dead_letters_stay(home: Path) -> None:
    reason = aged(file(home / "deadletter" / "crm_contacts" / "2026-01-01" / "a.csv.reason.json"), 400)
    assert removed() == []
    assert reason.exists()


def test_events_need_to_be_found(home: Path) -> None:
    done = run("clean", "--events")
    assert (done.exit_code, done.stderr.splitlines()[0]) == (2, "GB-1512 It is not known where Dagster keeps its events.")
