"""Delivered files as bronze's rows, whatever they are called, wherever the landing zone lies, however header and letters are written."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import TableName
from globalbev_assets.contracts.new import contract_from_json
from partitions.days import now
from resources.bronze_sources import file_feed, from_files
from resources.bronze_step import refused_by
from resources.landing import list_deliveries
from resources.readable_files import readable
from resources.staging import stage
from tests.integration.drift_world import CRM_HEADER
from tests.unit.contract_files import load, write

pytestmark = pytest.mark.spark

DAY = date(2026, 6, 1)
NAMES = [
    "plain.csv",
    "a b.csv",
    "contacts (1).csv",
    "a+b.csv",
    "kontakte_ü.csv",
    "a[1].csv",
    "a{b,c}.csv",
    "what?.csv",
    "a'b,c&d=e@f.csv",
    "50%.csv",
    "_x.csv",
]


def bronze(spark: SparkSession, contract: Contract, root: Path, folder: Path) -> list[dict[str, Any]]:
    """What bronze would hold of all files of the feed, in the order of source and position."""
    found = list_deliveries(root, file_feed(contract), now=now(), deadletter=None, state=None)
    assert not (found.dead or found.waiting)
    is_text = contract.source.options["format"] != "csv"
    frame = from_files(spark, contract, list(readable(found.ready, folder, is_text=is_text)))
    assert frame is not None
    rows = [row.asDict() for row in frame.collect()]
    return sorted(rows, key=lambda row: (row["_source"], int(row["_source_position"])))


def deliver(root: Path, feed: str, name: str, content: bytes, day: date = DAY) -> None:
    folder = root / feed / str(day)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    (folder / f"{name}.done").touch()


@pytest.mark.parametrize("place", ["landing", "jörg's [zone]"])
def test_each_file_arrives_under_its_own_name(spark: SparkSession, book: ContractBook, tmp_path: Path, place: str) -> None:
    for number, name in enumerate(NAMES):
        rows = "".join(f"C{number}{row},A,B,,,,,,,,,,\n" for row in "ab")
        deliver(tmp_path / place, "crm_contacts", name, f"{CRM_HEADER}\n{rows}".encode())
    rows = bronze(spark, book[TableName.parse("bronze.crm_contacts")], tmp_path / place, tmp_path / "staging")
    expected = [
        (f"crm_contacts/{DAY}/{name}", str(position), f"C{number}{'ab'[position - 1]}") for number, name in enumerate(NAMES) for position in (1, 2)
    ]
    assert [(row["_source"], row["_source_position"], row["contact_id"]) for row in rows] == sorted(expected)
    assert {row["_partition_date"] for row in rows} == {DAY}


def test_a_landing_zone_behind_a_link(spark: SparkSession, book: ContractBook, tmp_path: Path) -> None:
    deliver(tmp_path / "disk", "crm_contacts", "plain.csv", f"{CRM_HEADER}\nC1,A,B,,,,,,,,,,\n".encode())
    (tmp_path / "landing").symlink_to(tmp_path / "disk")
    rows = bronze(spark, book[TableName.parse("bronze.crm_contacts")], tmp_path / "landing", tmp_path / "staging")
    assert [row["_source"] for row in rows] == [f"crm_contacts/{DAY}/plain.csv"]


def test_a_header_in_other_case_is_the_contracts(spark: SparkSession, book: ContractBook, tmp_path: Path) -> None:
    header = CRM_HEADER.upper().replace("FIRST_NAME", " First_Name ") + ",Extra"
    deliver(tmp_path, "crm_contacts", "a.csv", f"{header}\nC1,Ann,Lee,a@b.example,,,,,,,gold,,7,more\n".encode())
    (row,) = bronze(spark, book[TableName.parse("bronze.crm_contacts")], tmp_path, tmp_path / "staging")
    assert {name: row[name] for name in ("contact_id", "first_name", "last_name", "email", "loyalty_tier", "shop_customer_id", "_rescued")} == {
        "contact_id": "C1", "first_name": "Ann", "last_name": "Lee", "email": "a@b.example", "loyalty_tier": "gold", "shop_customer_id": "7",
        "_rescued": '{"Extra":"more"}',
    }  # fmt: skip


def test_fail_fast_refuses_the_days_whose_files_do_not_fit_until_they_are_replaced(spark: SparkSession, book: ContractBook, tmp_path: Path) -> None:
    contract = replace(book[TableName.parse("bronze.crm_contacts")], on_bad_record="fail_fast")
    good, long, short = (f"C{number},A,B,,,,,,,,,,{rest}" for number, rest in ((1, ""), (2, ",surplus"), (3, "")))
    mended, broken, later = DAY, DAY + timedelta(days=1), DAY + timedelta(days=2)
    for day, name, lines in (
        (mended, "one.csv", [good, long]),
        (mended, "two.csv", [good]),
        (broken, "three.csv", [long, good, short[: len("C3,A,B")], long]),
        (later, "one.csv", [good, short]),
    ):
        deliver(tmp_path, "crm_contacts", name, "\n".join([CRM_HEADER, *lines, ""]).encode(), day)
    found = list_deliveries(tmp_path, file_feed(contract), now=now(), deadletter=None, state=None)
    frame = from_files(spark, contract, list(readable(found.ready, tmp_path / "staging", is_text=False)))
    assert frame is not None
    frame = stage(frame)
    refused = refused_by(contract, frame, found.ready)
    assert set(refused) == {broken}
    assert f" Records: 3 in crm_contacts/{broken}/three.csv. Have the file corrected" in refused[broken]
    assert refused_by(replace(contract, on_bad_record="permissive"), frame, found.ready) == {}


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_json_is_read_in_the_encoding_that_it_is_written_in(spark: SparkSession, tmp_path: Path, form: str) -> None:
    source = {"kind": "file_feed", "feed": "places", "format": form}
    write(tmp_path / "contracts", contract_from_json("places", [{"place_id": "1", "city": "x"}], domain="sales", source=source))
    contract = load(tmp_path / "contracts")[TableName.parse("bronze.places")]
    for number, encoding in enumerate(["utf-8", "utf-8-sig", "cp1252"]):
        deliver(tmp_path / "landing", "places", f"{number}.{form}", f'{{"place_id": "{number}", "city": "Köln"}}\n'.encode(encoding))
    rows = bronze(spark, contract, tmp_path / "landing", tmp_path / "staging")
    assert [(row["place_id"], row["city"], row["_rescued"]) for row in rows] == [("0", "Köln", None), ("1", "Köln", None), ("2", "Köln", None)]
