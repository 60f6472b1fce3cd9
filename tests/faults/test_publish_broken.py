"""A disk that fills up while it is written (F19), and sources that break in the middle: a named error, nothing half-published, a re-run that is fine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from globalbev_assets.errors import TransientError
from resources.settings import Settings

from .refunds import MEMORY, ONE_DAY, Refunds, assert_day_is, assert_sound

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
DAY = ONE_DAY[0]


@pytest.fixture
def small_disk(fault_home: Path, tmp_path: Path) -> Iterator[Refunds]:
    """A lake on a disk of 220 MB; the Spark server's own files are elsewhere."""
    mount = tmp_path / "disk"
    mount.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=220m", "tmpfs", str(mount)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk of a size of its own without root: {done.stderr.strip()}")
    yield Refunds(Settings(_env_file=None, home=fault_home, lake=str(mount / "lake"), spark_memory=MEMORY))
    subprocess.run(["umount", str(mount)], check=True)


def fill(refunds: Refunds, leave_bytes: int) -> None:
    """Fill the lake's disk but for some bytes."""
    lake = Path(refunds.settings.lake_root)
    free = os.statvfs(lake).f_bavail * os.statvfs(lake).f_frsize
    with (lake.parent / "ballast").open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, max(free - leave_bytes, 4096))


def free(refunds: Refunds) -> None:
    (Path(refunds.settings.lake_root).parent / "ballast").unlink()


@pytest.mark.parametrize("leave_bytes", [pytest.param(0, marks=pytest.mark.slow), pytest.param(12_288, marks=pytest.mark.slow), 24_576])
def test_a_disk_that_fills_up_under_a_step_is_named_and_the_rerun_is_fine(leave_bytes: int, small_disk: Refunds) -> None:
    """With nothing left the quarantine fails, with a little left the table or the ledger does."""
    small_disk.publish("before", 1, ONE_DAY)
    attempts: list[int] = []

    def full() -> None:
        attempts.append(1)
        if len(attempts) == 1:
            fill(small_disk, leave_bytes)

    try:
        result = small_disk.publish("full", 2, ONE_DAY, before=full)
        error: BaseException | None = result.error
    except TransientError as raised:  # the ledger could not be written either
        error = raised
    assert isinstance(error, TransientError), error
    assert error.code == "GB-1211"
    versions = len(small_disk.commits())
    assert_day_is(small_disk, versions, DAY)
    free(small_disk)
    assert small_disk.publish("again", 2, ONE_DAY).error is None
    assert_sound(small_disk, {DAY: 2})


def test_a_full_disk_is_said_before_anything_is_read(small_disk: Refunds) -> None:
    small_disk.publish("before", 1, ONE_DAY)
    fill(small_disk, 1_000_000)
    with pytest.raises(TransientError, match="GB-1211"):
        small_disk.publish("full", 2, ONE_DAY)
    free(small_disk)
    assert_sound(small_disk, {DAY: 1})


def test_a_source_that_breaks_in_the_middle_publishes_nothing(refunds: Refunds) -> None:
    refunds.publish("before", 1, ONE_DAY)
    result = refunds.publish("broken", 2, ONE_DAY, fails_at=30)
    assert result.error is not None
    assert result.rows[0].state == "failed"
    assert result.rows[0].reason == "GB-1248 Spark could not carry out the plan: USER_RAISED_EXCEPTION.", "its text may quote a row"
    assert_day_is(refunds, 1, DAY)
    assert refunds.writers() == ["before"]
    assert refunds.publish("mended", 2, ONE_DAY).error is None
    assert_sound(refunds, {DAY: 2})
