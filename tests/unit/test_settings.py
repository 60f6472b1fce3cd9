"""Paths mean the same in every process, whatever folder it runs in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from resources.settings import PROJECT, Settings, load_settings


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("lake", PROJECT / "lake"),
        ("./a/../lake/", PROJECT / "lake"),
        ("../lake", PROJECT.parent / "lake"),
        ("/data/lake", Path("/data/lake")),
        ("~/lake", Path("~/lake").expanduser()),
    ],
)
def test_a_relative_path_is_one_from_the_project_on(given: str, meant: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "LAKE", "LANDING"):
        monkeypatch.setenv(f"GLOBALBEV_{name}", given)
    found = load_settings(tmp_path / "no.env")
    assert (found.home, found.lake_root, found.landing_root) == (meant, str(meant), meant)


def test_relative_folders_of_contracts_are_the_project_s_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``GLOBALBEV_CONTRACTS=more`` was a folder of wherever a process had been started: found by one command, missing for the next."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GLOBALBEV_CONTRACTS", os.pathsep.join(("more", "../others/", "", "~/own", "/data/contracts")))
    expected = (PROJECT / "more", PROJECT.parent / "others", Path("~/own").expanduser(), Path("/data/contracts"))
    assert load_settings(tmp_path / "no.env").contract_folders[:4] == expected


def test_what_stands_in_a_file_means_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "LAKE", "LANDING"):
        monkeypatch.delenv(f"GLOBALBEV_{name}", raising=False)
    (tmp_path / ".env").write_text("GLOBALBEV_HOME=state\n")
    found = load_settings(tmp_path / ".env")
    assert (found.lake_root, found.landing_root) == (str(PROJECT / "state" / "lake"), PROJECT / "state" / "landing")


@pytest.mark.parametrize("url", ["abfss://lake@globalbev.dfs.core.windows.net/bev", "s3://lake", "file:///data/lake", "dbfs:/lake"])
def test_a_url_stays_as_it_is(url: str) -> None:
    assert Settings(_env_file=None, lake=url).lake_root == url
