"""`make deploy-check` says what it left out, and on GitHub, where all is wanted, fails of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from deploy.checks import __main__ as deploy_checks


@pytest.fixture(autouse=True)
def two_checks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One of ours that is good, and actionlint, which is not on this path."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(deploy_checks, "PROGRAMS", {"actionlint": "actionlint"})
    monkeypatch.setattr(deploy_checks, "checks", lambda _: {"ours": [sys.executable, "-c", ""], "actionlint": ["actionlint", "x.yml"]})


@pytest.mark.parametrize(("more", "code"), [((), 0), (("--all",), 1)])
def test_what_is_left_out_is_said_and_fails_where_all_is_wanted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], code: int
) -> None:
    monkeypatch.setattr(sys, "argv", ["deploy.checks", ".iac", *more])
    assert deploy_checks.main() == code
    assert capsys.readouterr().out.endswith("LEFT OUT, NOT CHECKED: actionlint; actionlint is not installed\n")


def test_a_check_that_fails_fails_all_and_says_why(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(deploy_checks, "PROGRAMS", {"actionlint": "actionlint"})
    monkeypatch.setattr(deploy_checks, "checks", lambda _: {"ours": [sys.executable, "-c", "raise SystemExit('not in order')"]})
    monkeypatch.setattr(sys, "argv", ["deploy.checks", ".iac", "--all"])
    assert deploy_checks.main() == 1
    said = capsys.readouterr().out
    assert said.startswith("FAIL")
    assert "not in order" in said
