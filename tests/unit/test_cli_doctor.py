"""``globalbev doctor``: each finding, what it tells to do, and the ledger written again after a crash."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest
from rich.console import Console

import sandbox
from globalbev_assets.contracts.names import TableName
from globalbev_assets.errors import TerminalError
from globalbev_assets.operations import backfill, doctor, doctor_lake, doctor_machine, doctor_sources
from globalbev_assets.operations.findings import Finding, Installation
from globalbev_assets.operations.ledger_repair import missing_rows
from resources.jars import COMPLETE, wanted
from resources.ledger import Ledger, LedgerRow
from resources.process_identity import start_of
from resources.settings import load_settings
from resources.spark_profile import spark_folder
from resources.spark_server_record import ServerRecord, free_port, write_record
from tests.unit.cli_runs import document, fill, make_home, run
from tests.unit.contract_files import draft, packaged, write

DAY = date(2026, 5, 2)
LOTS = TableName("silver", "lots")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return make_home(tmp_path, monkeypatch)


def at() -> Installation:
    return Installation(load_settings(), packaged())


def only(check: doctor.Check) -> Finding:
    found = list(check(at()))
    assert len(found) == 1, found
    return found[0]


def test_a_fresh_home_has_warnings_and_no_failure() -> None:
    said = document("doctor")
    assert [one["topic"] for one in said["findings"] if one["level"] == "fail"] == []
    assert {"contracts", "Java", "packages", "settings", "lake", "leases", "ledger"} <= {one["topic"] for one in said["findings"]}
    assert (said["failed"], said["ledger_rows_written"]) == (False, None)
    assert all(one["todo"] for one in said["findings"] if one["level"] == "warn")


def test_a_database_behind_a_socket_is_one_that_spark_cannot_read(monkeypatch: pytest.MonkeyPatch) -> None:
    info = SimpleNamespace(host="/var/run/postgresql", port=5432, dbname="shop", user="u", password="p", server_version=170000)
    connection = SimpleNamespace(info=info, pgconn=SimpleNamespace(info=[]))
    monkeypatch.setattr("psycopg.connect", lambda *_, **__: nullcontext(connection))
    monkeypatch.setenv("GLOBALBEV_SHOP_DSN", "postgresql:///shop")
    found = only(doctor_sources.look_at_databases)
    assert (found.level, found.what) == ("fail", "Spark cannot read from a database through a Unix socket. Got /var/run/postgresql, port 5432")


def planned(monkeypatch: pytest.MonkeyPatch) -> str:
    """What a backfill says before it shows its plan."""
    monkeypatch.setattr(backfill, "prepare_environment", load_settings)
    monkeypatch.setattr(backfill, "plan", lambda *_: [])
    out = Console(file=StringIO(), width=200)
    assert backfill.run_backfill("2026-01-05", "2026-01-06", (), True, False, out) == 0
    return str(out.file.getvalue())  # type: ignore[attr-defined]


def test_a_history_that_nobody_said_the_beginning_of(monkeypatch: pytest.MonkeyPatch) -> None:
    found = only(doctor_sources.look_at_history)
    assert (found.level, found.what) == ("warn", "begins 2026-01-01, because GLOBALBEV_START_DATE is not set: older data is not read")
    assert "begins 2026-01-01: older data is not read" in planned(monkeypatch)
    monkeypatch.setenv("GLOBALBEV_START_DATE", "2019-03-01")
    found = only(doctor_sources.look_at_history)
    assert (found.level, found.what) == ("ok", "begins 2019-03-01")
    assert "older data" not in planned(monkeypatch)


def test_a_person_gets_a_line_each_and_what_to_do() -> None:
    done = run("doctor")
    assert done.exit_code == 0
    assert "warn  settings" in done.stdout
    assert "do: Set them in" in done.stdout
    assert "\x1b" not in done.stdout


def test_a_failure_is_exit_code_1(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("GLOBALBEV_LAKE", str(home / "state" / "contracts.json"))
    assert document("doctor", code=1)["failed"] is True
    assert "FAIL  lake" in run("doctor").stdout


def test_a_check_that_breaks_is_a_finding_and_the_others_go_on() -> None:
    def look_at_stars(_: Installation) -> list[Finding]:
        raise ValueError("a secret")

    def look_at_sea(_: Installation) -> list[Finding]:
        raise TerminalError("GB-1234", "That is no PostgreSQL connection string.", todo="Correct it.")

    found = list(doctor.diagnose(at(), (look_at_stars, look_at_sea, doctor_lake.look_at_leases)))
    assert [(one.level, one.topic, one.what) for one in found] == [
        ("fail", "stars", "could not be looked at (ValueError)"),
        ("fail", "sea", "GB-1234 That is no PostgreSQL connection string."),
        ("ok", "leases", "none held"),
    ]


def test_contracts_with_problems_are_a_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write(tmp_path / "more", draft(), owner="nobody")
    monkeypatch.setenv("GLOBALBEV_CONTRACTS", str(tmp_path / "more"))
    first = document("doctor", code=1)["findings"][0]
    assert (first["level"], first["topic"], first["todo"]) == ("fail", "contracts", "`globalbev contract lint` lists them.")


def test_java_is_named_with_its_version_or_said_to_be_missing(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    (home / "java" / "bin").mkdir(parents=True)
    (home / "java" / "bin" / "java").touch(0o755)
    (home / "java" / "release").write_text('JAVA_VERSION="21.0.2"\n')
    monkeypatch.setenv("PATH", str(home))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert only(doctor_machine.look_at_java).what == f"21 at {home / 'java'} (<home>/java)"
    (home / "java" / "release").write_text('JAVA_VERSION="11.0.2"\n')
    missing = only(doctor_machine.look_at_java)
    assert (missing.level, "none of version 17 or later" in missing.what) == ("warn", True)


def test_jars_of_another_version_or_cut_off_are_not_complete(home: Path) -> None:
    assert only(doctor_machine.look_at_jars).level == "warn"
    folder = home / "jars"
    folder.mkdir()
    (folder / "delta.jar").write_bytes(b"12345")
    (folder / COMPLETE).write_text(json.dumps({"wanted": wanted(), "sizes": {"delta.jar": 5}}))
    assert only(doctor_machine.look_at_jars).what.startswith("1 in ")
    (folder / "delta.jar").write_bytes(b"123")
    assert only(doctor_machine.look_at_jars).level == "warn"


def test_a_package_of_another_version_than_the_lock_s(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text('[[package]]\nname = "pyspark"\nversion = "4.1.0"\n')
    monkeypatch.setattr(doctor_machine, "PROJECT", tmp_path)
    found = only(doctor_machine.look_at_packages)
    assert (found.level, found.what, found.todo) == ("fail", "pyspark 4.2.0 (locked: 4.1.0)", "Run `make setup`.")


def serve(pid: int, started: float, port: int) -> None:
    record = ServerRecord("launch", "key", pid, started, pid, started, port, free_port(), "3g", "token-not-to-be-shown")
    spark_folder(load_settings().home).mkdir(parents=True)
    write_record(spark_folder(load_settings().home), record)


def test_a_server_that_died_is_no_server() -> None:
    serve(os.getpid(), 1.0, free_port())
    assert only(doctor_machine.look_at_spark).what == "not running; the first run starts it"


def test_a_server_that_does_not_answer_is_told_how_to_end() -> None:
    serve(os.getpid(), start_of(os.getpid()), free_port())
    found = only(doctor_machine.look_at_spark)
    assert (found.level, f"process {os.getpid()}" in found.what, "does not answer" in found.what) == ("fail", True, True)
    assert "doctor --stop" in found.todo
    assert "token-not-to-be-shown" not in str(found)


@pytest.mark.parametrize(("free", "level"), [(100_000_000, "fail"), (1_000_000_000, "warn"), (50_000_000_000, "ok")])
def test_room_on_the_disk(monkeypatch: pytest.MonkeyPatch, free: int, level: str) -> None:
    monkeypatch.setattr(doctor_machine.shutil, "disk_usage", lambda _: type("Usage", (), {"free": free}))
    assert only(doctor_machine.look_at_disk).level == level


def test_settings_that_the_contracts_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert only(doctor_sources.look_at_settings).what == "not set: GLOBALBEV_SHOP_DSN, GLOBALBEV_INVENTORY_URL, GLOBALBEV_INVENTORY_TOKEN"
    for name in ("SHOP_DSN", "INVENTORY_URL", "INVENTORY_TOKEN"):
        monkeypatch.setenv(f"GLOBALBEV_{name}", "something")
    found = only(doctor_sources.look_at_settings)
    assert (found.level, "something" in found.what) == ("ok", False)


def test_a_database_that_does_not_answer_and_one_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(doctor_sources.look_at_databases(at())) == []
    port = free_port()
    monkeypatch.setenv("GLOBALBEV_SHOP_DSN", f"postgresql://shop:hunter2@127.0.0.1:{port}/shop")
    found = only(doctor_sources.look_at_databases)
    assert (found.level, found.what) == ("fail", f"127.0.0.1:{port}/shop does not answer")
    monkeypatch.setenv("GLOBALBEV_SHOP_DSN", "shop, hunter2")
    malformed = only(doctor_sources.look_at_databases)
    assert malformed.what == "That is no PostgreSQL connection string."
    assert "hunter2" not in f"{found}{malformed}"


@pytest.fixture
def api() -> Iterator[tuple[int, list[int]]]:
    codes = [404]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(codes[0])
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server.server_port, codes
    server.shutdown()
    server.server_close()


def test_an_api_answers_fails_or_is_silent(monkeypatch: pytest.MonkeyPatch, api: tuple[int, list[int]]) -> None:
    port, codes = api
    monkeypatch.setenv("GLOBALBEV_INVENTORY_URL", f"http://127.0.0.1:{port}")
    assert only(doctor_sources.look_at_apis).what == f"127.0.0.1:{port} answers"
    codes[0] = 503
    assert only(doctor_sources.look_at_apis).what == f"127.0.0.1:{port} answers 503"
    silent = free_port()
    monkeypatch.setenv("GLOBALBEV_INVENTORY_URL", f"http://127.0.0.1:{silent}")
    found = only(doctor_sources.look_at_apis)
    assert (found.level, f"127.0.0.1:{silent} does not answer" in found.what) == ("fail", True)


def test_the_landing_zone_and_its_feeds(home: Path) -> None:
    assert only(doctor_sources.look_at_landing).level == "warn"
    for feed in ("crm_contacts", "market_panel"):
        (home / "landing" / feed).mkdir(parents=True)
    found = only(doctor_sources.look_at_landing)
    assert (found.level, found.what) == ("warn", f"{home / 'landing'}, 2 of 3 feeds; no folder product_nutrition")


def test_dagster_s_home(monkeypatch: pytest.MonkeyPatch, home: Path, tmp_path: Path) -> None:
    assert "not set" in only(doctor_sources.look_at_dagster).what
    monkeypatch.setenv("DAGSTER_HOME", "dagster")
    assert only(doctor_sources.look_at_dagster).level == "fail"
    monkeypatch.setenv("DAGSTER_HOME", str(home / "dagster"))
    assert "has no dagster.yaml" in only(doctor_sources.look_at_dagster).what
    (home / "dagster").mkdir()
    (home / "dagster" / "dagster.yaml").touch()
    assert "one by one" in only(doctor_sources.look_at_dagster).what
    (tmp_path / ".env").write_text("DAGSTER_EVENT_BATCH_SIZE=200\n")
    assert only(doctor_sources.look_at_dagster).level == "ok"


def lease(home: Path, **changes: object) -> None:
    own = {"pid": os.getpid(), "started": start_of(os.getpid()), "session": "s", "taken_at": time.time() - 5, "epoch": 1, "run_id": "run-1"}
    (home / "leases").mkdir(exist_ok=True)
    (home / "leases" / "silver.lots.json").write_text(json.dumps(own | changes))


def test_leases_and_their_holders(home: Path) -> None:
    assert only(doctor_lake.look_at_leases).what == "none held"
    lease(home)
    assert only(doctor_lake.look_at_leases).what == f"silver.lots by process {os.getpid()}, run run-1, for 5 s"
    lease(home, taken_at=time.time() - 3700)
    assert only(doctor_lake.look_at_leases).what.endswith("for 1 h 1 min; it hangs")
    lease(home, started=1.0)
    assert only(doctor_lake.look_at_leases).what.endswith("it is dead")


def test_a_lake_that_cannot_be_there(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    assert only(doctor_lake.look_at_lake).what == f"{home / 'lake'}, empty"
    fill("silver.lots", [])
    assert only(doctor_lake.look_at_lake).what == f"{home / 'lake'}, 1 of {len(packaged())} tables"
    monkeypatch.setenv("GLOBALBEV_LAKE", str(home / "state" / "contracts.json" / "lake"))
    assert only(doctor_lake.look_at_lake).what == f"{home / 'state' / 'contracts.json'} is a file"


def commit(run_id: str, *days: date) -> None:
    figures = {str(day): [10, 7, 2, 1, 0, 3, f"7:{run_id}"] for day in days}
    fill("silver.lots", [{"lot_id": "L-1"}], {"run_id": run_id, "table": "silver.lots", "contract": "1.0.0", "days": figures})


def recorded(run_id: str, day: date, at_time: datetime) -> None:
    Ledger(load_settings().lake_root).append([LedgerRow("silver.lots", day, run_id, "published", at_time, "1.0.0", rows_in=1, published=1)])


def lost() -> list[tuple[date, str]]:
    return [(row.business_day, row.run_id) for row in missing_rows(load_settings().lake_root, [LOTS])]


def test_a_commit_that_the_ledger_never_heard_of_is_found_and_written_again() -> None:
    commit("crashed", DAY, DAY + timedelta(days=1))
    assert only(doctor_lake.look_at_ledger).what == "does not know 2 committed days: silver.lots 2"
    assert document("doctor", "--fix")["ledger_rows_written"] == 2
    row = Ledger(load_settings().lake_root).latest(["silver.lots"])["silver.lots", DAY]
    assert (row.run_id, row.state, row.contract_version, row.delta_version, row.content_hash) == ("crashed", "published", "1.0.0", 1, "7:crashed")
    assert (row.rows_in, row.published, row.quarantined, row.deduplicated, row.superseded, row.warned, row.unaccounted) == (10, 7, 2, 1, 0, 3, 0)
    assert only(doctor_lake.look_at_ledger).what == "knows every commit"
    assert run("doctor", "--fix").stdout.startswith("Nothing to mend: ")


def test_only_the_newest_commit_of_a_day_counts() -> None:
    commit("first", DAY)
    commit("second", DAY)
    assert lost() == [(DAY, "second")]
    recorded("second", DAY, datetime.now(UTC))
    assert lost() == []


def test_a_day_that_the_ledger_knows_of_an_older_run_only_is_lost() -> None:
    recorded("before", DAY, datetime(2026, 1, 1, tzinfo=UTC))
    commit("crashed", DAY)
    assert lost() == [(DAY, "crashed")]


def test_a_later_run_that_held_the_day_is_the_newer_truth() -> None:
    commit("crashed", DAY)
    recorded("later", DAY, datetime.now(UTC) + timedelta(seconds=5))
    assert lost() == []


def test_commits_of_maintenance_and_by_hand_say_nothing_of_days() -> None:
    fill("silver.lots", [{"lot_id": "L-1"}])
    fill("silver.lots", [{"lot_id": "L-1"}], {"days": {"yesterday": []}})
    assert lost() == []


def test_nothing_is_written_while_a_run_is_at_work(home: Path) -> None:
    commit("running", DAY)
    lease(home)
    assert only(doctor_lake.look_at_ledger).level == "warn"
    done = run("doctor", "--fix")
    assert (done.exit_code, done.stderr.splitlines()[0]) == (75, "GB-1520 A run is at work.")
    assert Ledger(load_settings().lake_root).latest(["silver.lots"]) == {}


def test_no_server_is_stopped() -> None:
    assert run("doctor", "--stop").stdout == "No Spark server was running.\n"
    assert document("doctor", "--stop") == {"stopped": False}


def test_a_sandbox_that_is_stopped_is_no_failure(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    port = free_port()
    monkeypatch.setenv("GLOBALBEV_SHOP_DSN", f"postgresql://shop:hunter2@127.0.0.1:{port}/shop")
    monkeypatch.setattr(sandbox, "status", lambda _: sandbox.Status(home, exists=True, shop_port=port))
    found = only(doctor_sources.look_at_databases)
    assert (found.level, found.todo) == ("warn", "`globalbev sandbox up` starts it.")
