"""The environment of a rehearsal's clusters: made by uv, or said why it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from globalbev_assets.errors import TerminalError
from sandbox.databricks import ground


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a lock of its own, and nothing on PATH."""
    (tmp_path / "uv.lock").write_text("version = 1")
    monkeypatch.setattr(ground, "PROJECT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def uv(project: Path, script: str) -> None:
    """A uv that does this."""
    (project / ".uv" / "bin").mkdir(parents=True, exist_ok=True)
    program = project / ".uv" / "bin" / "uv"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_without_uv_the_reason_is_said(project: Path) -> None:
    with pytest.raises(TerminalError, match=r"GB-3040(?s:.*)uv was not found"):
        ground.cluster_python(project / "home")


def test_what_uv_said_last_is_the_reason_and_the_next_call_tries_again(project: Path) -> None:
    uv(project, 'echo "error: no such package" >&2; exit 2')
    with pytest.raises(TerminalError, match=r"GB-3040(?s:.*)no such package"):
        ground.cluster_python(project / "home")
    uv(project, '/bin/mkdir -p "$UV_PROJECT_ENVIRONMENT"')
    assert ground.cluster_python(project / "home") == project / "home" / "databricks" / "cluster-env" / "bin" / "python"


def test_it_is_made_once_and_again_when_the_lock_changed(project: Path) -> None:
    uv(project, f'/bin/mkdir -p "$UV_PROJECT_ENVIRONMENT"; echo made >> {project}/calls')
    for lock in ("version = 1", "version = 1", "version = 2"):
        (project / "uv.lock").write_text(lock)
        ground.cluster_python(project / "home")
    assert (project / "calls").read_text().split() == ["made", "made"]
