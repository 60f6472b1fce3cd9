"""The doctor's look at this machine: Java, JARs, packages, the Spark server, the disk. No JVM is started, nothing is downloaded."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from globalbev_assets.operations.findings import Finding, Installation, fail, ok, warn
from globalbev_assets.operations.output import duration, size
from resources.java import OLDEST, look_for_java
from resources.ledger import is_local, local_path
from resources.settings import PROJECT

PACKAGES = ("dagster", "dagster-pyspark", "dagster-webserver", "pyspark", "delta-spark", "deltalake", "pandas", "pandera", "duckdb", "typer")
LEAST_FREE_BYTES, COMFORTABLE_BYTES = 200_000_000, 5_000_000_000
_LOCKED = re.compile(r'^name = "([^"]+)"\nversion = "([^"]+)"', re.MULTILINE)


def look_at_java(at: Installation) -> Iterator[Finding]:
    """A Java that runs Spark."""
    java = look_for_java(at.settings.home)
    if java is None:
        yield warn(
            "Java",
            f"none of version {OLDEST} or later is found",
            f"Install one, or let the first run do it; it is looked for by JAVA_HOME, on PATH and in {at.settings.home / 'java'}.",
        )
    else:
        yield ok("Java", f"{java.major} at {java.path} ({java.source})")


def look_at_jars(at: Installation) -> Iterator[Finding]:
    """The JARs that Spark lacks, as the installed packages want them."""
    from resources.jars import present_jars, wanted  # noqa: PLC0415

    found = wanted()
    wish = f"{found.delta} {found.delta_version}, postgresql {found.postgresql_version}"
    jars = present_jars(at.settings.home)
    if jars:
        yield ok("JARs", f"{len(jars)} in {at.settings.home / 'jars'}: {wish}")
    else:
        yield warn(
            "JARs",
            f"not all of {wish} are in {at.settings.home / 'jars'}",
            "The first run downloads them (14 MB); offline, copy that folder from an installation that has it.",
        )


def look_at_packages(at: Installation) -> Iterator[Finding]:  # noqa: ARG001  the checks share one signature
    """The packages that have to fit each other, as the lock has them."""
    lock = PROJECT / "uv.lock"
    locked = dict(_LOCKED.findall(lock.read_text(encoding="utf-8"))) if lock.is_file() else {}
    installed = {name: _version(name) for name in PACKAGES}
    other = [f"{name} {found or 'missing'} (locked: {locked[name]})" for name, found in installed.items() if name in locked and locked[name] != found]
    if other:
        yield fail("packages", ", ".join(other), "Run `make setup`.")
    else:
        shown = ", ".join(f"{name} {installed[name]}" for name in ("dagster", "pyspark", "delta-spark", "pandas"))
        yield ok("packages", f"{shown}{', as locked' if locked else ''}")


def look_at_spark(at: Installation) -> Iterator[Finding]:
    """The warm Spark server."""
    from resources.jars import present_jars  # noqa: PLC0415
    from resources.process_identity import age_s  # noqa: PLC0415
    from resources.spark_profile import spark_folder  # noqa: PLC0415
    from resources.spark_server import server_status  # noqa: PLC0415
    from resources.spark_server_record import LOG, read_record  # noqa: PLC0415

    folder = spark_folder(at.settings.home)
    record = read_record(folder)
    if record is None or not record.is_alive():
        yield ok("Spark server", "not running; the first run starts it")
        return
    status = server_status(at.settings) if present_jars(at.settings.home) else None
    memory = status.rss_bytes if status else 0
    text = f"process {record.pid}, port {record.port}, up {duration(age_s(record.started))}, {size(memory)} of memory, UI http://127.0.0.1:{record.ui_port}"
    if not record.answers():
        yield fail(
            "Spark server", f"{text}; it does not answer", f"Read {folder / LOG}, then `globalbev doctor --stop`; the next run starts another."
        )
    elif status is not None and not status.is_current:
        yield warn(
            "Spark server",
            f"{text}; it runs with other settings than yours ({record.memory})",
            "The next run replaces it once it is idle; `globalbev doctor --stop` does so now.",
        )
    else:
        yield ok("Spark server", text + (", at work" if status and status.has_jobs else ", idle"))


def look_at_disk(at: Installation) -> Iterator[Finding]:
    """Room where the lake and the local state lie."""
    root = at.settings.lake_root
    places = [existing(at.settings.home), *([existing(local_path(root))] if is_local(root) else [])]
    for place in {place.stat().st_dev: place for place in places}.values():
        free = shutil.disk_usage(place).free
        text = f"{size(free)} free at {place}"
        if free < LEAST_FREE_BYTES:
            yield fail("disk", text, "Free space, or run `globalbev clean`.")
        elif free < COMFORTABLE_BYTES:
            yield warn("disk", text, "Six months of the demo take about 1 GB with staging; `globalbev clean` removes what is not needed.")
        else:
            yield ok("disk", text)


def existing(path: Path) -> Path:
    """The folder itself, or the nearest one above it that is there."""
    return next((place for place in (path, *path.absolute().parents) if place.exists()), Path("/"))


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
