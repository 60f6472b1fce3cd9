"""Dead files keep their bytes and their reason, once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from resources.file_feed import DeadReason, Deliveries, FileFeed
from resources.landing import list_deliveries

FEED = FileFeed("cdc_customers", "jsonl")
NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
BROKEN = b'{"op":"c"}\n{"op":\n'


def put(folder: Path, content: bytes, name: str = "a.jsonl", day: str = "2026-05-01") -> Path:
    path = folder / "landing" / FEED.name / day / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.with_name(path.name + ".done").touch()
    return path


def look(folder: Path, *, now: datetime = NOW, state: str = "state") -> Deliveries:
    return list_deliveries(folder / "landing", FEED, now=now, deadletter=folder / "dead", state=folder / state)


def kept(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder / "dead" / FEED.name)): path.read_bytes() for path in (folder / "dead").rglob("*") if path.is_file()}


def test_a_dead_file_keeps_its_bytes_and_its_reason(tmp_path: Path) -> None:
    put(tmp_path, BROKEN)
    (file,) = look(tmp_path).dead
    files = kept(tmp_path)
    assert files.keys() == {"2026-05-01/a.jsonl", "2026-05-01/a.jsonl.reason.json"}
    assert files["2026-05-01/a.jsonl"] == BROKEN
    assert json.loads(files["2026-05-01/a.jsonl.reason.json"]) == {
        "feed": "cdc_customers",
        "day": "2026-05-01",
        "folder": "2026-05-01",
        "name": "a.jsonl",
        "size_bytes": len(BROKEN),
        "sha256": file.sha256,
        "reason": "invalid_json",
        "message": "line 2: not JSON at character 8 of 7",
        "has_bytes": True,
        "seen_at": "2026-06-01T08:00:00+00:00",
    }
    assert (file.reason, file.seen_at, file.dead_letter) == (DeadReason.INVALID_JSON, NOW, tmp_path / "dead" / FEED.name / "2026-05-01" / "a.jsonl")


def test_seen_again_nothing_is_written_and_the_first_time_stays(tmp_path: Path) -> None:
    put(tmp_path, BROKEN)
    first = look(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "dead").rglob("*")}
    assert look(tmp_path, now=NOW + timedelta(days=1), state="another") == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "dead").rglob("*")} == before


@pytest.mark.parametrize("damage", ["", "{", '{"sha256": 1}', "[]", "null"])
def test_a_damaged_reason_is_written_anew(tmp_path: Path, damage: str) -> None:
    put(tmp_path, BROKEN)
    look(tmp_path)
    reason = tmp_path / "dead" / FEED.name / "2026-05-01" / "a.jsonl.reason.json"
    reason.write_text(damage)
    (file,) = look(tmp_path).dead
    assert json.loads(reason.read_text())["sha256"] == file.sha256


def test_bytes_that_are_gone_are_copied_again(tmp_path: Path) -> None:
    put(tmp_path, BROKEN)
    look(tmp_path)
    (tmp_path / "dead" / FEED.name / "2026-05-01" / "a.jsonl").unlink()
    look(tmp_path)
    assert kept(tmp_path)["2026-05-01/a.jsonl"] == BROKEN


def test_a_second_dead_file_of_the_same_place_does_not_displace_the_evidence(tmp_path: Path) -> None:
    put(tmp_path, BROKEN)
    look(tmp_path)
    put(tmp_path, b"")
    look(tmp_path)
    contents = sorted(content for name, content in kept(tmp_path).items() if not name.endswith(".reason.json"))
    assert contents == [b"", BROKEN]
    assert len(kept(tmp_path)) == 4


def test_a_file_mended_in_place_is_ready_and_its_dead_letter_stays(tmp_path: Path) -> None:
    put(tmp_path, BROKEN)
    look(tmp_path)
    put(tmp_path, b'{"op":"c"}\n')
    found = look(tmp_path)
    assert ([file.records for file in found.ready], found.dead) == ([1], ())
    assert kept(tmp_path)["2026-05-01/a.jsonl"] == BROKEN


def test_names_that_would_collide_with_a_reason_or_be_too_long_have_a_place_of_their_own(tmp_path: Path) -> None:
    put(tmp_path, BROKEN)
    put(tmp_path, b"not a reason", "a.jsonl.reason.json")
    put(tmp_path, BROKEN + b"\n", "n" * 240 + ".jsonl")
    dead = look(tmp_path).dead
    assert look(tmp_path).dead == dead
    assert {file.dead_letter.read_bytes() for file in dead if file.dead_letter} == {BROKEN, b"not a reason", BROKEN + b"\n"}


def test_without_a_folder_dead_files_are_described_and_nothing_is_written(tmp_path: Path) -> None:
    put(tmp_path, BROKEN)
    (file,) = list_deliveries(tmp_path / "landing", FEED, now=NOW, deadletter=None, state=None).dead
    assert (file.dead_letter, file.reason) == (None, DeadReason.INVALID_JSON)
    assert {path.name for path in tmp_path.iterdir()} == {"landing"}


def test_a_file_for_which_the_disk_has_no_room_is_described_and_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, BROKEN)
    monkeypatch.setattr("resources.dead_letter.shutil.disk_usage", lambda _: type("Usage", (), {"free": 3}))
    (file,) = look(tmp_path).dead
    assert file.dead_letter is None
    assert kept(tmp_path).keys() == {"2026-05-01/a.jsonl.reason.json"}


def test_no_value_of_a_dead_file_stands_in_its_reason(tmp_path: Path) -> None:
    put(tmp_path, b'{"email":"canary@example.org","email":"canary@example.org"}\n{"canary": canary}')
    look(tmp_path)
    assert b"canary" not in kept(tmp_path)["2026-05-01/a.jsonl.reason.json"]
