"""The command line as processes: its entry point, pipes, terminals, interrupts, a real PostgreSQL and a real Dagster instance."""

import json
import os
import pty
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from resources.dagster_home import prepare_dagster_home
from sandbox.layout import Layout
from sandbox.postgres import Postgres
from sandbox.processes import free_port
from tests.unit.cli_runs import VARIABLES, document, fill, make_home, run

ROOT = Path(__file__).parents[2]
GLOBALBEV = str(Path(sys.executable).with_name("globalbev"))
PASSWORD = "correct-horse"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return make_home(tmp_path, monkeypatch)


def variables(home: Path, **more: str) -> dict[str, str]:
    """The environment of a process that sees this home only; a variable that is set, though empty, wins over the project's ``.env``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GLOBALBEV_", "DAGSTER_", "NO_COLOR", "FORCE_COLOR"))}
    return kept | {"GLOBALBEV_HOME": str(home), "GLOBALBEV_LAKE": str(home / "lake"), "GLOBALBEV_SHOP_DSN": "", "GLOBALBEV_INVENTORY_URL": ""} | more


def start(home: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([GLOBALBEV, *words], env=variables(home, **more), capture_output=True, text=True, timeout=120, check=False)


def test_the_entry_point_tells_an_error_by_message_and_exit_code(home: Path) -> None:
    done = start(home, "backfill", "2026-01-01", "01.02.2026")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[:2] == ["GB-1001 That is not a day.", "  got:   '01.02.2026'"]
    assert start(home, "sandbox", "status", GLOBALBEV_ENV="produktion").returncode == 2
    assert start(home, "nothing").returncode == 2


@pytest.fixture
def many_files(home: Path) -> Path:
    for day in range(40):
        fill("silver.stores", [{"store_id": day * 100 + number, "store_name": "A store"} for number in range(100)])
    return home


def test_a_query_that_ends_early_ends_well(many_files: Path) -> None:
    """With deltalake's file system under DuckDB's threads half of such processes crashed, or hung, at their end."""
    queries = ["SELECT store_name::int FROM silver.stores", "SELECT * FROM silver.stores LIMIT 3"] * 2
    running = [subprocess.Popen([GLOBALBEV, "sql", query], env=variables(many_files), stdout=-3, stderr=-3) for query in queries]
    assert [process.wait(timeout=90) for process in running] == [2, 0] * 2


def test_a_pipe_that_nobody_reads_to_its_end_is_no_error(many_files: Path) -> None:
    script = f'set -o pipefail; "{GLOBALBEV}" sql "SELECT s.* FROM silver.stores s, range(20)" --csv | head -1'
    done = subprocess.run(["bash", "-c", script], env=variables(many_files), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (0, 1, "")


def test_ctrl_c_ends_a_long_query(many_files: Path) -> None:
    query = "SELECT count(*) FROM range(100000000000) a, silver.stores"
    # a test run in the background ignores SIGINT, and its children with it: as a terminal's child it would not
    process = subprocess.Popen([GLOBALBEV, "sql", query], env=variables(many_files), stdout=-1, stderr=-1, text=True, preexec_fn=_takes_sigint)  # noqa: PLW1509  no threads here
    time.sleep(6)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said.count("\n")) == (130, 1)
    assert said.startswith("Interrupted.")


def _takes_sigint() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def on_a_terminal(environment: Mapping[str, str], *words: str) -> str:
    """What a command writes to a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([GLOBALBEV, *words], env={**environment, "TERM": "xterm-256color"}, stdout=theirs, stderr=theirs, stdin=theirs)
    os.close(theirs)
    said = b""
    while True:
        try:
            block = os.read(ours, 4096)
        except OSError:  # how Linux says that the other end is closed
            break
        if not block:
            break
        said += block
    process.wait(timeout=60)
    os.close(ours)
    return said.decode()


def test_colours_are_for_terminals_and_not_for_who_wants_none(home: Path) -> None:
    colour = re.compile(r"\x1b\[(\d+;)*3\dm")
    assert colour.search(on_a_terminal(variables(home), "--help"))
    plain = on_a_terminal(variables(home, NO_COLOR="1"), "--help")
    assert not colour.search(plain)
    assert "doctor" in plain
    assert "\x1b" not in start(home, "--help").stdout


def test_the_doctor_starts_no_jvm_and_imports_neither_spark_nor_dagster(home: Path) -> None:
    java = home / "java" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\ntouch {home / 'started'}\n")
    java.chmod(0o755)
    (home / "java" / "release").write_text('JAVA_VERSION="17.0.1"\n')
    command = [sys.executable, "-X", "importtime", "-m", "globalbev_assets.operations.cli", "doctor", "--json"]
    done = subprocess.run(
        command, cwd=ROOT, env=variables(home, JAVA_HOME=str(home / "java")), capture_output=True, text=True, timeout=60, check=False
    )
    assert {"level": "ok", "topic": "Java", "what": f"17 at {home / 'java'} (JAVA_HOME)", "todo": ""} in json.loads(done.stdout)["findings"]
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert "deltalake" in imported
    assert not {"pyspark", "dagster", "pandera"} & imported
    assert not (home / "started").exists()


