"""What dead processes left in ``<home>``: staging folders, leases, the files of a Spark that does not run."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from globalbev_assets.errors import TransientError
from globalbev_assets.operations.cleaning import Removal
from resources.lease import Holder, holders
from resources.process_identity import stamp_of
from resources.settings import Settings
from resources.spark_profile import spark_folder
from resources.spark_server_record import LOCK, read_record

_STAGING = re.compile(r".+-(\d+)(?:\.(\d+))?\Z")
# A session on the warm server may go on writing after its client died, 46 s was seen; its lease is what makes the next writer end it first.
LEASE_SETTLED_S = 24 * 3600.0


def dead_staging(settings: Settings) -> Iterator[Removal]:
    """Folders ``<run>-<pid>.<start>`` whose process is gone; an earlier version's have no start."""
    for folder in _folders(settings.home / "staging"):
        named = _STAGING.match(folder.name)
        if named and not _has_made(int(named.group(1)), named.group(2), folder):
            files, size_bytes = _extent(folder)
            why = f"process {named.group(1)} is gone"
            yield Removal("staging", str(folder), why, partial(shutil.rmtree, folder), files=files, size_bytes=size_bytes)


def dead_leases(settings: Settings) -> Iterator[Removal]:
    """Leases of dead holders whose Spark session can write nothing more: no server runs, or it had a day's time."""
    from partitions.days import now  # noqa: PLC0415

    folder = settings.home / "leases"
    is_running = _is_running(settings)
    for table, holder in holders(folder).items():
        is_settled = not is_running or now().timestamp() - holder.taken_at > LEASE_SETTLED_S
        if not holder.is_alive and is_settled:
            remove = partial(_remove_lease, folder / f"{table}.json", table, holder)
            yield Removal("lease", table, f"process {holder.pid} is gone", remove, files=1, size_bytes=_size(folder / f"{table}.json"))


def idle_spark_files(settings: Settings) -> Iterator[Removal]:
    """Temporary files of a Spark that does not run, neither as a server nor inside some process."""
    folder = spark_folder(settings.home)
    if _is_running(settings) or not (folder / "tmp").is_dir():
        return
    left = list((folder / "tmp").iterdir())
    if left and not _is_used(folder):
        files, size_bytes = _extent(folder / "tmp")
        remove = partial(_remove_spark_files, settings, left)
        yield Removal("Spark", str(folder / "tmp"), "no Spark runs", remove, files=files, size_bytes=size_bytes)


def _has_made(pid: int, start: str | None, folder: Path) -> bool:
    """Whether that process runs; numbers are given again, so it is known by its start, or at least old enough to have made the folder."""
    try:
        if start is not None:
            return stamp_of(pid) == start
        return psutil.Process(pid).create_time() <= folder.stat().st_ctime
    except (psutil.Error, OSError):
        return False


def _is_running(settings: Settings) -> bool:
    record = read_record(spark_folder(settings.home))
    return record is not None and record.is_alive()


def _is_used(folder: Path) -> bool:
    """Whether some process was started with this folder: a Spark in the process has no record."""
    name = str(folder)
    return any(name in " ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))


def _remove_lease(path: Path, table: str, planned: Holder) -> None:
    with FileLock(f"{path}.lock", timeout=5):
        if holders(path.parent).get(table) == planned:
            path.unlink()


def _remove_spark_files(settings: Settings, planned: list[Path]) -> None:
    """Under the server's lock, so that none is started in between."""
    try:
        with FileLock(spark_folder(settings.home) / LOCK, timeout=1):
            if _is_running(settings):
                raise _at_work()
            for path in planned:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    except Timeout:
        raise _at_work() from None


def _at_work() -> TransientError:
    return TransientError(
        "GB-1511",
        "A Spark server was started meanwhile.",
        got="a server that uses the files",
        valid="no server",
        todo="Clean again when it has ended.",
    )


def _folders(parent: Path) -> list[Path]:
    return sorted(path for path in parent.iterdir() if path.is_dir() and not path.is_symlink()) if parent.is_dir() else []


def _extent(folder: Path) -> tuple[int, int]:
    sizes = [_size(path) for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
