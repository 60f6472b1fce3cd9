"""`globalbev alerts` and `globalbev help`: what is open, in full, a test message, what waits; an entry of the runbook."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable

from globalbev_assets.errors import TransientError
from globalbev_assets.operations import doctor_alerts, runbooks
from globalbev_assets.operations.findings import Installation
from partitions.days import now
from resources.alerts.messages import Delivery, Message
from resources.alerts.outbox import Outbox, Recorded
from resources.settings import load_settings
from tests.unit.alert_cases import START, Watch, broke, passed
from tests.unit.cli_runs import document, make_home, run
from tests.unit.contract_files import packaged

MISSING = "GB-2211 That runbook is missing."


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("ALERTS", "ALERTS_ERROR", "ALERTS_WARN", "DAGSTER_URL", "DOCS_URL"):
        monkeypatch.delenv(f"GLOBALBEV_{name}", raising=False)
    return make_home(tmp_path, monkeypatch)


@pytest.fixture
def recorded() -> Recorded:
    """One open incident with one table behind it, one that is over, and a message that a channel did not take."""
    watch = Watch()
    watch.tick(broke("silver.orders", "few_quarantined", 1), broke("gold.executive_kpis", "not_published", 2, source="run"))
    watch.tick(broke("bronze.stores", "volume", 3, severity="warn"), minutes=1)
    watch.tick(passed("bronze.stores", "volume", 4), minutes=2)
    incidents = {incident.id: incident for incident in watch.incidents}
    first = next(iter(incidents.values()))
    message = Message(f"{first.id}-new", "new", ("error",), (first.id,), "FAILED: silver.orders", "Table: silver.orders", START)
    waiting = message.with_delivery("alerts-1", Delivery(3, START + timedelta(minutes=5), None, "it answered 503"))
    return Outbox(load_settings().lake_root).save(Recorded(incidents, {message.id: waiting}), START)


def test_nothing_was_ever_told() -> None:
    done = run("alerts")
    assert (done.exit_code, done.stdout) == (0, "Nothing was ever to be told.\n")


def test_what_is_open_is_listed_and_is_a_finding(recorded: Recorded) -> None:
    done = run("alerts", "--open")
    assert done.exit_code == 1
    assert "silver.orders" in done.stdout
    assert "bronze.stores" not in done.stdout
    assert "1 messages wait to be sent, 1 were tried" in done.stdout


def test_a_program_gets_all_of_it(recorded: Recorded) -> None:
    said = document("alerts", code=1)
    found = [(one["table"], one["state"], one["behind_it"]) for one in said["alerts"]]
    assert sorted(found) == [("bronze.stores", "over", 0), ("silver.orders", "open", 1)]
    assert said["waiting_messages"][0]["errors"] == {"alerts-1": "it answered 503"}


def test_one_incident_is_shown_with_what_was_sent(recorded: Recorded) -> None:
    name = next(incident.id for incident in recorded.incidents.values() if incident.is_open)
    shown = run("alerts", "show", name[:4]).stdout
    assert "FAILED: silver.orders, 2026-03-08. Not met: At most a quarter of a day's orders is kept aside." in shown
    assert "Also:     gold.executive_kpis 2026-03-08 (not published)" in shown
    assert "waits, 3 attempts" in shown
    assert "alerts-1: it answered 503" in shown
    assert document("alerts", "show", name)["messages"][0]["body"] == "Table: silver.orders"


def test_an_unknown_alert_is_one_clear_error(recorded: Recorded) -> None:
    for name in ("zzzz", "", "'; drop"):
        done = run("alerts", "show", name)
        assert (done.exit_code, done.stderr.splitlines()[0]) == (2, "GB-2207 There is no such alert.")


def test_a_table_that_cannot_be_opened_after_it_was_written_is_an_error_with_a_code(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> DeltaTable:
        raise OSError("a place that is not to be shown")

    monkeypatch.setattr("resources.alerts.outbox.DeltaTable", refuse)
    with pytest.raises(TransientError, match="GB-2203"):
        Outbox(load_settings().lake_root).save(Recorded({}, {}), START)


def test_a_test_message_goes_to_every_channel(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert document("alerts", "test") == [{"channel": "file", "error": ""}]
    line = json.loads((home / "alerts" / "alerts.jsonl").read_text())
    assert (line["kind"], line["title"]) == ("test", "Test of the GlobalBev alerts")
    monkeypatch.setenv("GLOBALBEV_ALERTS_ERROR", "slak://s3cret")
    done = run("alerts", "test")
    assert (done.exit_code, "s3cret" in done.output) == (1, False)
    assert "alerts_error-1" in done.stdout
    assert "GB-2201" in done.stdout


def test_what_waits_is_sent_by_hand_once(recorded: Recorded, home: Path) -> None:
    assert document("alerts", "send") == {"sent": 1, "problems": []}
    assert document("alerts", "send") == {"sent": 0, "problems": []}
    assert len((home / "alerts" / "alerts.jsonl").read_text().splitlines()) == 1


def test_sql_answers_from_the_table(recorded: Recorded) -> None:
    assert document("sql", "SELECT state, table_name, days FROM ops.alerts WHERE kind = 'incident' AND state = 'open'")["rows"] == [
        {"state": "open", "table_name": "silver.orders", "days": "2026-03-08"}
    ]


def test_doctor_says_what_waits_and_which_address_is_none(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    (finding,) = doctor_alerts.look_at_alerts(Installation(load_settings(), packaged()))
    assert (finding.level, finding.what) == ("warn", "1 messages were not taken yet, the oldest since 2026-03-09 02:00")
    monkeypatch.setenv("GLOBALBEV_ALERTS", "json://localhost/x nonsense://s3cret")
    findings = list(doctor_alerts.look_at_alerts(Installation(load_settings(), packaged())))
    assert [(one.level, one.what[:8]) for one in findings] == [("fail", "alerts-2"), ("warn", "1 messag")]
    assert "s3cret" not in str(findings)


def test_old_ones_leave_the_table_and_waiting_messages_never_do(recorded: Recorded) -> None:
    later = now() + timedelta(days=400)
    over = {name: replace(one, closed_at=one.closed_at and now(), closing="x") for name, one in recorded.incidents.items()}
    kept = Outbox(load_settings().lake_root).save(Recorded(over, recorded.messages, recorded.table), later)
    assert [incident.table for incident in kept.incidents.values()] == ["silver.orders"]
    assert len(kept.messages) == 1


@pytest.mark.parametrize("topic", ["GB-1001", "gb-1001", "1001", "GB1001"])
def test_help_prints_the_entry_of_a_code(topic: str) -> None:
    done = run("help", topic)
    assert done.exit_code == 0
    assert done.stdout.startswith("## GB-1001\n\n**That is not a day.**")
    assert "GB-1002" not in done.stdout


def test_help_prints_a_whole_runbook_and_lists_them() -> None:
    assert run("help", "alerts-undelivered").stdout.startswith("# Alerts are not delivered")
    assert {"errors", "check-failed", "run-failed", "run-too-long", "quarantine", "alerts-undelivered"} <= set(document("help")["runbooks"])


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        ("GB-9999", "GB-2210 No runbook explains that code."),
        ("run-faild", "GB-2211 That runbook is missing."),
        ("../../README", "GB-2211 That runbook is missing."),
    ],
)
def test_an_unknown_code_or_runbook_is_one_clear_error(topic: str, said: str) -> None:
    done = run("help", topic)
    assert (done.exit_code, done.stderr.splitlines()[0]) == (2, said)
    assert "Traceback" not in done.output


def test_an_installation_without_runbooks_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runbooks, "PLACES", (tmp_path,))
    done = run("help", "GB-1001")
    assert (done.exit_code, done.stderr.splitlines()[:3]) == (
        2,
        [MISSING, "  got:   errors", "  valid: none is installed"],
    )


def test_an_installed_package_brings_its_runbooks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "errors.md").write_text("# Errors\n\n## GB-1001\n\nAs it is installed.\n")
    monkeypatch.setattr(runbooks, "PLACES", (tmp_path / "missing", tmp_path))
    assert run("help", "GB-1001").stdout == "## GB-1001\n\nAs it is installed.\n"
