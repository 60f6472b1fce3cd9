"""``globalbev quarantine``: rows by rule, a row in words, what is given up and opened again; personal data masked."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from globalbev_assets.operations import cli_lake
from tests.unit.cli_runs import document, fill, make_home, run
from tests.unit.contract_files import packaged
from tests.unit.oncall_lake import ADA, D1, D3, PANEL_1, PANEL_2, make_lake, rejected


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        home = make_home(tmp_path_factory.mktemp("made"), patch)
        make_lake(home)
    return home


@pytest.fixture(autouse=True)
def home(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    own = make_home(tmp_path, monkeypatch)
    for name in ("lake", "landing"):
        shutil.copytree(made / name, own / name)
    monkeypatch.setattr(cli_lake, "contracts_of", lambda _: packaged())
    return own


def listed(*words: str) -> list[tuple[str, str, str]]:
    return [(row["table_name"], row["position"], row["state"]) for row in document("quarantine", "list", *words)["rows"]]


def shown(*words: str) -> dict[str, Any]:
    found: dict[str, Any] = document("quarantine", "show", *words)["rows"][0]
    return found


def test_all_that_is_kept_aside_by_table_and_rule() -> None:
    done = run("quarantine", "list")
    assert done.exit_code == 0
    rows = [line.split()[:2] for line in done.stdout.splitlines() if line.strip().startswith("silver.")]
    assert rows == [
        ["silver.orders", "currency_not_market"],
        ["silver.order_lines", "parent_quarantined"],
        ["silver.market_panel", "type:units"],
        ["silver.customers", "customer_id_missing"],
    ]


def test_a_table_s_rows_are_chosen_by_day_rule_and_state() -> None:
    both = [("silver.market_panel", f"{PANEL_2}#2", "open"), ("silver.market_panel", f"{PANEL_1}#2", "open")]
    assert listed("market_panel") == both
    assert listed("silver.market_panel", "--day", str(D1)) == both[1:]
    assert listed("quarantine.market_panel", "--rule", "type:units") == both
    assert listed("market_panel", "--rule", "type:avg_price") == []
    assert listed("order_lines", "--state", "replayed") == [("silver.order_lines", "90/1", "replayed")]
    assert len(listed("order_lines", "--state", "all")) == 2
    assert run("quarantine", "list", "order_lines", "--state", "discarded").stdout == "No row is discarded.\n"


def test_a_row_in_words_with_its_file_and_line(home: Path) -> None:
    text = run("quarantine", "show", "market_panel", f"{PANEL_1}#2").stdout
    assert 'type:units. A good row: Where units is filled, it can be read as a number. This one\'s units is "#REF!".' in text
    assert f"from {home}/landing/{PANEL_1}, line 4 (record 2)" in text
    assert "do: when contract or source are mended: `globalbev quarantine replay market_panel --day 2026-05-01 --rule type:units --dry-run`" in text


def test_as_much_of_a_file_as_tells_it_from_the_others_is_enough() -> None:
    assert shown("market_panel", "2026-05-03/week.csv#2")["partition"] == str(D3)
    done = run("quarantine", "show", "market_panel", "2")
    assert (done.exit_code, done.stderr.splitlines()[2]) == (2, f"  valid: {PANEL_2}#2, {PANEL_1}#2")


@pytest.mark.parametrize(
    "words", [("show", "customers", "8"), ("list", "customers"), ("show", "customers", "8", "--json"), ("list", "customers", "--json")]
)
def test_what_an_earlier_run_left_unmasked_is_masked_all_the_same(words: tuple[str, ...]) -> None:
    """The record was written before the contract called these columns personal."""
    done = run("quarantine", *words)
    assert done.exit_code == 0
    assert "customer_id" in done.stdout
    assert [value for value in ADA.values() if value in done.output] == []


@pytest.mark.parametrize(
    ("words", "code", "valid"),
    [
        (("show", "orders", "4711"), "GB-2306", "one of the 1 rows of quarantine.orders"),
        (("show", "orders", "47/11"), "GB-2305", "order_id"),
        (("show", "orders", "shop.orders#101"), "GB-2305", "order_id"),
        (("show", "order_lines", "101"), "GB-2305", "order_id/line_no"),
        (("show", "order_lines", "101/"), "GB-2305", "order_id/line_no"),
        (("show", "market_panel", "two"), "GB-2305", "the record's number, or file#number"),
        (("list", "ordrs"), "GB-1029", "do you mean silver.orders?"),
        (("list", "orders", "--rule", "currency"), "GB-2302", ""),
        (("list", "orders", "--state", "opened"), "GB-2303", "do you mean open?"),
        (("list", "orders", "--day", "yesterday"), "GB-1001", "a day as YYYY-MM-DD, for instance 2026-05-31"),
    ],
)
def test_what_is_not_there_is_one_clear_error(words: tuple[str, ...], code: str, valid: str) -> None:
    done = run("quarantine", *words)
    assert (done.exit_code, done.stdout) == (2, ""), done.output
    said = done.stderr.splitlines()
    assert (said[0].split()[0], [line.split(":", 1)[0].strip() for line in said[1:]]) == (code, ["got", "valid", "do"])
    assert valid in said[2]


def test_a_lake_without_quarantine_has_nothing_aside(home: Path) -> None:
    shutil.rmtree(home / "lake" / "quarantine")
    assert run("quarantine", "list").stdout == "No row is open.\n"


def test_a_row_that_broke_several_rules_is_shown_under_all_of_them() -> None:
    two = [("negative_price", "unit_price"), ("unknown_sku", "sku")]
    fill("quarantine.order_lines", [rejected("order_lines", "shop.order_lines", "102/1", D1, two, {"sku": "X", "unit_price": "-1"})])
    assert listed("order_lines", "--rule", "unknown_sku") == [("silver.order_lines", "102/1", "open")]
    text = run("quarantine", "show", "order_lines", "102/1").stdout
    assert 'This one\'s unit_price is "-1".' in text
    assert 'This one\'s sku is "X".' in text
