"""The hooks, `make lint` and CI check the same things."""

from __future__ import annotations

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
TOOLS = ("ruff check", "ruff format", "mypy", "lint-imports", "globalbev contract lint")


def test_a_commit_is_checked_for_what_make_lint_checks() -> None:
    hooks = [
        hook["entry"].removeprefix(".venv/bin/")
        for repo in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
        for hook in repo["hooks"]
    ]
    recipe = (ROOT / "Makefile").read_text().partition("\nlint:")[2].partition("\nformat:")[0]
    assert [tool for tool in TOOLS if not any(hook.startswith(tool) for hook in hooks)] == []
    assert [tool for tool in TOOLS if f"$(BIN)/{tool}" not in recipe] == []
    assert len(hooks) == len(TOOLS) == recipe.count("$(BIN)")


def test_ci_runs_what_the_readme_says() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111, ".ci/run is not executable"
    assert "make --keep-going lint" in script.read_text() and "make test" in script.read_text()
