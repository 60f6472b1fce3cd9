"""Where Spark reads delivered files: under their own path where it is plain, else under a number."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from globalbev_assets.errors import TransientError
from resources.file_feed import ReadyFile
from resources.readable_files import is_plain, readable, working_folder

DAY = date(2026, 6, 1)


def delivered(path: Path, content: bytes = b"a\n", encoding: str = "UTF-8", delimiter: str = ",") -> ReadyFile:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return ReadyFile(path, "contacts", DAY, path.name, len(content), "", 1, encoding, False, delimiter, (), 1)


@pytest.mark.parametrize(
    "name", ["a b.csv", "contacts (1).csv", "a+b.csv", "kontakte_ü.csv", "a[1].csv", "a{b}.csv", "*.csv", "a=1.csv", "_x.csv", ".x.csv"]
)
def test_a_name_that_spark_takes_otherwise_is_read_under_a_number(tmp_path: Path, name: str) -> None:
    file = delivered(tmp_path / "landing" / name, b"what it says")
    before = file.path.stat()
    (one,) = readable([file], tmp_path / "staging", is_text=False)
    assert (one.path, one.uri, one.file.name) == (f"{tmp_path}/staging/0.csv", f"file://{tmp_path}/staging/0.csv", name)
    assert Path(one.path).read_bytes() == b"what it says"
    after = file.path.stat()
    assert (after.st_ctime_ns, after.st_nlink) == (before.st_ctime_ns, before.st_nlink), "the landing zone was changed"


def test_a_plain_name_is_read_where_it_lies_also_through_a_link(tmp_path: Path) -> None:
    delivered(tmp_path / "disk" / "contacts_2026-06-01.csv")
    (tmp_path / "landing").symlink_to(tmp_path / "disk")
    through = delivered(tmp_path / "landing" / "contacts_2026-06-01.csv")
    (one,) = readable([through], tmp_path / "staging", is_text=False)
    assert (one.path, one.uri) == (str(through.path), f"file://{through.path}")
    assert not (tmp_path / "staging").exists()


def test_numbers_do_not_meet_and_a_second_try_replaces_the_first(tmp_path: Path) -> None:
    files = [delivered(tmp_path / f"{name} .csv", name.encode()) for name in "ab"]
    for _ in range(2):
        assert [Path(one.path).read_text() for one in readable(files, tmp_path / "staging", is_text=False)] == ["a", "b"]


def test_a_text_in_another_encoding_is_written_anew_in_utf8(tmp_path: Path) -> None:
    file = delivered(tmp_path / "ü.jsonl", '{"city": "Köln €"}\r\n'.encode("cp1252"), "windows-1252", "")
    (one,) = readable([file], tmp_path / "staging", is_text=True)
    assert Path(one.path).read_bytes() == '{"city": "Köln €"}\r\n'.encode()
    (as_it_is,) = readable([file], tmp_path / "other", is_text=False)
    assert Path(as_it_is.path).read_bytes() == file.path.read_bytes()


def test_a_file_that_is_gone_is_tried_again(tmp_path: Path) -> None:
    file = delivered(tmp_path / "gone.json", b"\xe4", "windows-1252", "")
    file.path.unlink()
    with pytest.raises(TransientError, match="GB-1321"):
        list(readable([file], tmp_path / "staging", is_text=True))


@pytest.mark.parametrize("name", ["report (1).csv", "a+b.csv", "Umsätze.csv", "a[1].csv", "_x.csv"])
def test_on_a_cluster_a_name_that_spark_takes_otherwise_is_copied_for_its_volumes_know_no_links(tmp_path: Path, name: str) -> None:
    """Left where they lie, all rows of the first three were lost, the fourth failed the table, and the last was passed over."""
    (one,) = readable([delivered(tmp_path / "landing" / name, b"what it says")], tmp_path / "staging", is_text=False, is_remote=True)
    assert (one.path, one.uri) == (f"{tmp_path}/staging/0.csv", f"file://{tmp_path}/staging/0.csv")
    assert not Path(one.path).is_symlink()
    assert Path(one.path).read_bytes() == b"what it says"


def test_on_a_cluster_a_plain_name_is_read_where_it_was_delivered_and_json_of_another_encoding_in_utf8(tmp_path: Path) -> None:
    plain = delivered(tmp_path / "a.csv", encoding="windows-1252")
    foreign = delivered(tmp_path / "a.json", '{"city": "Köln"}'.encode("cp1252"), "windows-1252", "")
    (as_it_is,) = readable([plain], tmp_path / "staging", is_text=False, is_remote=True)
    assert (as_it_is.path, as_it_is.uri) == (str(plain.path), plain.path.as_uri())
    (anew,) = readable([foreign], tmp_path / "staging", is_text=True, is_remote=True)
    assert Path(anew.path).read_text(encoding="utf-8") == '{"city": "Köln"}'


def test_a_steps_folder_is_the_homes_unless_spark_cannot_take_its_path(tmp_path: Path) -> None:
    assert working_folder(tmp_path / ".globalbev", "run-1") == tmp_path / ".globalbev" / "staging" / "run-1"
    folder = working_folder(tmp_path / "jörg", "run-1")
    assert is_plain(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.rmdir()
