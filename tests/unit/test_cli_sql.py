"""``globalbev sql``: what an analyst may see, in which form, and what is refused without showing a row."""

from __future__ import annotations

import csv
import io
import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from globalbev_assets.contracts.names import TableName
from globalbev_assets.operations import cli_lake
from globalbev_assets.operations.lake_masks import masks_of
from globalbev_assets.operations.lake_prompt import run_prompt
from globalbev_assets.operations.lake_views import open_views
from resources.settings import load_settings
from tests.unit.cli_runs import document, fill, make_home, run
from tests.unit.contract_files import packaged

ADA = {
    "customer_id": 1, "full_name": "Ada Example", "email": "ada@example.org", "phone_e164": "+16145550101", "birth_date": date(1985, 7, 3),
    "postal_code": "43004", "country_code": "US", "updated_at": datetime(2026, 5, 2, 8, 30, tzinfo=UTC), "_warnings": ["phone_unreadable"],
}  # fmt: skip
BOB = {"customer_id": 2, "full_name": "Bob Example", "email": "ada@example.org"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of two small tables, made once."""
    with pytest.MonkeyPatch.context() as patch:
        home = make_home(tmp_path_factory.mktemp("made"), patch)
        fill("silver.customers", [ADA, BOB])
        entry = {"table_name": "silver.customers", "business_day": date(2026, 5, 2), "run_id": "run-1", "state": "published", "rows_in": 2}
        fill("ops.ledger", [entry])
    return home / "lake"


@pytest.fixture(autouse=True)
def home(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    own = make_home(tmp_path, monkeypatch)
    shutil.copytree(made, own / "lake")
    monkeypatch.setattr(cli_lake, "contracts_of", lambda _: packaged())  # parsed once; with every query again they would take half of the time
    return own


def rows(query: str, *options: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = document("sql", query, *options)["rows"]
    return found


def error(query: str) -> list[str]:
    done = run("sql", query)
    assert (done.exit_code, done.stdout) == (2, "")
    return done.stderr.splitlines()


def test_personal_columns_are_masked_as_their_contract_says() -> None:
    query = "SELECT customer_id, full_name, email, birth_date, postal_code, country_code FROM silver.customers ORDER BY customer_id"
    said = document("sql", query)
    ada, bob = said["rows"]
    assert (ada["customer_id"], ada["full_name"], ada["birth_date"], ada["postal_code"], ada["country_code"]) == (
        1,
        "***",
        "1985-01-01",
        "430***",
        "US",
    )
    assert ada["email"] == bob["email"]  # the same hash for the same value, so that rows can be joined
    assert len(ada["email"]) == 16
    assert bob["birth_date"] is None
    assert set(said["masked"]) == {"full_name", "email", "birth_date", "postal_code"}
    assert said["columns"]["birth_date"] == "DATE"


def test_every_personal_column_of_every_contract_has_a_mask_that_hides_it(home: Path) -> None:
    texts = {contract.name: masks_of(contract) for contract in packaged().values()}
    assert all({column.name for column in contract.columns if column.is_pii} <= set(texts[contract.name]) for contract in packaged().values())
    assert texts[TableName("bronze", "customers")]["_rescued"] == "redact"
    shown = run("sql", "SELECT * FROM silver.customers", "--csv").stdout
    assert not [value for value in (ADA["full_name"], ADA["email"], ADA["phone_e164"], ADA["postal_code"], "1985-07-03") if str(value) in shown]


def test_the_salt_is_this_installation_s_and_nobody_else_reads_it(home: Path) -> None:
    first = rows("SELECT email FROM silver.customers")
    assert rows("SELECT email FROM silver.customers") == first
    salt = home / "state" / "mask-salt"
    assert salt.stat().st_mode & 0o777 == 0o600
    salt.unlink()
    assert rows("SELECT email FROM silver.customers") != first


def test_a_filter_sees_the_mask_too() -> None:
    assert rows("SELECT customer_id FROM silver.customers WHERE email = 'ada@example.org'") == []


def test_who_asks_for_it_sees_everything() -> None:
    said = document("sql", "SELECT email FROM silver.customers LIMIT 1", "--unmasked")
    assert (said["rows"], said["masked"]) == ([{"email": "ada@example.org"}], [])


def test_a_table_without_a_contract_is_not_shown_but_to_who_may_see_everything(home: Path) -> None:
    write_deltalake(home / "lake" / "silver" / "leads", pa.table({"name": ["Eve"]}))
    write_deltalake(home / "lake" / "silver" / "orders.bak", pa.table({"name": ["Eve"]}))
    assert error("SELECT * FROM silver.leads")[:2] == [
        "GB-1506 That table is in the lake and cannot be shown.",
        "  got:   silver.leads: no contract says which of its columns are personal; --unmasked shows it",
    ]
    assert rows("SELECT * FROM silver.leads", "--unmasked") == [{"name": "Eve"}]


def test_a_damaged_table_does_not_take_the_others_down(home: Path) -> None:
    (home / "lake" / "ops" / "ledger" / "_delta_log" / "00000000000000000000.json").write_text("{")
    assert len(rows("SELECT * FROM silver.customers")) == 2
    assert error("SELECT * FROM ops.ledger")[1].startswith("  got:   ops.ledger: it cannot be read (")


def test_filters_reach_the_files() -> None:
    views = open_views(load_settings(), packaged(), query="customers")
    plan = views.connection.execute("EXPLAIN SELECT email FROM silver.customers WHERE customer_id = 1").fetchall()[0][1]
    assert '"customer_id" = 1' in plan.split("Scan")[1]


def test_forms(home: Path) -> None:
    query = "SELECT customer_id, updated_at, _warnings, 1.50::decimal(18,4) AS amount, true AS flag FROM silver.customers ORDER BY 1"
    listed = list(csv.reader(io.StringIO(run("sql", query, "--csv").stdout)))
    assert listed == [
        ["customer_id", "updated_at", "_warnings", "amount", "flag"],
        ["1", "2026-05-02 08:30:00Z", '["phone_unreadable"]', "1.5000", "true"],
        ["2", "", "", "1.5000", "true"],
    ]
    assert rows(query)[0] == {
        "customer_id": 1,
        "updated_at": "2026-05-02 08:30:00Z",
        "_warnings": ["phone_unreadable"],
        "amount": "1.5000",
        "flag": True,
    }
    table = run("sql", query).stdout
    assert "2026-05-02 08:30:00Z" in table
    assert table.endswith("2 rows\n")
    assert "\x1b" not in table


def test_a_long_answer_is_cut_for_a_person_only() -> None:
    query = "SELECT unnest(range(1200)) AS n FROM ops.ledger"
    assert run("sql", query).stdout.endswith("the first 500 rows; --csv gives all\n")
    assert run("sql", query, "--csv").stdout.count("\n") == 1201


def test_a_query_may_come_by_stdin() -> None:
    assert run("sql", "--csv", stdin="SELECT rows_in\nFROM ops.ledger;\n").stdout == "rows_in\n2\n"


def test_all_tables_are_listed() -> None:
    assert {row["name"] for row in rows("SHOW ALL TABLES")} == {"customers", "ledger"}


def test_a_misspelt_table_and_column_are_told_what_there_is() -> None:
    said = error("SELECT * FROM silver.custmers")
    assert said[0] == "GB-1501 The query does not fit the lake."
    assert "  valid: do you mean silver.customers?" in said or "  valid: do you mean customers?" in said
    assert "  valid: silver.customers" in error("SELECT * FROM customers")
    assert 'Referenced column "mail" not found' in error("SELECT mail FROM silver.customers")[1]
    assert "         LINE 1: SELEKT 1" in error("SELEKT 1")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT email::int FROM silver.customers",
        "SELECT error(country_code || ' of ' || customer_id) FROM silver.customers",
        "SELECT strptime(country_code, '%Y') FROM silver.customers",
    ],
)
def test_an_error_about_a_value_shows_none(query: str) -> None:
    done = run("sql", query, "--unmasked")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("GB-1502 The query fails on a value.\n")
    assert not [value for value in ("ada@example.org", '"US"', "US of 1", "'US'") if value in done.stderr]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("CREATE TABLE silver.mine AS SELECT 1", "GB-1504"),
        ("DROP VIEW silver.customers", "GB-1504"),
        ("INSERT INTO ops.ledger SELECT * FROM ops.ledger", "GB-1504"),
        ("COPY silver.customers TO '/tmp/customers.csv'", "GB-1504"),
        ("ATTACH '/tmp/other.db'", "GB-1504"),
        ("SET enable_external_access = true", "GB-1504"),
        ("SELECT 1; SELECT 2", "GB-1504"),
        ("", "GB-1504"),
        ("SELECT * FROM read_csv('/etc/passwd')", "GB-1501"),
        ("SELECT * FROM read_text('https://example.org')", "GB-1501"),
        ("SELECT * FROM '/etc/passwd'", "GB-1501"),
        ("SELECT * FROM settings", "GB-1501"),
    ],
)
def test_nothing_but_a_query_of_the_lake(query: str, code: str) -> None:
    assert error(query)[0].startswith(code)


def test_one_form_at_a_time() -> None:
    done = run("sql", "SELECT 1", "--csv", "--json")
    assert (done.exit_code, "Choose one of --csv and --json." in done.stderr) == (2, True)


def test_an_empty_lake_says_how_it_is_filled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GLOBALBEV_LAKE", str(tmp_path / "nowhere"))
    said = error("SELECT 1")
    assert said[:2] == ["GB-1503 There is no table in the lake.", f"  got:   {tmp_path / 'nowhere'}"]


def test_the_prompt_answers_until_it_ends(capsys: pytest.CaptureFixture[str]) -> None:
    lines = iter(
        [".tables", "SELECT rows_in", "FROM ops.ledger;", "SELECT nothing;", ".columns ops.ledger", ".columns ops.nothing", ".what", "", ".quit"]
    )
    run_prompt(open_views(load_settings(), packaged()), lambda _: next(lines))
    said = capsys.readouterr().out
    assert "silver.customers\nops.ledger\n" in said
    assert "1 row\n" in said
    assert "GB-1501 The query does not fit the lake." in said
    assert "business_day" in said
    assert "There is no table ops.nothing" in said
    assert ".columns TABLE" in said
    assert next(lines, None) is None


def test_the_prompt_ends_with_its_input_and_ctrl_c_only_drops_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    answers: list[type[BaseException] | str] = ["SELECT 1 +", KeyboardInterrupt, "SELECT 41 + 1 AS n;", EOFError]

    def read_line(_: str) -> str:
        answer = answers.pop(0)
        if isinstance(answer, str):
            return answer
        raise answer

    run_prompt(open_views(load_settings(), packaged()), read_line)
    assert "42" in capsys.readouterr().out


def test_no_query_shows_the_salt(home: Path) -> None:
    """With it each hash is looked up in a list of all phone numbers, in seconds."""
    assert rows("SELECT email FROM silver.customers LIMIT 1")
    salt = (home / "state" / "mask-salt").read_text()
    for query in (
        "SELECT sql FROM duckdb_views()",
        "SELECT view_definition FROM information_schema.views",
        "SELECT * FROM duckdb_functions() WHERE function_name LIKE 'globalbev%'",
        "EXPLAIN SELECT * FROM silver.customers WHERE email = 'x'",
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM duckdb_variables()",
    ):
        assert salt not in run("sql", query).output, query


def test_fields_that_no_contract_knows_are_masked_in_every_table() -> None:
    for contract in packaged().values():
        assert ("_rescued" in masks_of(contract)) == ("_rescued" in contract.column_names), contract.name
