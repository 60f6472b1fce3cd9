"""What a file's bytes say: encoding, delimiter, records, or why it is dead."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources.file_feed import DeadReason, FileFeed
from resources.landing_inspect import Inspection, inspect

COLUMNS = ("contact_id", "first_name", "last_name", "city")
CSV = FileFeed("crm_contacts", "csv", COLUMNS)
HEADER = ",".join(COLUMNS) + "\n"


def judge(folder: Path, content: str | bytes, feed: FileFeed = CSV) -> Inspection:
    path = folder / f"file.{feed.format}"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return inspect(path, feed)


class TestEncoding:
    @pytest.mark.parametrize(
        ("codec", "name", "has_bom"), [("utf-8", "UTF-8", False), ("utf-8-sig", "UTF-8", True), ("cp1252", "windows-1252", False)]
    )
    def test_the_accepted_encodings_are_told_apart(self, tmp_path: Path, codec: str, name: str, has_bom: bool) -> None:
        found = judge(tmp_path, (HEADER + "1,Jörg,Müller’s,Köln\n").encode(codec))
        assert (found.reason, found.encoding, found.has_bom, found.header) == ("", name, has_bom, COLUMNS)

    def test_plain_ascii_is_utf8(self, tmp_path: Path) -> None:
        assert judge(tmp_path, HEADER).encoding == "UTF-8"

    @pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
    def test_wide_encodings_are_dead(self, tmp_path: Path, codec: str) -> None:
        assert judge(tmp_path, (HEADER + "1,A,B,C\n").encode(codec)).reason == DeadReason.ENCODING

    def test_what_no_accepted_encoding_has_is_dead(self, tmp_path: Path) -> None:
        assert judge(tmp_path, HEADER.encode() + b"1,\x81\x8d,B,C\n").reason == DeadReason.ENCODING

    def test_damaged_utf8_is_not_taken_for_cp1252(self, tmp_path: Path) -> None:
        found = judge(tmp_path, (HEADER + "1,Jörg,Müller,Köln\n").encode() + b"2,\xc3,B,C\n")
        assert (found.reason, found.message) == (DeadReason.ENCODING, "UTF-8 with broken characters in it")

    def test_cp1252_that_looks_like_utf8_in_one_place_is_still_cp1252(self, tmp_path: Path) -> None:
        """``É’`` is C9 92 in cp1252, a sound pair in UTF-8."""
        assert judge(tmp_path, (HEADER + "1,CAFÉ’,Müller,Köln\n").encode("cp1252")).encoding == "windows-1252"

    def test_a_feed_of_utf8_alone_takes_nothing_else(self, tmp_path: Path) -> None:
        feed = FileFeed("a", "csv", COLUMNS, encodings=("utf-8",))
        assert judge(tmp_path, (HEADER + "1,Jörg,B,C\n").encode("cp1252"), feed).reason == DeadReason.ENCODING

    def test_a_character_cut_by_the_read_buffer_is_whole(self, tmp_path: Path) -> None:
        filler = "x" * (1024 * 1024 - len(HEADER) - 3)
        found = judge(tmp_path, HEADER + "1," + filler + "ö,B,C\n")
        assert (found.encoding, found.records) == ("UTF-8", 1)


class TestDelimiter:
    @pytest.mark.parametrize("delimiter", [",", ";"])
    def test_the_header_tells_the_delimiter(self, tmp_path: Path, delimiter: str) -> None:
        other = {",": ";", ";": ","}[delimiter]
        found = judge(tmp_path, delimiter.join(COLUMNS) + f"\n1{delimiter}A{other}B{delimiter}C{delimiter}D\n")
        assert (found.delimiter, found.header, found.records) == (delimiter, COLUMNS, 1)

    @pytest.mark.parametrize("delimiter", ["\t", "|", ":"])
    def test_another_delimiter_is_dead_and_named(self, tmp_path: Path, delimiter: str) -> None:
        found = judge(tmp_path, delimiter.join(COLUMNS) + "\n")
        assert (found.reason, repr(delimiter) in found.message) == (DeadReason.DELIMITER, True)

    @pytest.mark.parametrize("header", ["a,b,c,d", "1,Ann,Lee,Rome", "contact_id,x,y,z", "<html>"])
    def test_a_header_of_something_else_is_dead(self, tmp_path: Path, header: str) -> None:
        assert judge(tmp_path, header + "\n1,2,3,4\n").reason == DeadReason.HEADER

    @pytest.mark.parametrize(
        "header", ["contact_id,first_name", "contact_id,first_name,x,y,z", "CITY,Contact_Id,new", '"contact_id", city ', "contact_id,city,,"]
    )
    def test_half_of_the_columns_in_any_order_and_case_make_it_the_feeds_own(self, tmp_path: Path, header: str) -> None:
        assert judge(tmp_path, header + "\n").reason == ""

    def test_a_column_named_twice_is_dead(self, tmp_path: Path) -> None:
        found = judge(tmp_path, "contact_id,city,first_name,City\n")
        assert (found.reason, found.message) == (DeadReason.HEADER, "the header names city more than once")

    def test_blank_lines_before_the_header_are_no_header(self, tmp_path: Path) -> None:
        found = judge(tmp_path, "\n  \n" + HEADER + "1,2,3,4\n")
        assert (found.header, found.records) == (COLUMNS, 1)


class TestRecords:
    @pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
    @pytest.mark.parametrize("ends_open", [True, False])
    def test_line_ends_of_all_kinds(self, tmp_path: Path, line_end: str, ends_open: bool) -> None:
        lines = [HEADER.strip(), "1,A,B,C", "", '2,"D\nE",F,G', "3,H,I,J"]
        content = line_end.join(lines) + ("" if ends_open else line_end)
        assert judge(tmp_path, content.encode()).records == 3

    def test_ragged_rows_are_rows(self, tmp_path: Path) -> None:
        assert judge(tmp_path, HEADER + "1,A\n2,B,C,D,E,F\n3,G,H,I\n").records == 3

    @pytest.mark.parametrize("tail", ['1,"A', '1,"A\n2,B,C,D\n', '1,A,B,"C""', '"'])
    def test_an_open_quote_at_the_end_is_corrupt(self, tmp_path: Path, tail: str) -> None:
        assert judge(tmp_path, HEADER + tail).reason == DeadReason.CORRUPT

    def test_a_last_row_that_stops_in_the_middle_is_truncated(self, tmp_path: Path) -> None:
        found = judge(tmp_path, HEADER + "1,A,B,C\n2,D")
        assert (found.reason, found.message) == (DeadReason.TRUNCATED, "the last row stops after 2 of 4 fields, without a line end")

    def test_a_header_that_stops_in_the_middle_is_not_a_file_without_records(self, tmp_path: Path) -> None:
        assert judge(tmp_path, "contact_id,fir").reason == DeadReason.HEADER

    @pytest.mark.parametrize("content", [b"", b"\n", b" \r\n\t", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
    def test_nothing_is_empty(self, tmp_path: Path, content: bytes) -> None:
        assert judge(tmp_path, content).reason == DeadReason.EMPTY

    def test_nul_bytes_are_corrupt(self, tmp_path: Path) -> None:
        assert judge(tmp_path, HEADER.encode() + b"1,A\0,B,C\n").reason == DeadReason.CORRUPT

    def test_a_packed_file_under_a_plain_name_is_dead(self, tmp_path: Path) -> None:
        assert judge(tmp_path, b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + bytes(range(256))).reason == DeadReason.CORRUPT

    def test_more_bytes_than_the_feed_may_have_are_dead(self, tmp_path: Path) -> None:
        feed = FileFeed("a", "csv", COLUMNS, max_bytes=100)
        assert judge(tmp_path, HEADER + "1,A,B,C\n" * 20, feed).reason == DeadReason.TOO_LARGE

    def test_a_line_without_end_comes_not_into_memory(self, tmp_path: Path) -> None:
        path = tmp_path / "file.csv"
        with path.open("wb") as file:
            file.write(HEADER.encode())
            for _ in range(80):
                file.write(b"x" * 1024 * 1024)
        tracemalloc.start()
        found = inspect(path, CSV)
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found.reason == DeadReason.CORRUPT
        assert peak_bytes < 60 * 1024 * 1024

    def test_memory_does_not_grow_with_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "file.csv"
        path.write_text(HEADER + "1,Aaaaaaaaaaaaaaaaaaaaaaaa,B,C\n" * 100_000)
        tracemalloc.start()
        assert inspect(path, CSV).records == 100_000
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak_bytes < 4 * 1024 * 1024


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6) | st.sampled_from(
    ['"', "a,b", "x;y", "\n", "\r\n", "\r", '""', " "]
)


@given(st.lists(st.lists(CELL, min_size=4, max_size=4), max_size=8), st.sampled_from([",", ";"]), st.sampled_from(["\n", "\r\n"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_records_are_counted_as_the_csv_module_counts_them(tmp_path: Path, table: list[list[str]], delimiter: str, line_end: str) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows([COLUMNS, *table])
    found = judge(tmp_path, text.getvalue().encode("utf-8", "surrogatepass"))
    assert (found.reason, found.records, found.delimiter) == ("", len(table), delimiter)


@given(st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=80)
def test_any_bytes_get_a_verdict(tmp_path: Path, content: bytes) -> None:
    for feed in (CSV, FileFeed("a", "json"), FileFeed("a", "jsonl")):
        for head in (b"", HEADER.encode(), b'{"a":'):
            found = judge(tmp_path, head + content, feed)
            assert found.reason == "" or found.reason in set(DeadReason)
            assert bool(found.reason) is bool(found.message)


class TestJson:
    FEED = FileFeed("product_nutrition", "json")

    @pytest.mark.parametrize(
        ("content", "records"),
        [
            ('{"sku":"A"}', 1),
            ('[{"sku":"A"},{"sku":"B"}]', 2),
            ("[]", 0),
            ("{}", 1),
            ('\ufeff{"sku":"A"}\n', 1),
            ('{"a":{"b":[1.10,null,true,1e400]}}', 1),
        ],
    )
    def test_a_document_or_an_array_of_them(self, tmp_path: Path, content: str, records: int) -> None:
        found = judge(tmp_path, content, self.FEED)
        assert (found.reason, found.records, found.header, found.delimiter) == ("", records, (), "")

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ('{"sku":"A"', DeadReason.TRUNCATED),
            ('{"sku":"A', DeadReason.TRUNCATED),
            ('[{"sku":"A"},', DeadReason.TRUNCATED),
            ('{"sku":A}', DeadReason.INVALID_JSON),
            ('{"sku":"A"}{"sku":"B"}', DeadReason.INVALID_JSON),
            ("<html>", DeadReason.INVALID_JSON),
            ('{"sku":"A","sku":"B"}', DeadReason.DUPLICATE_KEY),
            ('{"a":[{"b":1,"b":1}]}', DeadReason.DUPLICATE_KEY),
            ('{"a":NaN}', DeadReason.NOT_A_NUMBER),
            ('{"a":-Infinity}', DeadReason.NOT_A_NUMBER),
            ('"text"', DeadReason.NO_RECORD),
            ("17", DeadReason.NO_RECORD),
            ("null", DeadReason.NO_RECORD),
            ('[{"sku":"A"},1]', DeadReason.NO_RECORD),
            ("[" * 200 + "]" * 200, DeadReason.TOO_DEEP),
            ('{"a":' * 101 + "1" + "}" * 101, DeadReason.TOO_DEEP),
            ("[" * 100_000, DeadReason.TOO_DEEP),
            ('{"a":' * 100_000, DeadReason.TOO_DEEP),
        ],
    )
    def test_what_is_dead_and_why(self, tmp_path: Path, content: str, reason: DeadReason) -> None:
        assert judge(tmp_path, content, self.FEED).reason == reason

    def test_a_hundred_levels_are_read(self, tmp_path: Path) -> None:
        assert judge(tmp_path, '{"a":' * 100 + "1" + "}" * 100, self.FEED).reason == ""

    def test_a_number_of_many_digits_is_no_attack(self, tmp_path: Path) -> None:
        """Python refuses to turn more than 4,300 digits into an int; the text is kept instead."""
        assert judge(tmp_path, '{"a":' + "9" * 100_000 + "}", self.FEED).reason == ""

    def test_a_document_is_held_to_sixteen_mebibytes(self, tmp_path: Path) -> None:
        assert judge(tmp_path, b'{"a":"' + b"x" * 16 * 1024 * 1024 + b'"}', self.FEED).reason == DeadReason.TOO_LARGE


class TestJsonLines:
    FEED = FileFeed("cdc_customers", "jsonl")

    def test_documents_tombstones_and_blank_lines(self, tmp_path: Path) -> None:
        found = judge(tmp_path, '{"op":"c"}\n\n{"op":"d"}\r\nnull\n{"op":"r"}', self.FEED)
        assert (found.reason, found.records) == ("", 4)

    @pytest.mark.parametrize(
        ("content", "reason", "message"),
        [
            ('{"op":"c"}\n{"op":"u', DeadReason.TRUNCATED, "line 2"),
            ('{"op":"c"}\n{"op":"u\n', DeadReason.INVALID_JSON, "line 2"),
            ('{"op":"c"}\nx\n{"op":"d"}\n', DeadReason.INVALID_JSON, "line 2"),
            ("1\n", DeadReason.NO_RECORD, "line 1"),
            ('[{"op":"c"}]\n', DeadReason.NO_RECORD, "line 1"),
            ('{"op":"c","op":"d"}\n', DeadReason.DUPLICATE_KEY, "line 1"),
            ('{"v":NaN}\n', DeadReason.NOT_A_NUMBER, "line 1"),
            ("null\n" + "[" * 100_000 + "\n", DeadReason.TOO_DEEP, "line 2"),
        ],
    )
    def test_one_bad_line_is_the_whole_files_end(self, tmp_path: Path, content: str, reason: DeadReason, message: str) -> None:
        found = judge(tmp_path, content, self.FEED)
        assert (found.reason, found.message.split(":")[0], found.records) == (reason, message, 0)


@given(
    st.lists(
        st.none()
        | st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=8) | st.floats(allow_nan=False, allow_infinity=False), max_size=3)
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_lines_are_counted(tmp_path: Path, documents: list[dict[str, object] | None]) -> None:
    content = "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in documents).encode("utf-8", "surrogatepass")
    found = judge(tmp_path, content, FileFeed("a", "jsonl", encodings=("utf-8",)))
    assert (found.records, found.reason) == (len(documents), "") if documents else found.reason == DeadReason.EMPTY
