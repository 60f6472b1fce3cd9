"""What is written to disk: pid files, the settings, the ledger, the landing zone."""

import json
import os
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

from sandbox import processes
from sandbox.env_file import write_env
from sandbox.landing import Landing, count_files, csv_bytes
from sandbox.layout import Layout
from sandbox.ledger import Defect, append, read
from sandbox.state import State, load_secrets, load_state, save_state

DAY = date(2026, 11, 21)


def test_a_pid_file_of_a_process_that_is_gone_is_removed(tmp_path: Path) -> None:
    pid_file = tmp_path / "gone.pid.json"
    gone = subprocess.Popen([sys.executable, "-c", ""])
    processes.remember(pid_file, gone.pid)
    gone.wait()
    assert processes.find(pid_file) is None
    assert not pid_file.exists()


def test_a_pid_that_another_process_has_by_now_is_left_alone(tmp_path: Path) -> None:
    pid_file = tmp_path / "stale.pid.json"
    pid_file.write_text(json.dumps({"pid": os.getpid(), "started": 12345.0}))
    assert processes.stop(pid_file) is False
    assert not pid_file.exists()


def test_a_pid_file_that_is_no_json_is_removed(tmp_path: Path) -> None:
    pid_file = tmp_path / "broken.pid.json"
    pid_file.write_text("4711")
    assert processes.find(pid_file) is None
    assert not pid_file.exists()


def test_a_process_that_does_not_listen_to_sigterm_is_killed(tmp_path: Path) -> None:
    pid_file = tmp_path / "deaf.pid.json"
    script = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    deaf = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert deaf.stdout
    deaf.stdout.readline()
    processes.remember(pid_file, deaf.pid)
    started = time.monotonic()
    assert processes.stop(pid_file, timeout_s=0.3)
    assert time.monotonic() - started < 5
    deaf.wait()
    deaf.stdout.close()


def test_the_settings_are_replaced_and_other_lines_kept(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# mine\nMINE=1\nexport GLOBALBEV_HOME=/old\nGLOBALBEV_ENV=dev")
    assert write_env(path, {"GLOBALBEV_HOME": "/new", "GLOBALBEV_ENV": "local"})
    assert path.read_text() == "# mine\nMINE=1\nGLOBALBEV_HOME=/new\nGLOBALBEV_ENV=local\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert not write_env(path, {"GLOBALBEV_HOME": "/new", "GLOBALBEV_ENV": "local"})


def test_the_ledger_reads_back_as_it_was_written(tmp_path: Path) -> None:
    defects = [
        Defect("orders", {"order_id": 1}, "unknown_store", "quarantined", "silver.orders", "unknown_store", "store_id", DAY),
        Defect("x", {}, "é", "waiting"),
    ]
    assert append(tmp_path / "defects.jsonl", defects) == 2
    assert list(read(tmp_path / "defects.jsonl")) == defects
    assert list(read(tmp_path / "none.jsonl")) == []


def test_the_state_reads_back_and_its_secrets_are_nobody_elses(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.root.mkdir()
    state = State(seed=1, scale=2, made_last=DAY, last=DAY)
    save_state(layout, state)
    assert load_state(layout) == state
    assert load_secrets(layout) == load_secrets(layout)
    assert layout.secrets.stat().st_mode & 0o777 == 0o600
    assert load_secrets(layout).password not in repr(load_secrets(layout))


def test_a_delivery_is_quiet_and_a_half_written_file_never_is(tmp_path: Path) -> None:
    landing = Landing(tmp_path, "feed")
    whole = landing.deliver(DAY, "whole.csv", csv_bytes(["a"], [[1]]))
    landing.still_writing(DAY, "half.csv", b"a\n1,")
    assert time.time() - whole.stat().st_mtime > 30 or date.today() <= DAY  # noqa: DTZ011
    assert whole.with_name("whole.csv.done").exists()
    half = whole.with_name("half.csv")
    assert half.stat().st_mtime > time.time() + 86_400
    assert not half.with_name("half.csv.done").exists()
    assert [defect.outcome for defect in landing.defects] == ["waiting"]
    assert count_files(tmp_path) == {"feed": 2}
