"""``globalbev quarantine``: rows by rule, a row in words, what is given up and opened again; personal data masked."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from globalbev_assets.operations import cli_lake
from globalbev_assets.operations.quarantine_decide import carry_out, plan_decision
from globalbev_assets.operations.quarantine_read import Chosen
from globalbev_assets.operations.quarantine_replay import plan_replay
from resources.settings import load_settings
from tests.unit.cli_runs import document, fill, make_home, run
from tests.unit.contract_files import packaged
from tests.unit.oncall_lake import ADA, D1, D3, NIGHT, PANEL_1, PANEL_2, make_lake, rejected


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


def decided(position: str = "101") -> dict[str, Any]:
    row = shown("orders", position)
    return {name: row[name] for name in ("state", "decided_by", "decision")}


def test_a_row_that_was_decided_since_it_was_looked_at_is_left_as_it_is() -> None:
    book = packaged()
    contract = next(one for one in book.values() if str(one.name) == "silver.orders")
    plan = plan_decision(load_settings(), book, contract, ["101"], "discarded")
    assert run("quarantine", "discard", "orders", "101", "--reason", "first", "--by", "ada").exit_code == 0
    assert carry_out(load_settings(), contract, plan, "bob", "second").changed == ()
    assert decided() == {"state": "discarded", "decided_by": "ada", "decision": "first"}


def test_a_row_is_given_up_with_who_and_why_and_opened_again() -> None:
    said = document("quarantine", "discard", "orders", "101", "--reason", "a test\n order", "--by", "ada")
    assert (said["changed"], said["already"], said["state"]) == (["101"], [], "discarded")
    assert decided() == {"state": "discarded", "decided_by": "ada", "decision": "a test order"}
    assert listed("orders") == []
    assert listed("orders", "--state", "discarded") == [("silver.orders", "101", "discarded")]
    assert "discarded by ada at 20" in run("quarantine", "show", "orders", "101").stdout
    assert run("quarantine", "discard", "orders", "101", "--reason", "again").stdout == "1 row was so before: 101\n"
    assert decided()["decision"] == "a test order"  # the first word stays
    assert run("quarantine", "reopen", "orders", "101", "--reason", "it was meant").exit_code == 0
    assert decided()["state"] == "open"
    assert "kept aside (opened again by " in run("quarantine", "show", "orders", "101").stdout


def test_a_decision_leaves_a_table_that_can_be_filtered(home: Path) -> None:
    """A merge by deltalake left texts as `string_view`, and the next list failed: no kernel for (string, string_view)."""
    assert run("quarantine", "discard", "market_panel", f"{PANEL_1}#2", "--reason", "a typing error").exit_code == 0
    assert listed("market_panel") == [("silver.market_panel", f"{PANEL_2}#2", "open")]
    assert listed("market_panel", "--day", str(D1), "--state", "discarded") == [("silver.market_panel", f"{PANEL_1}#2", "discarded")]
    stored = [pq.read_schema(path).field("state").type for path in (home / "lake/quarantine/market_panel").glob("*.parquet")]
    assert set(stored) == {pa.string()}


def test_a_dry_run_decides_nothing(home: Path) -> None:
    before = sorted(path.name for path in (home / "lake/quarantine/orders/_delta_log").iterdir())
    assert "silver.orders 101 would be discarded: why not" in run("quarantine", "discard", "orders", "101", "--reason", "why not", "--dry-run").stdout
    assert sorted(path.name for path in (home / "lake/quarantine/orders/_delta_log").iterdir()) == before


def test_a_table_that_was_made_before_there_were_decisions(home: Path) -> None:
    shutil.rmtree(home / "lake/quarantine/orders")
    errors = [{"rule_id": "currency_not_market", "severity": "error", "column": "currency"}]
    old = {"table_name": "silver.orders", "source": "shop.orders", "source_position": "101", "partition": D1, "errors": errors, "record": "{}",
           "state": "open", "first_seen": NIGHT, "last_seen": NIGHT, "attempts": 1, "contract_version": "1.0.0", "run_id": "r"}  # fmt: skip
    write_deltalake(home / "lake/quarantine/orders", pa.Table.from_pylist([old], schema=_schema_before()))
    assert decided() == {"state": "open", "decided_by": None, "decision": None}
    assert run("quarantine", "discard", "orders", "101", "--reason", "old", "--by", "ada").exit_code == 0
    assert decided() == {"state": "discarded", "decided_by": "ada", "decision": "old"}


def _schema_before() -> pa.Schema:
    error = pa.struct([("rule_id", pa.string()), ("severity", pa.string()), ("column", pa.string())])
    seen, text = pa.timestamp("us", tz="UTC"), pa.string()
    return pa.schema(
        [("table_name", text), ("source", text), ("source_position", text), ("partition", pa.date32()), ("errors", pa.list_(error)), ("record", text),
         ("state", text), ("first_seen", seen), ("last_seen", seen), ("attempts", pa.int32()), ("contract_version", text), ("run_id", text)]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("discard", "orders", "101", "--reason", " "), "GB-2309"),
        (("discard", "orders", "101", "--reason", "x" * 501), "GB-2309"),
        (("discard", "order_lines", "90/1", "--reason", "late"), "GB-2308"),
        (("reopen", "order_lines", "90/1", "--reason", "late"), "GB-2308"),
        (("discard", "orders", "101", "4711", "--reason", "both"), "GB-2306"),
        (("replay", "orders"), "GB-2315"),
        (("replay", "orders", "--all", "--rule", "unknown_store"), "GB-2315"),
        (("replay", "orders", "--rule", "unknown_shop"), "GB-2302"),
        (("replay", "orders", "--day", "2019-01-01"), "GB-1006"),
        (("replay", "nothing", "--all"), "GB-1029"),
    ],
)
def test_what_cannot_be_decided_or_replayed_changes_nothing(words: tuple[str, ...], code: str) -> None:
    done = run("quarantine", *words)
    assert (done.exit_code, done.stdout, done.stderr.split()[0]) == (2, "", code), done.output
    assert decided()["state"] == "open"


def test_a_replay_without_open_rows_is_nothing_to_do() -> None:
    done = run("quarantine", "replay", "orders", "--rule", "unknown_store")
    assert (done.exit_code, done.stdout.startswith("No open row is chosen")) == (0, True)
    assert document("quarantine", "replay", "orders", "--rule", "unknown_store", "--dry-run") == {"dry_run": True, "rows": 0, "runs": []}


def test_a_replay_takes_along_what_hangs_on_the_table_and_the_figures_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOBALBEV_END_DATE", "2026-06-30")
    found = plan_replay(load_settings(), packaged(), packaged().parse("silver.orders"), Chosen(state="open"))
    assert [row.position for row in found.rows] == ["101"]
    assert [str(contract.name) for contract in found.silver] == ["silver.orders", "silver.order_lines", "silver.payments"]
    silver, gold = found.stages
    assert (silver.layer, str(silver.days), silver.tables) == ("silver", str(D1), ("silver.orders", "silver.order_lines", "silver.payments"))
    assert (gold.layer, str(gold.days)) == ("gold", "2026-05-01 to 2026-05-28")  # its sums look back 27 days
    assert "gold.fact_daily_sales" in gold.tables


def test_a_replay_of_a_table_that_others_refer_to_runs_the_days_that_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOBALBEV_END_DATE", "2026-06-30")
    fill("quarantine.products", [rejected("products", "shop.products", "X", D3, [("brand_missing", "brand")], {"sku": "X"})])
    fill("quarantine.order_lines", [rejected("order_lines", "shop.order_lines", "102/1", D1, [("unknown_sku", "sku")], {"sku": "X"})])
    found = plan_replay(load_settings(), packaged(), packaged().parse("silver.products"), Chosen(state="open"))
    assert str(found.days) == "2026-05-01 to 2026-05-03"
    assert "silver.order_lines" in found.stages[0].tables
