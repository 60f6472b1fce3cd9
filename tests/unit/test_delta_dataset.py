"""Delta tables read by Arrow: what it finds, and that a process which read one ends well. No Spark."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import TableNotFoundError

from resources.delta_dataset import rows_of
from resources.settings import PROJECT

PROCESSES = 10
READS_AND_ENDS = "import sys; from resources.delta_dataset import rows_of; [rows_of(sys.argv[1]) for _ in range(20)]"


@pytest.fixture
def table(tmp_path: Path) -> str:
    """A small table in a folder with a space and an umlaut in its name, three files."""
    path = str(tmp_path / "a täble")
    for number in range(3):
        write_deltalake(path, pa.table({"name": [f"n{number}", f"m{number}"], "number": [number, 10 + number]}), mode="append")
    return path


def test_columns_and_filters_are_taken_by_name_of_a_path_an_address_and_an_open_table(table: str) -> None:
    for given in (table, f"file://{table}", DeltaTable(table)):
        found = rows_of(given, ["name"], [("number", ">=", 10), ("name", "in", ["m1", "m2", "n0"])])
        assert sorted(found.to_pylist(), key=str) == [{"name": "m1"}, {"name": "m2"}]
    assert rows_of(table).num_rows == 6


def test_an_open_table_is_read_at_its_version(table: str) -> None:
    assert rows_of(DeltaTable(table, version=0)).num_rows == 2


def test_a_table_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(TableNotFoundError):
        rows_of(str(tmp_path / "none"))


def test_a_process_that_reads_and_ends_is_not_aborted(table: str) -> None:
    """By ``to_pyarrow_table`` a third of them were: ``terminate called without an active exception``."""
    started = [subprocess.Popen([sys.executable, "-c", READS_AND_ENDS, table], cwd=PROJECT, stderr=subprocess.PIPE) for _ in range(PROCESSES)]
    ended = [(process.communicate(timeout=120)[1], process.returncode) for process in started]
    assert ended == [(b"", 0)] * PROCESSES
