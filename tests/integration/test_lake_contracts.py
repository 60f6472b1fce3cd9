"""New tables by contract alone, from a folder outside the package: fifty of one kind, a second HTTP API, two feeds of CSV files."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from globalbev_assets.contracts.new import contract_from_csv_header, contract_from_database, contract_from_json
from globalbev_assets.operations.backfill import StageResult
from partitions.days import DayRange
from tests.integration.lakes import Lake, copied
from tests.unit.contract_files import write

pytestmark = [pytest.mark.integration]

NAMES = [f"meter_{number:02d}" for number in range(25)]  # a bronze and a silver table each: fifty
COLUMNS = [("reading_id", "bigint"), ("place", "text"), ("amount", "numeric(12,3)"), ("read_at", "timestamptz"), ("updated_at", "timestamptz")]
TOKEN = "another-apis-token"
SHIPMENTS = [{"shipment_id": number, "weight_kg": f"{number}.5", "legs": [{"from": "OH"}]} for number in range(1, 8)]


@pytest.fixture(scope="module")
def freight() -> Iterator[str]:
    """An API of another shape: the items lie deeper, pages are told by a cursor of another name, and there is no total."""

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            if asked.path != "/v2/freight" or self.headers["Authorization"] != f"Bearer {TOKEN}":
                self._answer(403, {"error": "no"})
                return
            start = int(parse_qs(asked.query).get("cursor", ["0"])[0])
            more = start + 3 if start + 3 < len(SHIPMENTS) else None
            self._answer(200, {"data": {"rows": SHIPMENTS[start : start + 3]}, "paging": {"next": str(more) if more else None}})

        def _answer(self, status: int, body: object) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@dataclass(frozen=True)
class Added:
    """The lake with the new tables, and their two runs."""

    lake: Lake
    bronze: StageResult
    silver: StageResult

    def row(self, table: str) -> dict[str, object]:
        rows = self.lake.latest([self.bronze.run_id, self.silver.run_id])
        return next(row for row in rows if row["table_name"] == table)


@pytest.fixture(scope="module")
def added(loaded: Lake, freight: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Added]:
    folder = tmp_path_factory.mktemp("contracts")
    contracts = folder / "more" / "by_others"
    contracts.mkdir(parents=True)
    variables = {"GLOBALBEV_CONTRACTS": str(folder / "more"), "GLOBALBEV_FREIGHT_URL": freight, "GLOBALBEV_FREIGHT_TOKEN": TOKEN}
    _write_contracts(contracts)
    with copied(loaded, folder, variables) as lake:
        day = lake.days.last
        _make_tables(lake)
        _deliver(lake)
        names = [*NAMES, "promotions", "strict_promotions"]
        silver = [f"silver/{name}" for name in names]
        bronze, done = lake.backfill(DayRange(day, day), [*(f"bronze/{name}" for name in names), *silver])
        yield Added(lake, bronze, done)


def _write_contracts(folder: Path) -> None:
    for name in NAMES:
        write(folder, contract_from_database(f"utility.{name}", COLUMNS, domain="metering", key=["reading_id"], business_time="read_at"))
    api = {
        "kind": "json_api", "url": "GLOBALBEV_FREIGHT_URL", "token": "GLOBALBEV_FREIGHT_TOKEN", "path": "/v2/freight", "itemsField": "data.rows",
        "nextTokenField": "paging.next", "tokenParam": "cursor", "pageSizeParam": None, "asOfParam": "day", "totalField": None, "asOfField": None,
        "keyFields": ["shipment_id"],
    }  # fmt: skip
    write(folder, contract_from_json("freight", SHIPMENTS[:2], domain="metering", key=["shipment_id"], source=api))
    header, rows = ["promo_id", "valid_from", "rate"], [["1", "2026-01-01", "0.5"]]
    for feed in ("promotions", "strict_promotions"):
        bronze, _ = write(folder, contract_from_csv_header(feed, header, rows, domain="metering", key=["promo_id"]))
        if feed == "strict_promotions":
            text = bronze.read_text()
            bronze.write_text(text.rstrip("\n") + "\n  - {property: onBadRecord, value: fail_fast}\n")


def _make_tables(lake: Lake) -> None:
    day = lake.days.last
    with psycopg.connect(lake.dsn) as connection:
        connection.execute("create schema utility")
        for number, name in enumerate(NAMES):
            connection.execute(f"create table utility.{name} ({', '.join(map(' '.join, COLUMNS))})".encode())
            values = "n, 'place ' || n, n + 0.125, %s::date + interval '1 hour' * n, now()"
            connection.execute(f"insert into utility.{name} select {values} from generate_series(1, {number % 3 + 1}) n".encode(), [day])


def _deliver(lake: Lake) -> None:
    """Two good records and one with a field too many, for each feed."""
    for feed in ("promotions", "strict_promotions"):
        place = lake.landing / feed / str(lake.days.last)
        place.mkdir(parents=True)
        (place / "week.csv").write_text("promo_id,valid_from,rate\n1,2026-01-01,0.5\n2,2026-02-01,0.25,surplus\n3,2026-03-01,1\n")
        (place / "week.csv.done").touch()


def test_fifty_tables_of_one_kind_are_fifty_files(added: Added) -> None:
    assert len(list((added.lake.folder / "more").rglob("meter_*.odcs.yaml"))) == 50
    day = added.lake.days.last
    for number, name in enumerate(NAMES):
        rows = added.lake.query(f"select reading_id, place, amount, read_date from silver.{name} order by 1")
        expected = [{"reading_id": n, "place": f"place {n}", "amount": Decimal(f"{n}.1250"), "read_date": day} for n in range(1, number % 3 + 2)]
        assert rows == expected, name
        for layer in ("bronze", "silver"):
            row = added.row(f"{layer}.{name}")
            assert (row["state"], row["rows_in"], row["published"], row["unaccounted"]) == ("published", len(expected), len(expected), 0)
    assert {row["run_id"] for row in added.lake.latest([added.bronze.run_id]) if row["table_name"].startswith("bronze.meter")} == {
        added.bronze.run_id
    }


def test_a_second_api_of_another_shape(added: Added) -> None:
    day = added.lake.days.last
    results = added.lake.backfill(DayRange(day, day), ["bronze/freight", "silver/freight"])
    assert [result.errors for result in results] == [[], []]
    rows = added.lake.query("select shipment_id, weight_kg, legs from silver.freight order by 1")
    expected = [{"shipment_id": n, "weight_kg": Decimal(f"{n}.5000"), "legs": '[{"from": "OH"}]'} for n in range(1, 8)]
    assert [{**row, "legs": json.loads(str(row["legs"]))} for row in rows] == [{**row, "legs": json.loads(str(row["legs"]))} for row in expected]


def test_a_ragged_record_is_kept_whole_where_the_contract_is_permissive(added: Added) -> None:
    row = added.row("bronze.promotions")
    assert (row["state"], row["rows_in"], row["published"]) == ("published", 3, 3)
    rows = added.lake.query("select promo_id, _rescued, _source_position from bronze.promotions order by _source_position")
    assert [(row["promo_id"], row["_source_position"]) for row in rows] == [("1", "1"), ("2", "2"), ("3", "3")]
    assert [row["_rescued"] is not None for row in rows] == [False, True, False]
    assert "2,2026-02-01,0.25,surplus" in json.loads(rows[1]["_rescued"])["_corrupt_record"]
    assert len(added.lake.query("select promo_id, valid_from, rate from silver.promotions")) == 3


def test_a_ragged_record_holds_its_day_where_the_contract_says_so_and_its_siblings_go_on(added: Added) -> None:
    assert not added.bronze.succeeded
    said, day = "\n".join(added.bronze.errors), added.lake.days.last
    assert f"bronze.strict_promotions: 1 of 1 days not published, first {day}: GB-1241 " in said
    assert f"1 in strict_promotions/{day}/week.csv." in said
    assert said.count("days not published") == 1
    assert "surplus" not in said  # a record's values are nobody's business in a message
    assert added.row("bronze.strict_promotions")["state"] == "held"
    assert added.lake.query("select count(*) as rows from bronze.strict_promotions") == [{"rows": 0}]
    assert "bronze.strict_promotions of that day is held" in "\n".join(added.silver.errors)