@pytest.fixture(scope="module")
def dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL with one table that no contract knows."""
    layout = Layout(tmp_path_factory.mktemp("postgres"))
    layout.root.mkdir()
    server, port = Postgres(layout, PASSWORD), free_port(0)
    server.start(port)
    address = server.dsn(port, "postgres")
    with psycopg.connect(address) as connection:
        connection.execute("create schema shop")
        connection.execute(
            "create table shop.returns (line_no int, return_id bigint, sku text, email text, amount numeric(12,2), returned_at timestamptz,"
            ' updated_at timestamptz, "Grund" text, primary key (return_id, line_no))'
        )
    yield address
    server.stop()
    server.remove()


def test_a_contract_is_drafted_from_a_table_with_its_primary_key(home: Path, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOBALBEV_SHOP_DSN", dsn)
    out = tmp_path / "more"
    words = ("--relation", "shop.returns", "--domain", "sales", "--business-time", "returned_at", "--out", str(out))
    said = document("contract", "new", *words)
    assert (said["key"], said["left_out"]) == (["return_id", "line_no"], ["Grund"])
    assert {one["code"] for one in said["open"]} == {"GB-1026"}
    silver = (out / "silver" / "returns.odcs.yaml").read_text()
    assert "name: amount, logicalType: number, physicalType: decimal(18,4)" in silver.replace('"', "")
    for path in map(Path, said["written"]):
        path.write_text(path.read_text().replace('username: ""', "username: returns@globalbev.example"))
    monkeypatch.setenv("GLOBALBEV_CONTRACTS", str(out))
    assert document("contract", "lint")["problems"] == []


def test_a_table_that_the_database_does_not_have(home: Path, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOBALBEV_SHOP_DSN", dsn)
    for relation in ("shop.nothing", "'; drop table shop.returns; --"):
        done = run("contract", "new", "--relation", relation, "--domain", "sales", "--out", str(tmp_path / "more"))
        assert done.exit_code != 0
        assert PASSWORD not in done.stderr
    assert run("contract", "new", "--relation", "shop.nothing", "--domain", "sales").stderr.startswith("GB-1532 The database has no such table.\n")


def test_the_doctor_tells_a_wrong_password_from_a_server_that_answers(home: Path, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOBALBEV_SHOP_DSN", dsn)
    topic = "PostgreSQL (GLOBALBEV_SHOP_DSN)"
    findings = {one["topic"]: one for one in document("doctor")["findings"]}
    assert findings[topic]["what"].startswith("version 18 answers at ")
    monkeypatch.setenv("GLOBALBEV_SHOP_DSN", dsn.replace(PASSWORD, "wrong-horse"))
    failed = {one["topic"]: one for one in document("doctor", code=1)["findings"]}[topic]
    assert (failed["level"], failed["what"].endswith("refuses the password"), "horse" in str(failed)) == ("fail", True, False)


DAYS = dg.StaticPartitionsDefinition(["2026-01-01", "2026-01-02", "2026-01-03"])


@dg.asset(partitions_def=DAYS)
def loaded(context: dg.AssetExecutionContext) -> None:
    """A day that may fail."""
    if context.partition_key == "2026-01-03":
        raise dg.Failure("no such day")


def test_old_runs_go_but_those_that_a_day_is_shown_by(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = prepare_dagster_home(home)
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    with dg.DagsterInstance.get() as instance:
        replaced, shown, newest, failed = (
            dg.materialize([loaded], instance=instance, partition_key=day, raise_on_error=False).run_id
            for day in ("2026-01-01", "2026-01-02", "2026-01-01", "2026-01-03")
        )
    assert document("clean", "--events")["removals"] == []
    with sqlite3.connect(next(folder.rglob("runs.db"))) as runs:
        runs.execute("update runs set create_timestamp = datetime('now', '-100 days')")
    planned = document("clean", "--events", "--dry-run")["removals"]
    assert {one["target"] for one in planned} == {f"run {replaced}", f"run {failed}"}
    assert document("clean", "--events")["removals"] == planned
    assert document("clean")["removals"] == []
    with dg.DagsterInstance.get() as instance:
        assert {run.run_id for run in instance.get_runs()} == {shown, newest}
        assert instance.get_materialized_partitions(dg.AssetKey("loaded")) == {"2026-01-01", "2026-01-02"}


def test_every_variable_of_the_settings_is_kept_out_of_these_tests() -> None:
    from resources.settings import Settings  # noqa: PLC0415

    assert {name.upper() for name in Settings.model_fields} - {"HOME", "SPARK_MEMORY", "SPARK_IDLE_MINUTES"} <= set(VARIABLES)
