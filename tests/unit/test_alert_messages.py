"""What a message says and what it never says; what the results of checks come down to."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
from click import Group
from deltalake import write_deltalake
from hypothesis import given
from hypothesis import strategies as st
from typer.main import get_command

from globalbev_assets.contracts.model import Limit, Rule
from globalbev_assets.errors import TransientError
from globalbev_assets.operations.cli import app
from globalbev_assets.operations.named import rule_named
from resources.alerts.check_events import observation_of
from resources.alerts.commands import next_command
from resources.alerts.contracts import IN_WORDS, contract_of
from resources.alerts.cursor import Cursor, read_cursor
from resources.alerts.delivery import LONGEST_PAUSE, pause_after
from resources.alerts.documents import incident_document, message_document, read_incident, read_message
from resources.alerts.event_tail import Event
from resources.alerts.facts import Facts, LakeFacts
from resources.alerts.messages import Delivery, Message
from resources.alerts.notices import Notice
from resources.alerts.observations import Breach
from resources.alerts.rendering import Writer
from resources.alerts.runbooks import runbook_of
from resources.alerts.wording import LONGEST, UNEXPECTED, ranges, reason_of, without_values
from resources.ledger import DqResult, Ledger, LedgerRow
from tests.unit.alert_cases import DAY, START, Watch, book, broke, lineage

RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks"


def breaches(table: str, check: str, metadata: dict[str, Any], description: str = "") -> tuple[Breach, ...]:
    made = dg.AssetCheckEvaluation(
        dg.AssetKey(table.split(".")), check, False, metadata, partition=DAY, severity=dg.AssetCheckSeverity.WARN, description=description
    )
    seen = observation_of(Event(1, START, "run", "check", table, DAY, check, False, made), book())
    assert seen is not None
    return seen.breaches


def test_the_whole_check_comes_down_to_the_blocking_limits_that_are_broken() -> None:
    figures = {"state": "held", "rules": {"few_quarantined": 0.31, "key_is_unique": 0.0, "volume": 0.1, "unknown_store": 12.0}}
    (found,) = breaches("silver.orders", "contract", figures)
    assert found == Breach("few_quarantined", "error", "", Decimal("0.31"), None, Decimal("0.25"))


def test_a_kind_of_limits_names_those_outside_and_a_kind_of_rules_those_above_their_share() -> None:
    limits = {"limits": {"volume": {"observed": 3.0, "minimum": 0.5, "maximum": 2.0}, "rows": {"observed": 5.0, "minimum": 1.0, "maximum": None}}}
    assert [found.rule for found in breaches("silver.orders", "volume", limits)] == ["volume"]
    rules = {"broken": {"unknown_store": 60, "unknown_market": 2}, "share": 0.3, "limit": 0.05}
    (found,) = breaches("silver.orders", "reference", rules)
    assert (found.rule, found.said, found.observed, found.maximum) == ("unknown_store", "60 rows", Decimal("0.3"), Decimal("0.05"))


@pytest.mark.parametrize(
    "metadata", [{}, {"limits": "?"}, {"rules": 7, "broken": {}}, {"limits": {"volume": None}}, {"share": "much", "broken": {"x": 1}}]
)
def test_a_check_with_other_figures_is_a_breach_of_itself(metadata: dict[str, Any]) -> None:
    found = breaches("silver.orders", "odd", metadata, "It is odd.")
    assert [(each.rule, each.severity, each.said) for each in found] == [("odd", "warn", "It is odd.")]


def test_freshness_is_told_of_the_day_that_is_late_and_not_of_the_days_that_a_backfill_loaded() -> None:
    said = []
    for number, (day, late) in enumerate([("2026-01-01", DAY), ("2026-01-02", DAY), (DAY, None)], 1):
        found = {"expected_day": late} if late else {"partition": "late"}  # a run's check names the day, the sensor reports that very day
        made = dg.AssetCheckEvaluation(dg.AssetKey(["bronze", "orders"]), "freshness", False, found, partition=day)
        said.append(observation_of(Event(number, START, "run", "check", "bronze.orders", day, "freshness", False, made), book()))
    assert [seen.day for seen in said if seen] == [DAY] * 3
    watch = Watch()
    watch.tick(*filter(None, said))
    assert [(incident.rule, incident.open_days) for incident in watch.open] == [("freshness", (DAY,))]


def test_a_check_of_a_table_without_contract_is_told_as_well() -> None:
    assert [each.rule for each in breaches("other.table", "contract", {"rules": {"x": 1.0}})] == ["contract"]


@pytest.mark.parametrize(
    ("state", "reason", "shown"),
    [
        (
            "held",
            "few_quarantined: quarantined_ratio is 0.31, allowed is at most 0.25",
            "few_quarantined: quarantined_ratio is 0.31, allowed is at most 0.25",
        ),
        ("failed", "GB-1230 The database does not answer.", "GB-1230 The database does not answer."),
        ("failed", "[CAST_INVALID_INPUT] The value 'anna.berg' cannot be cast", UNEXPECTED),
        ("held", "silver.orders of that day is failed: cannot cast 'anna.berg'", "silver.orders of that day is failed."),
        ("held", "silver.orders of that day is failed: GB-1211 The lake's disk is full.", "GB-1211 The lake's disk is full."),
    ],
)
def test_a_reason_is_shown_where_it_is_ours(state: str, reason: str, shown: str) -> None:
    assert reason_of(state, reason) == shown


SECRETS = ("anna.berg@example.com", "postgresql://user:pa55word@db/shop", "+49 151 2345 6789", "workflows://prod/token")


@given(st.lists(st.sampled_from((*SECRETS, "order 1000135", "2026-03-08", "0.31", "\n"))))
def test_addresses_of_any_kind_never_pass(parts: list[str]) -> None:
    shown = without_values(" ".join(parts))
    assert not any(secret in shown for secret in SECRETS)
    assert len(shown) <= LONGEST
    if len(shown) < LONGEST - 1:
        assert shown.count("2026-03-08") == parts.count("2026-03-08")


def test_a_document_of_another_version_is_read_and_a_damaged_one_is_an_error_with_a_code() -> None:
    """A bare TypeError failed every tick, and said nothing of the table."""
    watch = Watch()
    watch.tick(broke("silver.orders", "volume", 1))
    (incident,) = watch.incidents
    message = Message("m-1", "new", ("error",), ("i-1",), "title", "body", START, {"file": Delivery(1, START)})
    newer = json.loads(incident_document(incident))
    said = newer["broken"]["silver.orders|volume"][DAY]["volume"]
    assert said["breach"]
    said |= {"mood": "good", "breach": said["breach"] | {"mood": "bad"}}
    assert read_incident(json.dumps({**newer, "mood": "good"})) == incident
    first = {**newer, "broken": {"silver.orders|volume": {DAY: {"volume": 7}}}, "announcement": "told", "told": None}
    del first["told"]
    older = read_incident(json.dumps(first))
    assert (older.broken[older.root][DAY]["volume"].event_id, older.is_news) == (7, False)
    newer = json.loads(message_document(message))
    assert read_message(json.dumps({**{name: value for name, value in newer.items() if name != "severities"}, "severity": "error"})) == message
    assert read_message(json.dumps({**newer, "mood": "good", "deliveries": {"file": {**newer["deliveries"]["file"], "mood": "bad"}}})) == message
    for damaged in ("{", "null", "[]", "{}", '{"id": "a"}', incident_document(incident).replace(str(START.year), "x")):
        for read in (read_incident, read_message):
            with pytest.raises(TransientError, match="GB-2203"):
                read(damaged)


def test_days_are_told_as_ranges() -> None:
    assert ranges(["2026-03-09", "2026-02-28", "2026-03-01", "2026-03-02", "2026-03-01"]) == "2026-02-28 to 2026-03-02, 2026-03-09"
    assert ranges([""]) == "the table as a whole"


def test_days_that_lie_months_apart_are_loaded_again_without_those_between() -> None:
    watch = Watch()
    days = ("2026-01-03", "2026-01-04", "2026-03-08", "2026-05-01", "2026-06-01")
    watch.tick(*(broke("silver.orders", "run_failed", number, day, source="run") for number, day in enumerate(days)))
    said = next_command(watch.open[0], contract_of(book(), "silver.orders"))
    assert said == (
        "globalbev backfill 2026-01-03 2026-01-04 && globalbev backfill 2026-03-08 2026-03-08 && globalbev backfill 2026-05-01 2026-05-01"
    )


def test_a_cursor_is_read_back_and_anything_else_is_none() -> None:
    assert read_cursor(Cursor("log", 7).text()) == Cursor("log", 7)


@given(st.one_of(st.none(), st.text(), st.integers().map(str), st.dictionaries(st.text(), st.integers()).map(str)))
def test_garbage_is_no_cursor(text: str | None) -> None:
    assert read_cursor(text) is None


def test_pauses_grow_to_a_quarter_of_an_hour() -> None:
    assert [pause_after(attempts).total_seconds() for attempts in range(1, 7)] == [30, 60, 120, 240, 480, 900]
    assert pause_after(10_000) == LONGEST_PAUSE


def test_a_message_survives_the_table() -> None:
    message = Message("a-new", "new", ("warn",), ("a",), "title", "body\nmore", START).with_delivery(
        "alerts-1", Delivery(2, START, None, "it answered 500")
    )
    assert read_message(message_document(message)) == message


def test_every_rule_s_runbook_is_there_with_its_section() -> None:
    named = {runbook_of(contract, rule.id) for contract in book().values() for rule in (*contract.rules, *contract.limits)}
    named |= {runbook_of(None, rule) for rule in IN_WORDS} | {"alerts-undelivered", "dagster-silent"}
    missing = []
    for name in sorted(named):
        file, _, section = name.partition("#")
        text = (RUNBOOKS / f"{file}.md").read_text()
        if section and not re.search(f"^## {section}$", text, re.MULTILINE | re.IGNORECASE):
            missing.append(name)
    assert missing == []


RULES = [(str(contract.name), each) for contract in book().values() for each in (*contract.rules, *contract.limits)]


@pytest.mark.parametrize(("table", "rule"), RULES, ids=[f"{table}:{rule.id}" for table, rule in RULES])
def test_the_next_command_of_every_rule_is_one_that_is_taken(table: str, rule: Rule | Limit) -> None:
    watch, contract = Watch(), contract_of(book(), table)
    watch.tick(broke(table, rule.id, 1))
    said = next_command(watch.open[0], contract)
    assert said.startswith("globalbev ")
    command: Any = get_command(app)
    words = said.split()[1:]
    while isinstance(command, Group) and words and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    command.make_context("globalbev", words)  # raises where an option is not one
    if "--rule" in words:
        assert contract is not None
        assert rule_named(contract, words[words.index("--rule") + 1]) == rule.id
    keeps_aside = isinstance(rule, Rule) and rule.action == "quarantine"
    assert ("--rule" in words) == (keeps_aside and table.startswith("silver."))


def test_a_run_whose_checks_were_not_carried_out_leads_to_the_checks_and_not_to_itself() -> None:
    watch = Watch()
    watch.tick(broke("silver.orders", "unchecked", 1, day=""))
    assert next_command(watch.open[0], contract_of(book(), "silver.orders")) == "globalbev checks silver.orders --failed"


def test_the_hour_of_a_report_stands_in_the_message() -> None:
    """Whom to wake depends on it."""
    watch = Watch()
    watch.tick(broke("silver.orders", "few_quarantined", 1))
    writer = Writer(book(), lineage(), lambda _: Facts(), "http://dagster/", "docs/runbooks")
    body = writer.message(Notice("a-new", "new", (watch.open[0],)), START).body
    touched = [line for line in body.splitlines() if line.startswith("Touches:")]
    assert touched
    assert all(re.search(r", due \d\d:\d\d UTC \(gold\.", line) for line in touched)


def test_rows_that_are_published_with_a_warning_are_named_by_their_key(tmp_path: Path) -> None:
    rows = [
        {"order_id": number, "line_no": 1, "_warnings": ["zero_price"] if number > 6 else [], "_partition_date": date.fromisoformat(DAY)}
        for number in range(9)
    ]
    write_deltalake(str(tmp_path / "silver" / "order_lines"), pa.Table.from_pylist(rows), partition_by=["_partition_date"])
    watch = Watch()
    watch.tick(broke("silver.order_lines", "zero_price", 1))
    assert LakeFacts(str(tmp_path), book()).of(watch.open[0]).keys == ("7/1", "8/1")


def test_rows_of_a_file_that_is_named_after_somebody_are_not_named(tmp_path: Path) -> None:
    sources = ("orders/2026-03-01/complaint of ada@example.org.csv", "orders/2026-03-01/shop.csv")
    rows = [
        {"source": source, "source_position": "7", "state": "open", "partition": date.fromisoformat(DAY), "errors": [{"rule_id": "no_key"}]}
        for source in sources
    ]
    write_deltalake(str(tmp_path / "quarantine" / "orders"), pa.Table.from_pylist(rows))
    watch = Watch()
    watch.tick(broke("silver.orders", "few_quarantined", 1))
    assert LakeFacts(str(tmp_path), book()).of(watch.open[0]).keys == ("orders/2026-03-01/shop.csv#7",)


def test_a_damaged_lake_does_not_keep_an_alert_back(tmp_path: Path) -> None:
    for name in ("ops/ledger", "ops/dq_results", "quarantine/orders"):
        (tmp_path / name / "_delta_log").mkdir(parents=True)
        (tmp_path / name / "_delta_log" / f"{0:020}.json").write_text("no log")
    watch = Watch()
    watch.tick(broke("silver.orders", "few_quarantined", 1))
    assert LakeFacts(str(tmp_path), book()).of(watch.open[0]) == Facts()


def test_the_values_before_are_shares_of_the_days_on_which_the_rule_was_judged(tmp_path: Path) -> None:
    """Zeros too: without them, seven values could be seven bad days out of half a year. What an earlier run saw of a day is history."""
    days = [date(2026, 3, number) for number in range(1, 9)]
    rows = [LedgerRow("silver.orders", day, f"run-{day}", "published", START, "1.0.0", rows_in=100) for day in days]
    rows[1] = replace(rows[1], state="no_source_data", rows_in=0)
    rows[2] = replace(rows[2], state="failed")
    figures = (None, Decimal(0), None)
    judged = [
        DqResult("silver.orders", "unknown_store", "row", "", row.business_day, row.run_id, "warn", Decimal(seen), *figures, not seen, False, START)
        for row, seen in ((rows[0], 0), (rows[3], 5), (rows[4], 0), (rows[5], 0))
    ]
    old = replace(judged[1], run_id="an earlier run", business_day=days[4])
    Ledger(str(tmp_path)).append(rows, [*judged, old])
    watch = Watch()
    watch.tick(broke("silver.orders", "unknown_store", 1))
    facts = LakeFacts(str(tmp_path), book()).of(watch.open[0])
    assert facts.before == (Decimal(0), Decimal("0.05"), Decimal(0), Decimal(0))


def test_a_table_without_contract_is_told_with_what_is_known() -> None:
    watch = Watch()
    watch.tick(broke("other.table", "odd", 1))
    writer = Writer(book(), lineage(), lambda _: Facts(), "http://dagster/", "docs/runbooks")
    message = writer.message(Notice("a-new", "new", (watch.open[0],)), datetime(2026, 3, 9, tzinfo=UTC))
    assert message.title == "FAILED: other.table, 2026-03-08. Not met: The rule odd is kept."
    assert "Owner:    nobody: no contract describes it" in message.body
    assert "Run:      http://dagster/runs/run-1" in message.body
