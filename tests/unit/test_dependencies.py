"""Every dependency has its reason written down, and the lock knows all of them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def declared() -> list[str]:
    """All requirements of ``pyproject.toml``, with their bounds."""
    found = project()
    extras = found["project"]["optional-dependencies"].values()
    return [requirement for group in (found["project"]["dependencies"], *extras, *found["dependency-groups"].values()) for requirement in group]


def name_of(requirement: str) -> str:
    return re.match(r"[\w.-]+", requirement)[0].lower()  # type: ignore[index]


def test_each_dependency_has_one_line_of_reason() -> None:
    reasons = re.findall(r"^\| ([a-z0-9-]+) \| (.+) \|$", (ROOT / "docs" / "dependencies.md").read_text(), re.MULTILINE)
    explained = [name for name, reason in reasons if name not in {"package", "---"}]
    assert sorted(explained) == sorted(name_of(requirement) for requirement in declared())


def test_the_lock_knows_the_bounds_of_today() -> None:
    """The set-up installs the lock as it is: a bound changed without `uv lock` would be a promise that nobody keeps."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    (ours,) = [package for package in lock["package"] if package["name"] == project()["project"]["name"]]
    groups = [*ours["metadata"]["requires-dist"], *(entry for group in ours["metadata"]["requires-dev"].values() for entry in group)]
    locked = {(entry["name"], frozenset(filter(None, entry.get("specifier", "").split(",")))) for entry in groups}
    wanted = {
        (name_of(requirement), frozenset(filter(None, re.sub(r"^[\w.-]+(\[[^]]*\])?", "", requirement).split(",")))) for requirement in declared()
    }
    assert locked == wanted
