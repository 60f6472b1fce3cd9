"""The project's ``.env``: the sandbox's settings, beside whatever else a user wrote into it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .state import replace_file


def write_env(path: Path, settings: Mapping[str, str]) -> bool:
    """Set these variables, keep all other lines; false when nothing had to change."""
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    lines = [line for line in before.splitlines() if _name(line) not in settings]
    after = "\n".join([*lines, *(f"{name}={value}" for name, value in settings.items())]) + "\n"
    if after == before and path.stat().st_mode & 0o777 == 0o600:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, after, mode=0o600)
    return True


def _name(line: str) -> str:
    return line.removeprefix("export ").partition("=")[0].strip()
