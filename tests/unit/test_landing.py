"""Each delivered file is in exactly one state, by the landing zone's content alone."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globalbev_assets.errors import TerminalError, TransientError
from resources import landing_inspect
from resources.file_feed import DeadReason, Deliveries, FileFeed
from resources.landing import Judged, decide, list_deliveries
from resources.landing_inspect import Inspection
from resources.landing_walk import Candidate

FEED = FileFeed("crm_contacts", "csv", ("contact_id", "first_name", "last_name", "city"))
HEADER = "contact_id,first_name,last_name,city\n"
NOW = datetime.now(UTC)


class Zone:
    """A landing zone in a temporary folder, with the folders of ours beside it."""

    def __init__(self, folder: Path) -> None:
        self.root, self.deadletter, self.state = folder / "landing", folder / "dead", folder / "state"
        self.root.mkdir()

    def put(self, place: str, content: str | bytes, *, done: bool = True, age_s: float = 0) -> Path:
        path = self.root / FEED.name / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        os.utime(path, (time.time() - age_s, time.time() - age_s))
        if done:
            path.with_name(path.name + ".done").touch()
        return path

    def look(self, *, now: datetime | None = None, feed: FileFeed = FEED) -> Deliveries:
        return list_deliveries(self.root, feed, now=now or datetime.now(UTC), deadletter=self.deadletter, state=self.state)


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    return Zone(tmp_path)


def rows(*names: str) -> str:
    return HEADER + "".join(f"{number},{name},x,y\n" for number, name in enumerate(names))


def test_a_ready_file_says_all_that_reading_it_needs(zone: Zone) -> None:
    path = zone.put("2026-05-01/contacts.csv", '\ufeffcontact_id; first_name ;last_name;city\n1;"A\nB";C;D\n2;E;F;Köln\n')
    (file,) = zone.look().ready
    assert (file.path, file.feed, file.day, file.name, file.size_bytes) == (path, FEED.name, date(2026, 5, 1), "contacts.csv", path.stat().st_size)
    assert (file.version, file.encoding, file.has_bom, file.delimiter, file.records) == (1, "UTF-8", True, ";", 2)
    assert file.header == ("contact_id", "first_name", "last_name", "city")
    assert (file.is_superseded, file.superseded_on, len(file.sha256)) == (False, None, 64)


def test_a_feed_that_delivered_nothing_yet_is_empty(zone: Zone) -> None:
    assert zone.look() == Deliveries()


def test_a_header_alone_is_a_file_without_records(zone: Zone) -> None:
    zone.put("2026-05-01/a.csv", HEADER)
    assert [file.records for file in zone.look().ready] == [0]


class TestWaiting:
    def test_a_file_waits_until_it_was_left_alone_for_thirty_seconds(self, zone: Zone) -> None:
        zone.put("2026-05-01/a.csv", rows("A"), done=False)
        assert [file.name for file in zone.look().waiting] == ["a.csv"]
        later = datetime.now(UTC) + timedelta(seconds=31)
        assert [file.name for file in zone.look(now=later).ready] == ["a.csv"]

    def test_a_file_left_alone_is_complete_without_a_mark(self, zone: Zone) -> None:
        zone.put("2026-05-01/a.csv", rows("A"), done=False, age_s=31)
        assert [file.name for file in zone.look().ready] == ["a.csv"]

    def test_a_marked_file_is_complete_at_once(self, zone: Zone) -> None:
        zone.put("2026-05-01/a.csv", rows("A"))
        assert [file.name for file in zone.look().ready] == ["a.csv"]

    def test_half_a_file_is_not_judged_before_it_is_complete(self, zone: Zone) -> None:
        zone.put("2026-05-01/a.csv", HEADER + '1,"A', done=False)
        zone.put("2026-05-01/b.csv", b"", done=False)
        zone.put("2026-05-01/c.csv.gz", b"x", done=False)
        found = zone.look()
        assert ([file.name for file in found.waiting], found.dead) == (["a.csv", "b.csv", "c.csv.gz"], ())

    @pytest.mark.parametrize("name", ["a.csv.part", "a.csv.tmp", "a.csv.filepart", "a.csv~"])
    def test_a_name_of_a_transfer_is_never_read(self, zone: Zone, name: str) -> None:
        zone.put(f"2026-05-01/{name}", rows("A"), age_s=9999)
        assert [file.name for file in zone.look().waiting] == [name]

    def test_a_time_to_come_is_never_quiet(self, zone: Zone) -> None:
        """Better late than half: with a sender's clock two hours ahead the file waits so long, and says so."""
        zone.put("2026-05-01/a.csv", rows("A"), done=False, age_s=-7200)
        assert "or will be" in zone.look().waiting[0].message
        assert len(zone.look(now=datetime.now(UTC) + timedelta(seconds=7231)).ready) == 1

    def test_a_file_that_changes_while_it_is_read_waits(self, zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
        path = zone.put("2026-05-01/a.csv", rows("A"))
        scan = landing_inspect._scan

        def scan_and_append(file: object) -> object:
            found = scan(file)  # type: ignore[arg-type]
            with path.open("ab") as writer:
                writer.write(b"2,B,x,y\n")
            return found

        monkeypatch.setattr(landing_inspect, "_scan", scan_and_append)
        assert [file.message for file in zone.look().waiting] == ["it was written to while it was read"]


class TestTwice:
    def test_the_same_bytes_are_taken_once_whatever_their_name(self, zone: Zone) -> None:
        for place in ("2026-05-02/a.csv", "2026-05-01/b.csv", "2026-05-03/a.csv", "2026-05-01/c.csv"):
            zone.put(place, rows("A"))
        found = zone.look()
        assert [(file.day.day, file.name) for file in found.ready] == [(1, "b.csv")]
        assert [(file.day.day, file.name, file.original) for file in found.duplicates] == [
            (1, "c.csv", "2026-05-01/b.csv"),
            (2, "a.csv", "2026-05-01/b.csv"),
            (3, "a.csv", "2026-05-01/b.csv"),
        ]

    def test_a_correction_takes_the_place_of_the_earlier_file(self, zone: Zone) -> None:
        for day, names in ((1, ["A"]), (3, ["A", "B"]), (9, ["C"])):
            zone.put(f"2026-05-0{day}/a.csv", rows(*names))
        zone.put("2026-05-02/b.csv", rows("Z"))
        found = zone.look()
        assert [(file.name, file.day.day, file.version, file.is_superseded, file.superseded_on) for file in found.ready] == [
            ("a.csv", 1, 1, True, date(2026, 5, 3)),
            ("b.csv", 2, 1, False, None),
            ("a.csv", 3, 2, True, date(2026, 5, 9)),
            ("a.csv", 9, 3, False, None),
        ]
        assert [(file.name, file.day.day) for file in found.current] == [("b.csv", 2), ("a.csv", 9)]

    def test_a_dead_correction_replaces_nothing(self, zone: Zone) -> None:
        zone.put("2026-05-01/a.csv", rows("A"))
        zone.put("2026-05-02/a.csv", b"")
        assert [(file.day.day, file.is_superseded) for file in zone.look().ready] == [(1, False)]

    def test_an_emptied_file_replaces_the_earlier_although_another_is_just_as_empty(self, zone: Zone) -> None:
        zone.put("2026-05-01/a.csv", rows("A"))
        zone.put("2026-05-02/b.csv", HEADER)
        zone.put("2026-05-03/a.csv", HEADER)
        zone.put("2026-05-04/a.csv", HEADER)
        found = zone.look()
        assert [(file.name, file.records) for file in found.current] == [("b.csv", 0), ("a.csv", 0)]
        assert [file.original for file in found.duplicates] == ["2026-05-03/a.csv"]

    def test_a_day_alone_has_the_states_of_the_whole_feed(self, zone: Zone) -> None:
        zone.put("2026-05-01/a.csv", rows("A"))
        zone.put("2026-05-02/a.csv", rows("B"))
        zone.put("2026-05-02/b.csv", rows("A"))
        zone.put("2026-05-02/c.csv", b"")
        zone.put("2026-05-02/d.csv", rows("D"), done=False)
        found = zone.look()
        alone = found.on(date(2026, 5, 2))
        assert [len(part) for part in (alone.ready, alone.waiting, alone.duplicates, alone.dead)] == [1, 1, 1, 1]
        assert found.on(date(2026, 5, 1)).ready[0].superseded_on == date(2026, 5, 2)


DELIVERED = st.lists(
    st.tuples(st.integers(1, 9), st.sampled_from("abc"), st.sampled_from(["x", "y", "z"]), st.booleans()),
    max_size=12,
    unique_by=lambda one: (one[0], one[1]),
)


def judged(day: int, name: str, content: str, has_records: bool) -> Judged:
    delivered = date(2026, 5, day)
    candidate = Candidate(
        Path(f"/{delivered}/{name}"), str(delivered), delivered, name, 1, 1, 1, is_regular=True, is_marked=True, is_in_transfer=False
    )
    return Judged(candidate, Inspection(content, records=int(has_records)))


@given(DELIVERED, st.randoms(use_true_random=False))
def test_any_order_of_listing_gives_the_same_states(delivered: list[tuple[int, str, str, bool]], rng: object) -> None:
    files = [judged(*one) for one in delivered]
    shuffled = list(files)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert decide(shuffled, FEED) == decide(files, FEED)


@given(DELIVERED)
def test_every_file_is_somewhere_once_and_one_version_of_a_name_is_current(delivered: list[tuple[int, str, str, bool]]) -> None:
    ready, duplicates = decide([judged(*one) for one in delivered], FEED)
    places = [(file.day, file.name) for file in ready] + [(file.day, file.name) for file in duplicates]
    assert sorted(places) == sorted((date(2026, 5, day), name) for day, name, _, _ in delivered)
    current = [file.name for file in ready if not file.is_superseded]
    assert len(current) == len(set(current)) == len({file.name for file in ready})
    with_rows = [file.sha256 for file in ready if file.records and not file.is_superseded]
    assert len(with_rows) == len(set(with_rows)), "no bytes are taken twice"


def test_a_delivery_that_brings_back_what_was_replaced_is_a_correction_again() -> None:
    delivered = [(1, "a.csv", "first", True), (2, "a.csv", "wrong", True), (3, "a.csv", "first", True), (4, "a.csv", "first", True)]
    ready, duplicates = decide([judged(*one) for one in delivered], FEED)
    assert [(file.day.day, file.version, file.is_superseded) for file in ready] == [(1, 1, True), (2, 2, True), (3, 3, False)]
    assert [(file.day.day, file.original) for file in duplicates] == [(4, "2026-05-03/a.csv")]


@given(DELIVERED, st.integers(1, 9))
@settings(max_examples=50)
def test_a_later_delivery_changes_no_earlier_version(delivered: list[tuple[int, str, str, bool]], until: int) -> None:
    versions = {(file.day, file.name): file.version for file in decide([judged(*one) for one in delivered], FEED)[0]}
    before = decide([judged(*one) for one in delivered if one[0] <= until], FEED)[0]
    assert all(versions[file.day, file.name] == file.version for file in before)


class TestPlaces:
    @pytest.mark.parametrize("folder", ["2026-5-1", "2026-02-30", "01.05.2026", "today", "2026-05-01 "])
    def test_a_folder_that_is_no_day_makes_its_files_dead(self, zone: Zone, folder: str) -> None:
        zone.put(f"{folder}/a.csv", rows("A"))
        (file,) = zone.look().dead
        assert (file.reason, file.day, file.folder) == (DeadReason.FOLDER_DATE, None, folder)
        assert file.dead_letter == zone.deadletter / FEED.name / folder / "a.csv"

    def test_a_file_beside_the_folders_is_dead(self, zone: Zone) -> None:
        zone.put("a.csv", rows("A"), done=False, age_s=60)
        (file,) = zone.look().dead
        assert (file.reason, file.dead_letter) == (DeadReason.FOLDER_DATE, zone.deadletter / FEED.name / "_no_folder" / "a.csv")

    def test_links_are_not_followed_and_not_copied(self, zone: Zone, tmp_path: Path) -> None:
        secret = tmp_path / "secret.csv"
        secret.write_text(rows("SECRET"))
        folder = zone.put("2026-05-01/a.csv", rows("A")).parent
        (folder / "b.csv").symlink_to(secret)
        (folder.parent / "2026-05-02").symlink_to(tmp_path)
        found = zone.look()
        assert [(file.name, file.reason, file.sha256, file.dead_letter) for file in found.dead] == [
            ("2026-05-02", DeadReason.SYMLINK, "", None),
            ("b.csv", DeadReason.SYMLINK, "", None),
        ]
        assert [file.name for file in found.ready] == ["a.csv"]
        assert not [path for path in zone.deadletter.rglob("*") if path.is_file() and "SECRET" in path.read_text()]

    @pytest.mark.timeout(10)
    def test_a_pipe_or_a_folder_named_like_a_file_is_dead_and_blocks_nothing(self, zone: Zone) -> None:
        folder = zone.put("2026-05-01/a.csv", rows("A")).parent
        os.mkfifo(folder / "b.csv")
        (folder / "c.csv").mkdir()
        assert [(file.name, file.reason) for file in zone.look().dead] == [("b.csv", DeadReason.NOT_A_FILE), ("c.csv", DeadReason.NOT_A_FILE)]

    def test_a_feed_folder_that_leads_out_of_the_zone_is_refused(self, zone: Zone, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir()
        (zone.root / FEED.name).symlink_to(tmp_path / "elsewhere")
        with pytest.raises(TerminalError, match="GB-1320"):
            zone.look()

    def test_hidden_files_and_marks_are_no_deliveries(self, zone: Zone) -> None:
        zone.put("2026-05-01/.a.csv.swp", b"x")
        zone.put("2026-05-01/.sync/a.csv", rows("A"))
        (zone.root / FEED.name / "2026-05-01" / "gone.csv.done").touch()
        assert zone.look() == Deliveries()

    def test_an_ending_in_capitals_is_the_same_ending(self, zone: Zone) -> None:
        zone.put("2026-05-01/A.CSV", rows("A"))
        assert [file.name for file in zone.look().ready] == ["A.CSV"]

    @pytest.mark.parametrize("kind", ["missing", "file"])
    def test_a_landing_zone_that_is_none_is_one_clear_error(self, tmp_path: Path, kind: str) -> None:
        root = tmp_path / "landing"
        if kind == "file":
            root.touch()
        with pytest.raises(TerminalError) as caught:
            list_deliveries(root, FEED, now=NOW, deadletter=None, state=None)
        assert caught.value.code == "GB-1320"
        assert str(root) in str(caught.value)
        assert "GLOBALBEV_LANDING" in caught.value.todo

    def test_a_feed_that_is_a_file_is_one_clear_error(self, zone: Zone) -> None:
        (zone.root / FEED.name).touch()
        with pytest.raises(TerminalError, match="GB-1320"):
            zone.look()

    @pytest.mark.parametrize("name", ["../x", "", "a/b", "a b", ".", "x\n"])
    def test_a_feed_name_that_could_lead_elsewhere_is_refused(self, name: str) -> None:
        with pytest.raises(TerminalError, match="GB-1323"):
            FileFeed(name, "csv")

    def test_a_dead_letter_folder_inside_the_zone_is_refused(self, zone: Zone) -> None:
        with pytest.raises(TerminalError, match="GB-1322"):
            list_deliveries(zone.root, FEED, now=NOW, deadletter=zone.root / "dead", state=None)

    def test_a_file_that_cannot_be_read_is_transient(self, zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
        """As root no right is ever missing, so the disk says it."""
        path = zone.put("2026-05-01/a.csv", rows("A"))

        def fail(*_: object) -> int:
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr("resources.landing_inspect.os.open", fail)
        with pytest.raises(TransientError, match=r"GB-1321(.|\n)*Permission denied at .*a\.csv"):
            zone.look()


class TestCache:
    def test_a_second_look_reads_no_file(self, zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
        for number in range(5):
            zone.put(f"2026-05-01/{number}.csv", rows(str(number)))
        zone.put("2026-05-02/dead.csv", b"")
        first = zone.look(now=NOW)
        monkeypatch.setattr("resources.landing.inspect", lambda *_: pytest.fail("it was read again"))
        assert zone.look(now=NOW) == first

    @pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"files": {"x": 1}}', '{"made_for": "x", "files": []}', "\udcff"])
    def test_a_damaged_cache_is_made_anew(self, zone: Zone, content: str) -> None:
        zone.put("2026-05-01/a.csv", rows("A"))
        first = zone.look()
        cache = zone.state / f"landing-{FEED.name}.json"
        cache.write_bytes(content.encode("utf-8", "surrogateescape"))
        assert zone.look() == first
        assert json.loads(cache.read_text())["files"].keys() == {"2026-05-01/a.csv"}

    def test_entries_of_another_form_are_made_anew(self, zone: Zone) -> None:
        zone.put("2026-05-01/a.csv", rows("A"))
        first = zone.look()
        cache = zone.state / f"landing-{FEED.name}.json"
        kept = json.loads(cache.read_text())
        kept["files"]["2026-05-01/a.csv"]["inspection"] = {"unknown": 1}
        cache.write_text(json.dumps(kept))
        assert zone.look() == first

    def test_a_replaced_file_of_the_same_size_and_time_is_read_again(self, zone: Zone) -> None:
        path = zone.put("2026-05-01/a.csv", rows("A"), age_s=100)
        before, times = zone.look().ready[0].sha256, (path.stat().st_atime_ns, path.stat().st_mtime_ns)
        path.write_text(rows("B"))
        os.utime(path, ns=times)
        assert zone.look().ready[0].sha256 != before

    def test_another_contract_judges_anew(self, zone: Zone) -> None:
        zone.put("2026-05-01/a.csv", rows("A"))
        assert len(zone.look().ready) == 1
        assert len(zone.look(feed=FileFeed(FEED.name, "csv", ("sku", "units", "price"))).dead) == 1

    def test_files_that_are_gone_leave_the_cache(self, zone: Zone) -> None:
        path = zone.put("2026-05-01/a.csv", rows("A"))
        zone.look()
        path.unlink()
        assert zone.look() == Deliveries()
        assert json.loads((zone.state / f"landing-{FEED.name}.json").read_text())["files"] == {}


def test_the_landing_zone_is_never_written(zone: Zone) -> None:
    zone.put("2026-05-01/a.csv", rows("A"))
    zone.put("2026-05-01/b.csv", b"")
    zone.put("nowhere/c.csv", b"x")

    def listing() -> list[tuple[str, int, bytes]]:
        return [(str(path), path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"") for path in sorted(zone.root.rglob("*"))]

    before = listing()
    zone.look()
    assert listing() == before
