"""What several processes, a full disk or another clock must not break in the local state. No Spark."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil
import pytest
from deltalake import DeltaTable

from globalbev_assets.operations import heartbeat_state
from globalbev_assets.operations.heartbeat_judgement import Memory
from globalbev_assets.operations.heartbeat_state import MemoryFile
from globalbev_assets.operations.lake_masks import salt_of
from resources import delta_creation
from resources.atomic_files import append_line
from resources.bronze_step import BronzeSources
from resources.dagster_home import prepare_dagster_home
from resources.ledger import Ledger, LedgerRow
from resources.logs.spool import Spool
from resources.process_identity import age_s, start_of
from resources.settings import PROJECT, Settings
from sandbox import processes

OPENS = """
import sys
from pathlib import Path
import dagster as dg
from resources.dagster_home import prepare_dagster_home
sys.stdin.readline()
with dg.DagsterInstance.from_config(str(prepare_dagster_home(Path(sys.argv[1])))) as instance:
    instance.get_runs(limit=1), instance.all_asset_keys(), instance.all_instigator_state()
"""


def test_of_two_who_open_a_new_dagster_home_none_fails(tmp_path: Path) -> None:
    """A quarter of them did: "table runs already exists"."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": PROJECT}
    for number in range(2):
        opened = [subprocess.Popen([sys.executable, "-W", "ignore", "-c", OPENS, str(tmp_path / f"home{number}")], **pipes) for _ in range(2)]
        for process in opened:
            process.stdin.write("\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
        ended = [(process.communicate(timeout=120)[1], process.returncode) for process in opened]
        assert [code for _, code in ended] == [0, 0], ended


def test_a_home_is_made_ready_once(tmp_path: Path) -> None:
    folder = prepare_dagster_home(tmp_path)
    made = (folder / ".stores-made").stat().st_mtime_ns
    assert {path.name for path in folder.rglob("*.db")} >= {"runs.db", "schedules.db", "index.db"}
    assert prepare_dagster_home(tmp_path) == folder
    assert (folder / ".stores-made").stat().st_mtime_ns == made


def test_an_installation_has_one_salt_whoever_makes_it(tmp_path: Path) -> None:
    with ProcessPoolExecutor(
        3, mp_context=get_context("spawn")
    ) as pool:  # multiprocessing's own pool ends its processes by a signal, and once waited for ever
        for number in range(5):
            assert len(set(pool.map(salt_of, [tmp_path / str(number)] * 3, chunksize=1))) == 1


def test_a_salt_that_a_full_disk_left_empty_is_made_anew_and_kept(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "mask-salt").touch()
    assert salt_of(tmp_path) == salt_of(tmp_path) == (tmp_path / "state" / "mask-salt").read_text()


def test_a_living_process_lives_on_when_the_clock_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """psutil reckons a process's start from the boot time, which moves: 90 s forward, and servers were taken for dead."""
    if sys.platform != "linux":
        pytest.skip("psutil reckons so on Linux")
    processes.remember(tmp_path / "pid", os.getpid())
    real = psutil._pslinux.boot_time
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: real() + 90)
    assert processes.find(tmp_path / "pid") is not None


def test_a_processs_age_is_seconds() -> None:
    started = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        time.sleep(0.3)
        assert 0.2 < age_s(start_of(started.pid)) < 30
    finally:
        started.kill()
        started.wait()


def test_on_a_cluster_what_is_locked_lies_on_its_own_disk(tmp_path: Path) -> None:
    """A volume need not know locks, and the circuit breaker takes one."""
    at_home = BronzeSources(Settings(_env_file=None, home=tmp_path), "run")._locked_state
    on_cluster = BronzeSources(Settings(_env_file=None, home=Path("/Volumes/c/ops/state"), spark="cluster"), "run")._locked_state
    assert at_home == tmp_path / "state"
    assert "Volumes" not in on_cluster.parts


def test_a_line_that_a_full_disk_cuts_takes_no_other_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool, write = Spool(tmp_path / "spool", 10**6), os.write
    spool.write(b'{"n": 1}')
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:4]))
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        spool.write(b'{"n": 2}')
    monkeypatch.undo()
    spool.write(b'{"n": 3}')
    spool.seal()
    (batch,) = spool.batches(10**6)
    assert [json.loads(line)["n"] for line in batch.lines] == [1, 3]


def test_a_line_after_a_stump_is_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    append_line(path, '{"n": 1}')
    path.write_bytes(path.read_bytes() + b'{"n": 2, "te')
    append_line(path, '{"n": 3}')
    assert path.read_text().splitlines() == ['{"n": 1}', '{"n": 2, "te', '{"n": 3}']


def test_on_a_full_disk_the_heartbeat_still_knows_that_it_has_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state").mkdir()
    memory = MemoryFile(tmp_path)
    memory.write(Memory({"daemon": 1.0}, 5.0, is_told=False, told_of=()))

    def full(path: Path, text: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path, text[:1])

    monkeypatch.setattr(heartbeat_state, "write_text", full)
    memory.write(Memory({}, 5.0, is_told=True, told_of=()))
    assert memory.read() == Memory({}, 5.0, is_told=True, told_of=())


@pytest.fixture
def unwritable_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryFile]:
    """As another user finds the lock that root has made."""
    monkeypatch.setattr(heartbeat_state.FileLock, "acquire", lambda *_, **__: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    yield MemoryFile(tmp_path)


def test_a_lock_of_another_user_keeps_nobody_from_looking(unwritable_lock: MemoryFile) -> None:
    with unwritable_lock.held():
        assert unwritable_lock.read() == Memory()


def test_a_table_of_many_small_commits_stays_quick_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delta_creation, "COMPACTED_EVERY", 10)
    ledger = Ledger(str(tmp_path))
    for number in range(25):
        ledger.append([LedgerRow("bronze.orders", date(2026, 1, 1 + number), "run", "published", datetime.now(UTC), "1.0.0")])
    assert len(DeltaTable(tmp_path / "ops" / "ledger").file_uris()) < 10
    assert len(ledger.latest(["bronze.orders"])) == 25


def test_a_reader_who_has_enough_is_no_finding(tmp_path: Path) -> None:
    """``globalbev contract lint | true`` ended with 1, which says that something was found."""
    script = f"{sys.executable} -m globalbev_assets.operations.cli contract lint | true; echo ${{PIPESTATUS[0]}}"
    environment = os.environ | {"GLOBALBEV_HOME": str(tmp_path)}
    done = subprocess.run(["bash", "-c", script], cwd=PROJECT, env=environment, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "0\n", done.stderr
