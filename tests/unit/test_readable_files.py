"""Where Spark reads delivered files: under their own path where it is plain, else under a number."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from globalbev_assets.errors import TerminalError, TransientError
from resources.file_feed import ReadyFile
from resources.readable_files import is_plain, readable, remote, working_folder

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


def test_a_cluster_reads_from_where_it_was_delivered_and_refuses_json_that_it_would_garble(tmp_path: Path) -> None:
    plain = delivered(tmp_path / "a b.csv", encoding="windows-1252")
    assert [(one.path, one.uri) for one in remote([plain])] == [(str(plain.path), plain.path.as_uri())]
    with pytest.raises(TerminalError, match="GB-1325") as caught:
        list(remote([delivered(tmp_path / "a.json", encoding="windows-1252", delimiter="")]))
    assert "contacts/2026-06-01/a.json in windows-1252" in str(caught.value.got)


def test_a_steps_folder_is_the_homes_unless_spark_cannot_take_its_path(tmp_path: Path) -> None:
    assert working_folder(tmp_path / ".globalbev", "run-1") == tmp_path / ".globalbev" / "staging" / "run-1"
    folder = working_folder(tmp_path / "jörg", "run-1")
    assert is_plain(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.rmdir()
