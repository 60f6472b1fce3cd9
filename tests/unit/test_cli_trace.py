"""``globalbev trace``: from source to gold, the rule that moved each row, personal data masked, unknown keys refused."""

from __future__ import annotations

import ast
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from globalbev_assets.operations import cli_lake, trace_gold
from tests.unit.cli_runs import document, fill, make_home, run
from tests.unit.contract_files import packaged
from tests.unit.oncall_lake import ADA, D1, D2, NIGHT, PANEL_1, PANEL_2, make_lake, row

ROOT = Path(__file__).parents[2]


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


def tables(key: str) -> dict[str, Any]:
    return {one["silver"]: one for one in document("trace", key)["tables"]}


def test_a_published_order_with_run_and_version_of_each_station() -> None:
    found = tables("order:100")["silver.orders"]["rows"][0]
    assert (found["origin"], found["day"], found["outcome"]) == ("shop.orders, order_id 100", str(D1), "published")
    assert (found["bronze"]["run_id"], found["bronze"]["version"]) == ("bronze-run-1", 1)
    assert (found["run_id"], found["version"], found["silver"]["market_id"]) == ("silver-run-1", 4, "US-OH")


def test_the_rule_that_moved_each_line() -> None:
    kept, twin = tables("order:100")["silver.order_lines"]["rows"]
    assert (kept["outcome"], kept["rules"]) == ("published", ["unknown_lot"])
    assert kept["words"] == "warned by unknown_lot: The lot is one that was made."
    assert (twin["outcome"], twin["rules"]) == ("deduplicated", ["duplicate_line"])
    assert twin["words"].startswith("duplicate_line: says the same as shop.order_lines 100/1, which stays.")


def test_gold_shows_the_figure_that_counts_it_and_no_other() -> None:
    found = {one["table"]: one for one in document("trace", "order:100")["gold"]}
    rows = found["gold.fact_daily_sales"]["rows"]
    assert [(each["version"], each["run_id"], each["row"]["channel"], each["row"]["net_sales"]) for each in rows] == [
        (6, "gold-run-1", "web", "9.5000")
    ]


def test_a_rejected_order_its_line_and_the_next_commands() -> None:
    said = tables("order:101")
    parent, child = said["silver.orders"]["rows"][0], said["silver.order_lines"]["rows"][0]
    assert (parent["outcome"], parent["rules"], parent["version"]) == ("quarantined", ["currency_not_market"], 1)
    assert parent["quarantine"]["errors"] == [{"rule": "currency_not_market", "column": "currency", "words": "The currency is the market's."}]
    assert (child["outcome"], child["rules"]) == ("quarantined", ["parent_quarantined"])
    text = run("trace", "order:101").stdout
    assert "-> quarantine.orders  open, version 1, run silver-r; currency_not_market: The currency is the market's." in text
    assert "not counted in gold.fact_daily_sales: the order is not in silver, and gold counts only what is" in text
    assert text.endswith("do: `globalbev quarantine show orders 101`\ndo: `globalbev quarantine show order_lines 101/1`\n")


def test_an_order_that_gold_leaves_out_and_one_of_a_held_day() -> None:
    assert "not counted in gold.fact_daily_sales: the order is cancelled, and gold counts no such order" in run("trace", "order:102").stdout
    held = run("trace", "order:103").stdout
    assert "-> not in silver.orders: held: silver.orders of 2026-05-02 is held: few_quarantined" in held
    assert f"do: `globalbev checks silver.orders --day {D2} --failed`" in held


def test_a_figure_that_is_older_than_what_it_is_made_of_says_so() -> None:
    """A replay whose run of gold was killed, say."""
    assert all(each["older_than"] == [] for one in document("trace", "order:100")["gold"] for each in one["rows"])
    fill("ops.ledger", [row("silver.orders", D1, "replay", 5, recorded_at=NIGHT + timedelta(hours=1))])
    text = run("trace", "order:100").stdout
    assert "version 6, run gold-run; older than silver.orders" in text
    assert "do: `globalbev backfill 2026-05-01 2026-05-01 --select gold/fact_daily_sales`: its figures are older than silver" in text


