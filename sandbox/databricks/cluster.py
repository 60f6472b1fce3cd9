"""A cluster: one process that runs a step as Databricks' driver would, in an environment that lacks this project."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import driver

DRIVER = Path(driver.__file__)
EVICTED_AT_ONCE_S = 0.05


@dataclass(frozen=True)
class Runtime:
    """What every cluster of a workspace has: a Python with the locked libraries, Delta's JARs, and what it does not see of this machine.

    Attributes:
        python: the interpreter of an environment without this project.
        jars: on the driver's class path.
        hidden: folders of the host that no cluster has, this project's first of all.
        shown: folders below them that it has.
        java: the Java that runs Spark; none for clusters of tests that never start it.
        memory: of the driver's heap.
    """

    python: Path
    jars: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    shown: tuple[Path, ...] = ()
    java: Path | None = None
    memory: str = "2g"

    def missing(self, libraries: Iterable[Mapping[str, Any]]) -> list[str]:
        """The pins that this Python does not meet."""
        installed = self._installed()
        found = []
        for library in libraries:
            name, _, version = library.get("pypi", {}).get("package", "").partition("==")
            bare = _normal(name.partition("[")[0])
            if bare and (bare not in installed or (version and installed[bare] != version)):
                found.append(f"{name}=={version or 'any'} (has {installed.get(bare, 'nothing')})")
        return found

    def _installed(self) -> dict[str, str]:
        site = next(iter((self.python.parent.parent / "lib").glob("python3*/site-packages")), None)
        folders = site.glob("*.dist-info") if site else ()
        pairs = (folder.name.removesuffix(".dist-info").rpartition("-") for folder in folders)
        return {_normal(name): version for name, _, version in pairs}


@dataclass
class Driver:
    """The running process of one step."""

    process: subprocess.Popen[bytes]
    folder: Path

    def kill(self) -> None:
        """End it and whatever it started, as a machine that is taken away ends."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.process.wait()

    def marks(self) -> dict[str, float]:
        """Seconds since the epoch at which the driver had come so far."""
        try:
            found: dict[str, float] = json.loads((self.folder / "marks.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found


def start_driver(runtime: Runtime, folder: Path, order: Mapping[str, Any], environment: Mapping[str, str]) -> Driver:
    """Start the driver in a folder of its own; it learns what to run from ``order.json``, and nothing from this process's environment."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(DRIVER, folder / "driver.py")
    given = {
        **order,
        "folder": str(folder),
        "jars": [str(jar) for jar in runtime.jars],
        "hidden": [str(path) for path in runtime.hidden],
        "shown": [str(path) for path in (*runtime.shown, folder, runtime.python.parent.parent)],
        "memory": runtime.memory,
    }
    (folder / "order.json").write_text(json.dumps(given), encoding="utf-8")
    with (folder / "driver.log").open("ab") as log:
        process = subprocess.Popen(
            [str(runtime.python), "-I", str(folder / "driver.py"), str(folder / "order.json")],
            cwd=folder,
            env=_environment(runtime, folder) | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Driver(process, folder)


def _environment(runtime: Runtime, folder: Path) -> dict[str, str]:
    (folder / "tmp").mkdir(exist_ok=True)
    return {
        "PATH": os.defpath,
        "HOME": str(folder),
        "TMPDIR": str(folder / "tmp"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "NO_PROXY": "127.0.0.1,localhost",
        "SPARK_LOCAL_IP": "127.0.0.1",
        # The workers of a cluster have its environment too; by default they would take whatever Python the machine has.
        "PYSPARK_PYTHON": str(runtime.python),
        # Code that sees this variable takes the cluster's session; a cluster of a test that starts no Spark has none.
        **({"JAVA_HOME": str(runtime.java), "DATABRICKS_RUNTIME_VERSION": "rehearsal"} if runtime.java else {}),
    }


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
