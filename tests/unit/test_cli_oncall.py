"""``globalbev ledger`` and ``globalbev checks``: what became of each row, what each rule saw, and the command that leads on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from globalbev_assets.operations import cli_lake
from tests.unit.cli_runs import document, make_home, run
from tests.unit.contract_files import packaged
from tests.unit.oncall_lake import D1, D2, D3, make_lake


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        home = make_home(tmp_path_factory.mktemp("made"), patch)
        make_lake(home)
    return home


@pytest.fixture(autouse=True)
def home(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    own = make_home(tmp_path, monkeypatch)
    shutil.copytree(made / "lake", own / "lake")
    monkeypatch.setenv("GLOBALBEV_END_DATE", "2026-05-04")
    monkeypatch.setattr(cli_lake, "contracts_of", lambda _: packaged())
    return own


def refused(*words: str) -> list[str]:
    done = run(*words)
    assert (done.exit_code, done.stdout) == (2, ""), done.output
    return done.stderr.splitlines()


def test_a_day_shows_its_tables_and_names_those_without_data_and_those_never_loaded() -> None:
    done = run("ledger", str(D3))
    assert done.exit_code == 1  # the payments failed
    lines = done.stdout.splitlines()
    assert lines[0] == "2026-05-03, 4 tables with source data:"
    assert "no source data that day: silver.orders" in lines
    assert any(line.startswith("never loaded for that day: ") and "gold.fact_daily_sales" in line for line in lines)


def test_a_held_day_says_why_what_readers_see_and_what_to_do() -> None:
    done = run("ledger", str(D2))
    assert done.exit_code == 1
    assert "  2026-05-02 silver.orders held: few_quarantined: quarantined_ratio is 0.5, allowed is at most 0.25" in done.stdout
    assert "    readers see what was published before: 9 rows, version 3, run silver-r, 2026-05-03 02:00:00Z" in done.stdout
    assert "do: `globalbev checks silver.orders --day 2026-05-02 --failed` says which limit holds it" in done.stdout
    assert "do: when the cause is mended: `globalbev backfill 2026-05-02 2026-05-02 --select silver/orders`" in done.stdout


def test_a_day_that_failed_before_anything_was_published_is_empty_for_readers() -> None:
    assert "silver.payments failed: GB-1230 The database does not answer.\n    readers see nothing of that day" in run("ledger", str(D3)).stdout


def test_a_table_shows_its_days_the_newest_last() -> None:
    said = document("ledger", "silver.orders", code=1)
    assert [(row["business_day"], row["state"], row["rows_in"]) for row in said["rows"]] == [
        (str(D1), "published", 5),
        (str(D2), "held", 10),
        (str(D3), "no_source_data", 0),
    ]
    assert (said["rows"][1]["standing"]["run_id"], said["rows"][1]["standing"]["delta_version"]) == ("silver-run-1", 3)
    assert said["rows"][0]["standing"] is None
    assert said["not_in_order"] == 1


def test_only_outcomes_that_occur_have_a_column() -> None:
    head = run("ledger", "silver.order_lines").stdout.splitlines()[2]
    assert "deduplicated" in head
    assert "superseded" not in head


def test_all_tables_are_one_line_each() -> None:
    done = run("ledger")
    assert done.exit_code == 1
    line = next(line for line in done.stdout.splitlines() if line.strip().startswith("silver.orders"))
    assert line.split() == ["silver.orders", "3", "1", "15", "8", "6", "1", "0", "2026-05-02"]
    assert "2 days of tables are not in order:" in done.stdout


def test_a_row_without_an_outcome_is_a_finding(home: Path) -> None:
    from tests.unit.cli_runs import fill  # noqa: PLC0415
    from tests.unit.oncall_lake import row  # noqa: PLC0415

    fill("ops.ledger", [row("silver.lots", D1, "run", 3, published=1, unaccounted=2)])
    done = run("ledger", "silver.lots")
    assert (done.exit_code, "2 rows without an outcome" in done.stdout) == (1, True)


def test_a_day_that_nobody_loaded_and_one_that_is_in_order(home: Path) -> None:
    shutil.rmtree(home / "lake" / "ops" / "dq_results")
    assert run("ledger", "bronze.orders").exit_code == 0
    assert run("ledger", "gold.finance_daily_payments").stdout == (
        "Nothing was ever loaded for gold.finance_daily_payments.\ndo: `globalbev backfill FROM TO`\n"
    )


@pytest.mark.parametrize(
    ("words", "code", "valid"),
    [
        (("ledger", "2026-13-01"), "GB-1001", "a day as YYYY-MM-DD, for instance 2026-05-31"),
        (("ledger", "2019-01-01"), "GB-1006", "2026-01-01 to 2026-05-03"),
        (("ledger", "silver.ordrs"), "GB-1029", "do you mean silver.orders?"),
        (("ledger", "orders"), "GB-2301", "bronze.orders, silver.orders"),
        (("checks", "silver.orders", "--day", "2027-01-01"), "GB-1006", "2026-01-01 to 2026-05-03"),
        (("checks", "nothing"), "GB-1029", ""),
    ],
)
def test_what_is_not_there_is_one_clear_error(words: tuple[str, ...], code: str, valid: str) -> None:
    said = refused(*words)
    assert said[0].startswith(f"{code} ")
    assert [line.split(":", 1)[0].strip() for line in said[1:]] == ["got", "valid", "do"]
    assert valid in said[2]


@pytest.mark.parametrize("command", ["ledger", "checks"])
def test_a_lake_without_a_ledger(command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GLOBALBEV_LAKE", str(tmp_path / "nowhere"))
    assert refused(command)[0] == "GB-2304 The lake has no ledger: nothing was loaded yet."


def test_every_rule_of_a_day_in_words_with_what_the_day_before_had() -> None:
    said = {one["rule"]: one for one in document("checks", "silver.orders", "--day", str(D2), code=1)["checks"]}
    limit = said["few_quarantined"]
    assert (limit["words"], limit["observed"], limit["allowed"], limit["previous"], limit["passed"], limit["blocking"]) == (
        "At most a quarter of a day's orders is kept aside.",
        "0.500000",
        "at most 0.25",
        "0.200000",
        False,
        True,
    )
    assert limit["todo"] == "`globalbev quarantine list orders --day 2026-05-02`"
    assert (said["currency_not_market"]["effect"], said["currency_not_market"]["previous"]) == ("rows kept aside", "1.000000")
    assert said["currency_not_market"]["todo"] == "`globalbev quarantine list orders --day 2026-05-02 --rule currency_not_market`"
    assert said["status_unknown"]["effect"] == "rows published with a warning"
    assert said["held"]["words"].startswith("The day is published. It is held: few_quarantined")
    assert (said["type:order_id"]["passed"], said["type:order_id"]["words"]) == (
        True,
        "Where order_id is filled, it can be read as a whole number.",
    )


def test_only_the_newest_run_of_a_day_counts() -> None:
    """The run before had found rows of an unknown store; this one has not."""
    said = {one["rule"]: one for one in document("checks", "silver.orders", "--day", str(D2), code=1)["checks"]}
    assert (said["unknown_store"]["passed"], said["unknown_store"]["observed"]) == (True, "0.000000")


def test_what_failed_on_all_days() -> None:
    done = run("checks", "--failed")
    assert done.exit_code == 1
    assert "Broken limits:" in done.stdout
    assert "Rules that single rows broke:" in done.stdout
    rules = {(one["table"], one["rule"], one["day"]) for one in document("checks", "--failed", code=1)["checks"]}
    assert rules == {
        ("bronze.market_panel", "dead_letter", str(D1)),
        ("silver.orders", "currency_not_market", str(D1)),
        ("silver.orders", "currency_not_market", str(D2)),
        ("silver.orders", "status_unknown", str(D2)),
        ("silver.orders", "few_quarantined", str(D2)),
        ("silver.orders", "held", str(D2)),
        ("silver.payments", "failed", str(D3)),
    }


def test_a_dead_letter_leads_to_its_reason(home: Path) -> None:
    said = document("checks", "bronze.market_panel", "--failed", code=1)["checks"]
    assert [one["todo"] for one in said] == [f"`head {home}/deadletter/market_panel/2026-05-01/*.reason.json` says what to tell the sender"]


def test_a_day_on_which_nothing_broke() -> None:
    done = run("checks", "silver.order_lines", "--failed")
    assert (done.exit_code, done.stdout.startswith("Nothing failed; ")) == (0, True)


def test_bronze_and_gold_are_not_said_to_have_judged_rows() -> None:
    assert document("checks", "gold.fact_daily_sales")["checks"] == []