def test_the_scope_is_the_transforms() -> None:
    """The transform's module needs PySpark to be imported, so its text is read."""
    tree = ast.parse((ROOT / "globalbev_assets/transforms/gold_sales.py").read_text(encoding="utf-8"))
    values = [ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "OUT_OF_SCOPE"]
    assert values == [trace_gold.OUT_OF_SCOPE]


def test_a_file_s_line_and_the_delivery_that_took_its_place(home: Path) -> None:
    first, broken, second = tables("sku:BEV-1")["silver.market_panel"]["rows"]
    assert (first["outcome"], first["words"]) == ("superseded", f"a later delivery of the file took its place: {PANEL_2}")
    assert first["origin"] == f"{home}/landing/{PANEL_1}, line 2 (record 1)"
    assert (broken["outcome"], broken["origin"]) == ("quarantined", f"{home}/landing/{PANEL_1}, line 4 (record 2)")
    assert second["outcome"] == "published"


def test_a_file_that_is_gone_is_said_to_be(home: Path) -> None:
    (home / "landing" / PANEL_1).unlink()
    assert tables("sku:BEV-1")["silver.market_panel"]["rows"][0]["origin"].endswith("record 1 (the file is no longer there)")


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_personal_data_is_masked(options: tuple[str, ...]) -> None:
    done = run("trace", "customer:7", *options)
    assert done.exit_code == 0
    assert "silver.customers" in done.stdout
    assert [value for value in ADA.values() if value in done.output] == []


def test_a_customer_s_orders() -> None:
    said = tables("customer:7")
    assert said["silver.customers"]["rows"][0]["rules"] == ["birth_date_ambiguous"]
    assert said["silver.orders"]["outcomes"] == {"published": 3, "quarantined": 1, "held": 1}


def test_a_bare_value_is_looked_for_in_every_kind() -> None:
    assert document("trace", "103")["key"] == "order:103"
    assert document("trace", "0103")["key"] == "order:103"
    done = run("trace", "5")
    assert (done.exit_code, done.stderr.splitlines()) == (
        2,
        [
            "GB-2313 Several things have that key. Which one is meant?",
            "  got:   5",
            "  valid: order:5, payment:5",
            "  do:    Ask for one of them: `globalbev trace order:5`.",
        ],
    )


@pytest.mark.parametrize(
    ("key", "code", "valid"),
    [
        ("order:4711", "GB-2314", "bronze.orders, silver.orders, bronze.order_lines, silver.order_lines, bronze.payments"),
        ("4711", "GB-2314", "bronze.customers, silver.customers"),
        ("oder:100", "GB-2310", "do you mean order?"),
        ("order:x", "GB-2311", "order:123"),
        ("order:", "GB-2312", "kind:value"),
        ("", "GB-2312", "kind:value"),
        ("order:1\n2", "GB-2312", "kind:value"),
    ],
)
def test_what_is_no_key_or_nowhere_is_one_clear_error(key: str, code: str, valid: str) -> None:
    done = run("trace", key)
    assert (done.exit_code, done.stdout) == (2, "")
    said = done.stderr.splitlines()
    assert said[0].startswith(code)
    assert valid in said[2]


def test_a_new_kind_of_key_needs_no_code() -> None:
    from globalbev_assets.operations.trace_keys import kinds  # noqa: PLC0415

    assert set(kinds(packaged())) >= {"order", "customer", "sku", "payment", "store", "lot", "market", "contact"}


def test_an_empty_lake_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GLOBALBEV_LAKE", str(tmp_path / "nowhere"))
    assert run("trace", "order:1").stderr.startswith("GB-1503 ")
