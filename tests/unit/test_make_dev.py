"""``make dev`` starts the sandbox for who has named no source, and for nobody else: with its programs replaced by ones that only say what they were called."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("pyproject.toml", "uv.lock"):
        (tmp_path / name).touch()
    for name in ("globalbev", "dagster"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\necho {name} "$@"\n')
        program.chmod(0o755)
    (tmp_path / "ready").touch()
    return tmp_path


def dev(project: Path, **variables: str) -> list[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GLOBALBEV_", "MAKE")) and name not in ("ARGS", "MFLAGS")}
    command = ["make", "-f", str(ROOT / "Makefile"), "dev", "BIN=bin", "READY=ready"]
    return subprocess.run(command, cwd=project, env=kept | variables, capture_output=True, text=True, check=True, timeout=30).stdout.splitlines()


def test_who_has_said_nothing_gets_the_sandbox(project: Path) -> None:
    assert dev(project) == ["globalbev sandbox up", "dagster dev"]
    assert dev(project, GLOBALBEV_HOME="/data/bev", GLOBALBEV_SHOP_DSN="") == ["globalbev sandbox up", "dagster dev"]


def test_a_file_of_settings_is_left_alone(project: Path) -> None:
    (project / ".env").write_text("GLOBALBEV_SHOP_DSN=postgresql://db/erp\n")
    assert dev(project) == ["dagster dev"]


@pytest.mark.parametrize("name", ["GLOBALBEV_SHOP_DSN", "GLOBALBEV_INVENTORY_URL", "GLOBALBEV_LANDING"])
def test_variables_do_as_well_as_a_file(project: Path, name: str) -> None:
    assert dev(project, **{name: "somewhere else, with spaces"}) == ["dagster dev"]
