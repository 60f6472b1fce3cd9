"""The JARs: downloaded once, whole or again, by one process for all; a missing network is one clear error."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from globalbev_assets.errors import TerminalError
from resources import jars
from resources.jars import ensure_jars, wanted
from resources.java import look_for_java

NAMES = ("delta-spark_4.2_2.13-4.4.0.jar", "postgresql-42.7.14.jar")


class FakeIvy:
    """Writes JARs as Ivy does, counts how often, and fails when told to."""

    def __init__(self) -> None:
        self.runs = 0
        self.stops_after: int | None = None

    def __call__(self, _home: Path, work: Path) -> None:
        self.runs += 1
        (work / "jars").mkdir()
        for number, name in enumerate(NAMES):
            if number == self.stops_after:
                raise KeyboardInterrupt
            (work / "jars" / name).write_text(name)
        time.sleep(0.05)


@pytest.fixture
def ivy(monkeypatch: pytest.MonkeyPatch) -> FakeIvy:
    fake = FakeIvy()
    monkeypatch.setattr(jars, "_run_ivy", fake)
    return fake


def test_they_are_downloaded_once_and_then_found_in_milliseconds(ivy: FakeIvy, tmp_path: Path) -> None:
    first = ensure_jars(tmp_path)
    assert [path.name for path in first] == list(NAMES)
    assert all(path.is_absolute() and path.read_text() == path.name for path in first)
    started = time.perf_counter()
    assert ensure_jars(tmp_path) == first
    assert time.perf_counter() - started < 0.01
    assert ivy.runs == 1


def test_a_download_that_was_cut_off_is_done_again(ivy: FakeIvy, tmp_path: Path) -> None:
    ivy.stops_after = 1
    with pytest.raises(KeyboardInterrupt):
        ensure_jars(tmp_path)
    ivy.stops_after = None
    assert len(ensure_jars(tmp_path)) == 2
    assert ivy.runs == 2


@pytest.mark.parametrize("damage", ["missing", "cut", "no record", "half a record"])
def test_a_damaged_folder_is_made_anew(ivy: FakeIvy, tmp_path: Path, damage: str) -> None:
    jar, record = ensure_jars(tmp_path)[0], tmp_path / "jars" / jars.COMPLETE
    damages = {
        "missing": jar.unlink,
        "cut": lambda: jar.write_text("del"),
        "no record": record.unlink,
        "half a record": lambda: record.write_text('{"wanted"'),
    }
    damages[damage]()
    assert ensure_jars(tmp_path)[0].read_text() == NAMES[0]
    assert ivy.runs == 2


def test_another_version_of_delta_replaces_them(ivy: FakeIvy, tmp_path: Path) -> None:
    ensure_jars(tmp_path)
    record = tmp_path / "jars" / jars.COMPLETE
    old = json.loads(record.read_text())
    old["wanted"][1] = "4.3.0"
    record.write_text(json.dumps(old))
    (tmp_path / "jars" / "delta-spark_4.2_2.13-4.3.0.jar").write_text("old")
    ensure_jars(tmp_path)
    assert sorted(path.name for path in (tmp_path / "jars").glob("*.jar")) == list(NAMES)


def test_many_at_once_download_once(ivy: FakeIvy, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(ensure_jars, [tmp_path] * 8))
    assert len(found) == 1
    assert ivy.runs == 1


def test_the_versions_are_those_of_the_installed_packages() -> None:
    assert wanted() == ("delta-spark_4.2_2.13", "4.4.0", "42.7.14", "0.1.0")


@pytest.mark.parametrize(
    ("organisation", "is_left_out"),
    [
        ("io.delta", False),
        ("io.unitycatalog", False),
        ("org.postgresql", False),
        ("org.apache.hadoop", True),
        ("io.delta.kernel", True),
        ("com.fasterxml.jackson.core", True),
    ],
)
def test_what_pyspark_ships_is_left_out(organisation: str, is_left_out: bool) -> None:
    pattern = re.search(r'<exclude org="(\S+)" matcher', jars._MODULE)
    assert pattern is not None
    assert bool(re.fullmatch(pattern.group(1), organisation)) is is_left_out


def test_without_a_network_the_error_says_what_is_wanted_and_from_where(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if look_for_java(tmp_path) is None:
        pytest.skip("no Java on this machine")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(TerminalError) as error:
        ensure_jars(tmp_path)
    assert error.value.code == "GB-1112"
    assert "repo1.maven.org" in str(error.value.valid)
    assert "refused" in str(error.value.got)
    assert not list((tmp_path / "jars").glob("*.jar"))
