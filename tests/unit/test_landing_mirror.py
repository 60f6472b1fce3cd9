"""A landing zone that is storage for the host: looked at in a mirror, with the same answers as where it is a folder. The storage is a folder by its URL."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from globalbev_assets.contracts.drift import Shape
from globalbev_assets.contracts.freshness import SourceLook
from globalbev_assets.contracts.names import TableName
from globalbev_assets.errors import TransientError
from resources.bronze_sources import file_feed
from resources.drift.comparing import Comparison
from resources.drift.sources import Glance, InstalledSources
from resources.freshness import promise_of
from resources.landing_mirror import LandingMirror, _is_safe
from resources.landing_walk import Candidate, candidates
from resources.settings import Settings
from resources.source_deliveries import SourceDeliveries
from tests.integration.drift_world import PANEL_HEADER, panel
from tests.unit.contract_files import packaged

DAY, NEXT_DAY = date(2026, 6, 1), date(2026, 6, 8)
PANEL, NUTRITION = TableName("bronze", "market_panel"), TableName("bronze", "product_nutrition")
THEN = datetime(2026, 6, 9, 6, tzinfo=UTC)


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    folder = tmp_path / "container"
    deliver(folder, "market_panel", DAY, "week 1'ü.csv", panel())
    deliver(folder, "market_panel", NEXT_DAY, "week 2.csv", panel(PANEL_HEADER.replace("units", "pieces")))
    deliver(folder, "product_nutrition", NEXT_DAY, "BEV-1.json", '{"sku": "BEV-1", "nutrition": {"per": "100ml"}}')
    return folder


def deliver(folder: Path, feed: str, day: date, name: str, content: str, *, is_done: bool = True) -> Path:
    path = folder / feed / str(day) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    os.utime(path, (THEN.timestamp() - 3600, THEN.timestamp() - 3600))
    if is_done:
        path.with_name(f"{name}.done").touch()
    return path


def here(landing: Path) -> Settings:
    return Settings(_env_file=None, home=landing.parent / "home", landing=landing)  # type: ignore[call-arg]


def elsewhere(landing: Path) -> Settings:
    home = landing.parent / "host"
    return Settings(_env_file=None, home=home, landing=Path("/Volumes/globalbev/bronze/landing"), landing_url=f"file://{landing}")  # type: ignore[call-arg]


def mirror_of(landing: Path) -> LandingMirror:
    found = LandingMirror.of(elsewhere(landing))
    assert found is not None
    return found


def shown(files: Sequence[Candidate]) -> list[tuple[Any, ...]]:
    return [(one.key, one.day, one.size_bytes, one.mtime_ns, one.is_marked, one.fault) for one in files]


def test_a_folder_is_looked_at_where_it_is(landing: Path) -> None:
    assert LandingMirror.of(here(landing)) is None
    both = Settings(_env_file=None, home=landing.parent, landing=landing, landing_url="abfss://landing@account.dfs.core.windows.net")  # type: ignore[call-arg]
    assert LandingMirror.of(both) is None, "on a cluster the volume is there"


def test_names_sizes_and_times_are_those_of_the_storage_and_nothing_is_brought(landing: Path) -> None:
    feed = file_feed(packaged()[PANEL])
    large = deliver(landing, "market_panel", NEXT_DAY, "large.csv", "")
    os.truncate(large, 500_000_000)
    root = mirror_of(landing).names("market_panel")
    assert shown(candidates(root / "market_panel", feed)) == shown(candidates(landing / "market_panel", feed))
    assert (root / "market_panel" / str(NEXT_DAY) / "large.csv").stat().st_blocks == 0
    assert not (root / "product_nutrition").exists()


def test_what_is_observed_gets_its_first_bytes_and_keeps_its_size_and_time(landing: Path) -> None:
    found = mirror_of(landing)
    path = found.names("market_panel") / "market_panel" / str(DAY) / "week 1'ü.csv"
    original, before = (landing / "market_panel" / str(DAY) / "week 1'ü.csv").read_bytes(), path.stat()
    found.fill(path, 20)
    after = path.stat()
    assert path.read_bytes() == original[:20] + b"\0" * (len(original) - 20)
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    found.names("market_panel")
    assert path.read_bytes().startswith(original[:20]), "it is not brought again while it is as it was"
    found.fill(path, 64 * 1024)
    assert path.read_bytes() == original


def test_a_file_that_goes_or_changes_goes_or_changes(landing: Path) -> None:
    found = mirror_of(landing)
    root = found.names("market_panel")
    (landing / "market_panel" / str(DAY) / "week 1'ü.csv").unlink()
    deliver(landing, "market_panel", NEXT_DAY, "week 2.csv", "another\n")
    found.names("market_panel")
    feed = file_feed(packaged()[PANEL])
    assert shown(candidates(root / "market_panel", feed)) == shown(candidates(landing / "market_panel", feed))
    gone = root / "market_panel" / str(NEXT_DAY) / "week 2.csv"
    (landing / "market_panel" / str(NEXT_DAY) / "week 2.csv").unlink()
    found.fill(gone, 100)
    assert gone.stat().st_size == len("another\n"), "taken away between two looks: the next one sees it"


def test_days_are_brought_whole_and_others_go(landing: Path) -> None:
    found = mirror_of(landing)
    root = found.days("market_panel", [DAY, NEXT_DAY, date(2026, 6, 3)], THEN).root
    assert (root / "market_panel" / str(NEXT_DAY) / "week 2.csv").read_bytes() == (
        landing / "market_panel" / str(NEXT_DAY) / "week 2.csv"
    ).read_bytes()
    found.days("market_panel", [NEXT_DAY], THEN)
    assert sorted(path.name for path in root.rglob("*") if path.is_file()) == ["week 2.csv", "week 2.csv.done"]


def test_a_file_that_is_too_large_is_there_by_its_size_and_is_not_judged(landing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resources.landing_mirror.LARGEST", 100)
    found = mirror_of(landing)
    brought = found.days("market_panel", [NEXT_DAY], THEN)
    assert brought.large == (f"market_panel/{NEXT_DAY}/week 2.csv",)
    assert [path.name for path in brought.root.rglob("*") if path.is_file()] == ["week 2.csv.done"]
    assert look(elsewhere(landing), NEXT_DAY) == look(here(landing), NEXT_DAY)
    (landing / "market_panel" / str(NEXT_DAY) / "week 2.csv.done").unlink()
    os.utime(landing / "market_panel" / str(NEXT_DAY) / "week 2.csv", (THEN.timestamp() - 5, THEN.timestamp() - 5))
    assert found.days("market_panel", [NEXT_DAY], THEN).large == (), "it is still being written"


def test_last_weeks_file_that_is_sent_again_is_not_this_weeks(landing: Path) -> None:
    (landing / "market_panel" / str(NEXT_DAY) / "week 2.csv").unlink()
    deliver(landing, "market_panel", NEXT_DAY, "week 2 again.csv", panel())
    missing = look(here(landing), NEXT_DAY)
    assert missing is not None and missing.state == "missing"
    assert look(elsewhere(landing), NEXT_DAY) == missing


def test_storage_that_does_not_answer_is_a_known_error_and_leaves_what_is_there(landing: Path) -> None:
    found = mirror_of(landing)
    root = found.names("market_panel")
    broken = LandingMirror("abfss://landing@account.invalid", found.folder)
    with pytest.raises(TransientError) as raised:
        broken.names("market_panel")
    assert raised.value.code == "GB-1324"
    assert len(list(root.rglob("*.csv"))) == 2


@pytest.mark.parametrize("name", ["a/../../etc/passwd", "/etc/passwd", "a/b\0c", f"a/{'x' * 251}", "a/.b.fetching"])
def test_a_name_that_leads_elsewhere_is_left_out(name: str) -> None:
    assert not _is_safe(name)
    assert _is_safe("market_panel/2026-06-01/week 1'ü..csv")


def glances(settings: Settings) -> dict[str, Glance]:
    contracts = [packaged()[PANEL], packaged()[NUTRITION]]
    readers = Comparison(settings, packaged()).readers
    found = list(InstalledSources(settings).glances(contracts, readers, {}))
    assert all(isinstance(one, Glance) for one in found), found
    return {str(one.contract.name): one for one in found if isinstance(one, Glance)}


def test_drift_sees_the_same_of_storage_as_of_a_folder(landing: Path) -> None:
    def seen(one: Glance) -> list[tuple[Shape, Any]]:
        return [(found.shape, found.keys) for found in one.observe()]

    local, remote = glances(here(landing)), glances(elsewhere(landing))
    for name in ("bronze.market_panel", "bronze.product_nutrition"):
        assert seen(remote[name]) == seen(local[name]) != []
        assert remote[name].days == local[name].days
    again = glances(elsewhere(landing))
    assert {name: one.stamp for name, one in again.items()} == {name: one.stamp for name, one in remote.items()}, "having looked is no change"
    deliver(landing, "market_panel", NEXT_DAY, "week 2.csv", panel())
    assert glances(elsewhere(landing))["bronze.market_panel"].stamp != remote["bronze.market_panel"].stamp


def look(settings: Settings, day: date) -> SourceLook | None:
    contract = packaged()[PANEL]
    with SourceDeliveries(settings, THEN) as sources:
        return sources.look(contract, promise_of(contract, packaged(), settings).calendar, day)


def test_freshness_hears_the_same_of_storage_as_of_a_folder(landing: Path) -> None:
    deliver(landing, "market_panel", NEXT_DAY + timedelta(days=1), "header only.csv", PANEL_HEADER + "\n")
    for day in (DAY, NEXT_DAY, NEXT_DAY + timedelta(days=1)):
        assert look(elsewhere(landing), day) == look(here(landing), day)
    (landing / "market_panel" / str(NEXT_DAY) / "week 2.csv").unlink()
    assert look(elsewhere(landing), NEXT_DAY) == look(here(landing), NEXT_DAY)


def test_freshness_concludes_nothing_while_the_storage_does_not_answer(landing: Path) -> None:
    settings = elsewhere(landing).model_copy(update={"landing_url": "abfss://landing@account.invalid"})
    found = look(settings, NEXT_DAY)
    assert found is not None
    assert (found.state, "GB-1324" in found.detail) == ("unreachable", True)
