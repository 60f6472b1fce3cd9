"""The archive of loaded classes (Java's class-data sharing) that takes a cold start of Spark from 25 s to 18 s.

Java can write one at its end by itself (``-XX:ArchiveClassesAtExit``), but the server that does so starts at half the speed and ends 23 s late.
So the first server of a home only lists its classes, which costs nothing, and the keeper makes the archive from that list at the lowest
priority, while nobody uses the server. Java itself refuses an archive that does not fit its class path, and then starts without.

Only the standard library and filelock: the server's keeper imports this and is to stay small.
"""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout

_QUIET = "-Xlog:cds=off,class+path=off"
_DUMP_HEAP = "-Xmx768m"
_DUMP_S = 900


def archive_path(folder: Path, java: Path, class_path: Sequence[Path]) -> Path:
    """Where the archive of these very files lies: by path, size and time of each, as Java compares them."""
    stats = ((path, path.stat()) for path in (java.resolve(), *class_path))
    identity = "\n".join(f"{path} {stat.st_size} {stat.st_mtime_ns}" for path, stat in stats)
    return folder / f"classes-{hashlib.sha256(identity.encode()).hexdigest()[:12]}.jsa"


def archive_options(archive: Path) -> list[str]:
    """Options of Java: use the archive, or list the classes for one."""
    if archive.exists():
        return [f"-XX:SharedArchiveFile={archive}", "-Xshare:auto", _QUIET]
    return [f"-XX:DumpLoadedClassList={_listed(archive)}", _QUIET]


def make_archive(archive: Path, java: str, class_path: str) -> None:
    """Make the archive from the list that a server left; takes a minute of the lowest priority, and is whole or not there.

    Args:
        archive: where it shall be; nothing happens when it is there, when there is no list, or when another process is making it.
        java: the ``java`` command.
        class_path: the class path of the server, in its order.
    """
    if archive.exists() or not _listed(archive).exists():
        return
    with contextlib.suppress(OSError, Timeout, subprocess.TimeoutExpired), FileLock(archive.parent / ".archive.lock", timeout=0):
        _make(archive, java, class_path)


def _make(archive: Path, java: str, class_path: str) -> None:
    listed, whole, unfinished = _listed(archive), archive.with_suffix(".whole"), archive.with_suffix(".new")
    # A running server may have written half of the last line.
    whole.write_bytes(listed.read_bytes().rpartition(b"\n")[0] + b"\n")
    files = [f"-XX:SharedClassListFile={whole}", f"-XX:SharedArchiveFile={unfinished}"]
    command = ["nice", "-n", "19", java, _DUMP_HEAP, "-Xshare:dump", *files, "-cp", class_path]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=_DUMP_S, check=False)
        if done.returncode == 0 and unfinished.exists():
            for old in archive.parent.glob("classes-*.jsa"):
                old.unlink()
            unfinished.replace(archive)
            listed.unlink(missing_ok=True)
    finally:
        whole.unlink(missing_ok=True)
        unfinished.unlink(missing_ok=True)


def _listed(archive: Path) -> Path:
    return archive.with_suffix(".classes")
