"""The command line as a person and a script meet it: help, messages, exit codes, streams."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import sandbox
from globalbev_assets.errors import DataRejectedError, GlobalBevError, TerminalError, TransientError
from globalbev_assets.operations import failures
from partitions.days import today
from partitions.history import history
from resources.dagster_home import TEMPLATE
from sandbox import Status
from tests.unit.cli_runs import document, make_home, run

ROOT = Path(__file__).parents[2]
HEAVY = ("dagster", "pyspark", "sandbox", "deltalake", "duckdb", "pyarrow", "psycopg", "pydantic", "yaml", "resources")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return make_home(tmp_path, monkeypatch)


def breaking(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def status(_: Path) -> Status:
        raise error

    monkeypatch.setattr(sandbox, "status", status)


def test_help_names_every_command() -> None:
    text = run("--help").stdout
    for command in ("demo", "backfill", "sandbox", "sql", "contract", "clean", "doctor"):
        assert f" {command} " in text
    assert all(f" {command} " in run("sandbox", "--help").stdout for command in ("up", "down", "status", "advance"))
    assert all(f" {command} " in run("contract", "--help").stdout for command in ("lint", "new", "docs"))


def test_help_imports_nothing_heavy() -> None:
    code = f"import globalbev_assets.operations.cli, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip() == "[]"


@pytest.mark.parametrize(("kind", "code"), [(TerminalError, 2), (TransientError, 75), (DataRejectedError, 65)])
def test_an_error_of_ours_is_its_message_and_its_kind_s_exit_code(monkeypatch: pytest.MonkeyPatch, kind: type[GlobalBevError], code: int) -> None:
    error = kind("GB-1004", "It is missing.", got="nothing", valid="something", todo="Set it.")
    breaking(monkeypatch, error)
    done = run("sandbox", "status", "--json")
    assert (done.exit_code, done.stdout, done.stderr) == (code, "", f"{error}\n")


def test_a_wrong_setting_is_told_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOBALBEV_ENV", "produktion")
    done = run("doctor")
    assert done.exit_code == 2
    assert done.stderr.splitlines()[0] == "GB-1003 Unknown environment."
    assert "  valid: local, dev, test, prod" in done.stderr


def test_an_unexpected_error_is_one_line_and_a_log(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("GLOBALBEV_INVENTORY_TOKEN", "a-token-of-some-length")
    breaking(monkeypatch, ValueError("a-token-of-some-length at postgresql://shop:hunter2@db/shop"))
    done = run("sandbox", "status")
    log = home / "logs" / "globalbev-errors.log"
    assert done.exit_code == 70
    assert done.stderr.startswith("Unexpected ValueError in test_cli.py:")
    assert done.stderr.count("\n") == 1
    assert str(log) in done.stderr
    text = log.read_text()
    assert "Traceback" in text
    assert "postgresql://shop:***@db/shop" in text
    assert "hunter2" not in text
    assert "a-token-of-some-length" not in text
    assert log.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("by", ["option", "variable"])
def test_a_traceback_is_shown_to_who_asks(monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    breaking(monkeypatch, ValueError("broken"))
    if by == "variable":
        monkeypatch.setenv("GLOBALBEV_DEBUG", "1")
    done = run(*(["--verbose"] if by == "option" else []), "sandbox", "status")
    assert done.exit_code == 70
    assert "Traceback" in done.stderr


def test_a_home_that_cannot_be_written_loses_no_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GLOBALBEV_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.setattr(failures.tempfile, "gettempdir", lambda: str(tmp_path))
    breaking(monkeypatch, ValueError("broken"))
    assert str(tmp_path / f"globalbev-errors-{os.getuid()}.log") in run("sandbox", "status").stderr


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    breaking(monkeypatch, KeyboardInterrupt())
    done = run("sandbox", "status")
    assert (done.exit_code, "Interrupted." in done.stderr) == (130, True)


def test_a_wrong_option_is_explained_with_the_usage() -> None:
    done = run("sandbox", "advance", "--days", "0")
    assert done.exit_code == 2
    assert "Usage: globalbev sandbox advance" in done.stderr
    assert "Unexpected" not in done.stderr


def stub(monkeypatch: pytest.MonkeyPatch, name: str, function: str) -> list[tuple[Any, ...]]:
    """Put a recorder in the place of the work behind a command."""
    calls: list[tuple[Any, ...]] = []
    module = ModuleType(f"globalbev_assets.operations.{name}")
    setattr(module, function, lambda *given: calls.append(given[:-1]) or 3)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return calls


def test_backfill_passes_on_what_was_asked_and_returns_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = stub(monkeypatch, "backfill", "run_backfill")
    done = run("backfill", "2026-01-01", "2026-01-31", "--select", "silver/orders", "--select", "group:gold", "--dry-run", "--json")
    assert calls == [("2026-01-01", "2026-01-31", ("silver/orders", "group:gold"), True, True)]
    assert done.exit_code == 3


def test_demo_passes_on_what_was_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls = stub(monkeypatch, "demo", "run_demo")
    assert run("demo", "--home", str(tmp_path), "--scale", "4").exit_code == 3
    assert run("demo", "--json").exit_code == 3
    assert calls == [(tmp_path, 4, False), (None, 1, True)]


def test_there_is_no_sandbox_yet(home: Path) -> None:
    assert run("sandbox", "status").stdout == "There is no sandbox. `globalbev sandbox up` makes one.\n"
    assert document("sandbox", "status")["is_up"] is False
    assert run("sandbox", "down").stdout == "No sandbox was running.\n"
    assert document("sandbox", "down") == {"stopped": False}
    assert not (home / "sandbox").exists()


def test_sandbox_up_prepares_dagster_s_home_and_batches_its_events(monkeypatch: pytest.MonkeyPatch, home: Path, tmp_path: Path) -> None:
    calls: list[dict[str, Any]] = []

    def up(folder: Path, **options: Any) -> Status:
        options["progress"]("loading orders")
        calls.append({"home": folder, **options})
        return Status(home, exists=True, is_shop_running=True, is_inventory_running=True, shop_port=5432, changed=True)

    monkeypatch.setattr(sandbox, "up", up)
    done = run("sandbox", "up", "--scale", "2", "--env-file", str(tmp_path / "env"))
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[0] == "The sandbox is up."
    assert (calls[0]["home"], calls[0]["scale"], calls[0]["env_file"]) == (home, 2, tmp_path / "env")
    assert calls[0]["more"] == {"DAGSTER_EVENT_BATCH_SIZE": "200"}
    assert "telemetry:" in TEMPLATE.read_text()
    assert "telemetry:" in (home / "dagster" / "dagster.yaml").read_text()
    assert document("sandbox", "up")["is_up"] is True


def test_advance_says_how_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "advance", lambda home, days, **_: Status(home, exists=False, shop_port=days))
    assert run("sandbox", "advance", "--days", "3").stdout.startswith("3 more days; ")
    assert document("sandbox", "advance")["shop_port"] == 1


def test_advance_says_when_a_day_that_is_not_over_can_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    for last, is_over in ((today(), False), (today() - timedelta(days=1), True)):
        monkeypatch.setattr(sandbox, "advance", lambda home, days, last=last, **_: Status(home, exists=False, last_day=last))  # noqa: ARG005
        assert (f"from {last + timedelta(days=1)} on" in run("sandbox", "advance").stdout) == (not is_over)


def test_a_day_that_is_not_over_is_no_day_of_the_history_whatever_the_settings_say() -> None:
    """Dagster makes a partition of it when it is over."""
    assert history(None, today() + timedelta(days=30)).last == today() - timedelta(days=1)
    assert history(None, today() - timedelta(days=30)).last == today() - timedelta(days=31)


def test_the_traceback_is_its_owners_and_follows_no_link(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GLOBALBEV_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(failures.tempfile, "gettempdir", lambda: str(tmp_path))
    log = tmp_path / "home" / "logs" / "globalbev-errors.log"
    log.parent.mkdir(parents=True)
    log.touch(0o666)
    log.chmod(0o666)
    breaking(monkeypatch, ValueError("broken"))
    run("sandbox", "status")
    assert log.stat().st_mode & 0o777 == 0o600
    log.unlink()
    victim = tmp_path / "victim"
    victim.write_text("")
    log.symlink_to(victim)
    run("sandbox", "status")
    assert victim.read_text() == ""
