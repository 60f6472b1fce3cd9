"""An incident that cannot pass is accepted: what is settled with it, what is news again, and what the command says. No Dagster, no Spark."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from getpass import getuser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globalbev_assets.errors import TerminalError
from resources.alerts.acceptance import LONGEST_REASON, Acceptance, Decision, accept
from resources.alerts.claims import is_worse
from resources.alerts.documents import incident_document, read_incident
from resources.alerts.messages import Message
from resources.alerts.observations import NO_DAY, RUN, SCHEMA_DRIFT, Breach, Observation
from resources.alerts.outbox import Outbox, Recorded
from resources.settings import load_settings
from tests.unit.alert_cases import DAY, LOG, START, Watch, book, broke, many, passed, said
from tests.unit.cli_runs import document, make_home, run

NEXT_DAY = "2026-03-09"
HOLIDAY = Decision("Ann", "a holiday, the shops were closed")
VOLUME, KPIS = ("silver.orders", "volume"), ("gold.executive_kpis", "not_published")


class Person(Watch):
    """Watches, and accepts what is open of a rule."""

    def accept(self, rule: str = "volume", minutes: float = 5) -> Acceptance:
        (incident,) = (one for one in self.open if one.rule == rule)
        done = accept({one.id: one for one in self.incidents}, incident.id, HOLIDAY, START + timedelta(minutes=minutes), book())
        noted = {one.id: one for one in (*self.incidents, *done.changed)}
        self.incidents = tuple(read_incident(incident_document(one)) for one in noted.values())
        return done


def volume(event_id: int, observed: str = "0.2", day: str = DAY, source: str = "volume") -> Observation:
    """A day's volume of which half is the least."""
    breach = Breach("volume", "warn", "", Decimal(observed), Decimal("0.5"), Decimal(2))
    return Observation("silver.orders", source, day, event_id, START, "run-1", (breach,))


@pytest.fixture
def person() -> Person:
    """Somebody who was told of a holiday's volume."""
    watch = Person()
    watch.tick(volume(1))
    return watch


def test_it_is_over_with_one_message_that_says_who_and_why(person: Person) -> None:
    message = person.accept().message
    assert message.title == "Over: silver.orders, 2026-03-08, accepted by Ann: a holiday, the shops were closed"
    assert "Accepted: by Ann: a holiday, the shops were closed\n" in message.body
    assert "about as many orders" in message.body
    assert (message.kind, message.severities, message.id) == ("over", ("warn",), f"{person.incidents[0].id}-accepted")
    assert person.open == []
    assert said(person.tick(minutes=6)) == said(person.tick(minutes=60 * 24 * 7)) == []


def test_a_new_broken_day_of_the_rule_is_told(person: Person) -> None:
    """While the incident was open it took the day in without a word."""
    person.accept()
    assert said(person.tick(volume(2, day=NEXT_DAY), minutes=6)) == [("new", [VOLUME])]
    assert [incident.open_days for incident in person.open] == [(NEXT_DAY,)]


@pytest.mark.parametrize(("observed", "source"), [("0.2", "volume"), ("0.4", "volume"), ("0.2", "contract")])
def test_an_accepted_day_that_is_reported_again_is_no_news(person: Person, observed: str, source: str) -> None:
    person.accept()
    again = volume(7, observed, source=source)
    assert said(person.tick(again, minutes=6)) == said(person.tick(again, minutes=7)) == []
    assert person.open == []
    assert said(person.tick(volume(8, "0.2"), minutes=8)) == []  # better for a while is not the new measure


def test_an_accepted_day_that_gets_worse_is_told_and_is_then_open_until_it_passes(person: Person) -> None:
    person.accept()
    assert said(person.tick(volume(7, "0.1"), minutes=6)) == [("new", [VOLUME])]
    assert said(person.tick(volume(8, "0.2"), minutes=7)) == []
    assert [incident.open_days for incident in person.open] == [(DAY,)]
    assert said(person.tick(passed("silver.orders", "volume", 9), minutes=8)) == [("over", [VOLUME])]
    assert person.open == []


def test_an_accepted_day_is_known_until_it_passes_once(person: Person) -> None:
    person.accept()
    assert said(person.tick(passed("silver.orders", "volume", 7), minutes=6)) == []
    assert said(person.tick(volume(8), minutes=7)) == [("new", [VOLUME])]


def test_events_that_are_read_again_after_it_change_nothing(person: Person) -> None:
    person.accept()
    kept = person.incidents
    person.tick(volume(1), minutes=6)
    assert person.incidents == kept


def test_what_was_told_beside_the_cause_is_settled_with_it() -> None:
    watch = Person()
    watch.tick(broke("silver.orders", "few_quarantined", 1), broke("gold.executive_kpis", "not_published", 2, source=RUN))
    done = watch.accept("few_quarantined")
    assert done.own == ()
    assert "With it:  gold.executive_kpis 2026-03-08 (not_published)" in done.message.body
    assert said(watch.tick(broke("gold.executive_kpis", "not_published", 9, source=RUN), minutes=6)) == []


def test_what_joined_since_the_last_message_is_told_by_itself() -> None:
    watch = Person()
    watch.tick(broke("silver.orders", "few_quarantined", 1))
    watch.tick(broke("gold.executive_kpis", "not_published", 2, source=RUN), minutes=1)
    done = watch.accept("few_quarantined")
    assert [one.root for one in done.own] == [KPIS]
    assert "With it" not in done.message.body
    assert said(watch.tick(broke("gold.executive_kpis", "not_published", 2, source=RUN), minutes=6)) == [("new", [KPIS])]
    assert said(watch.tick(passed("gold.executive_kpis", RUN, 9), minutes=7)) == [("over", [KPIS])]


def test_a_reminder_tells_of_what_has_joined_by_then() -> None:
    watch = Person()
    watch.tick(broke("silver.orders", "few_quarantined", 1))
    watch.tick(broke("gold.executive_kpis", "not_published", 2, source=RUN), minutes=1)
    assert [kind for kind, _ in said(watch.tick(minutes=4 * 60))] == ["reminder"]
    watch.tick(broke("gold.executive_kpis", "not_published", 3, source=RUN), minutes=4 * 60 + 1)  # told already, whatever says it again
    assert watch.accept("few_quarantined", minutes=4 * 60 + 2).own == ()


def test_one_of_a_storm_is_accepted_by_itself_and_what_its_digest_did_not_name_is_told() -> None:
    watch = Person()
    rest = [replace(seen, table="bronze.customers") for seen in many(29)]
    watch.tick(*rest, broke("silver.orders", "few_quarantined", 100), broke("gold.executive_kpis", "not_published", 101, source=RUN))
    done = watch.accept("few_quarantined", minutes=1)
    assert [one.root for one in done.own] == [KPIS]
    found = watch.tick(*(passed("bronze.customers", seen.source, 200) for seen in rest), minutes=20)
    assert sorted((notice.kind, len(notice.incidents)) for notice in found.notices) == [("new", 1), ("over", 29)]


def test_what_nobody_was_told_of_yet_can_be_accepted_too() -> None:
    watch = Person()
    watch.tick(*many(30))
    watch.tick(broke("silver.stores", "volume", 100, severity="warn"), minutes=1)  # behind the storm it waits
    message = watch.accept(minutes=2).message
    assert message.severities == ("warn",)
    assert said(watch.tick(minutes=20)) == []


def test_a_day_of_the_same_rule_that_nobody_was_told_of_is_not_settled_with_it(person: Person) -> None:
    """It joined without a word while the holiday was open: whoever accepts the holiday has not seen it."""
    assert said(person.tick(volume(2, day=NEXT_DAY), minutes=3)) == []
    done = person.accept()
    assert done.message.title.startswith("Over: silver.orders, 2026-03-08, accepted")
    (own,) = done.own
    assert (own.rule, own.open_days) == ("volume", (NEXT_DAY,))
    assert len(said(person.tick(minutes=6))) == 1


def test_a_failed_run_without_days_is_accepted_and_not_every_later_one() -> None:
    def failed(event_id: int, run_id: str) -> Observation:
        return Observation("some_job", RUN, NO_DAY, event_id, START, run_id, (Breach("run_failed", "error", "The run failed."),))

    watch = Person()
    watch.tick(failed(1, "r1"))
    watch.accept("run_failed")
    assert said(watch.tick(failed(2, "r1"), minutes=6)) == []
    assert len(said(watch.tick(failed(3, "r2"), minutes=7))) == 1


def test_of_a_table_as_a_whole_only_the_very_same_is_accepted() -> None:
    def differs(event_id: int, words: str) -> Observation:
        return Observation("bronze.orders", SCHEMA_DRIFT, NO_DAY, event_id, START, "", (Breach(SCHEMA_DRIFT, "warn", words),))

    watch = Person()
    watch.tick(differs(1, "channel is new"))
    watch.accept(SCHEMA_DRIFT)
    assert said(watch.tick(differs(2, "channel is new"), minutes=6)) == []
    assert said(watch.tick(differs(3, "channel is new; store_id is new"), minutes=7)) == [("new", [("bronze.orders", SCHEMA_DRIFT)])]


@given(st.decimals(0, 3, places=2), st.decimals(0, 3, places=2))
def test_worse_is_further_outside_of_the_limit(one: Decimal, other: Decimal) -> None:
    first, second = (Breach("volume", "warn", "", seen, Decimal("0.5"), Decimal(2)) for seen in (one, other))
    assert not (is_worse(first, second) and is_worse(second, first))
    assert not is_worse(first, first)
    assert is_worse(replace(first, severity="error"), second)
    assert not is_worse(replace(first, observed=None), second)
    if other < one < Decimal("0.5"):
        assert is_worse(second, first)
    if Decimal(2) < one < other:
        assert is_worse(second, first)


def test_only_what_is_open_can_be_accepted(person: Person) -> None:
    person.accept()
    known = {one.id: one for one in person.incidents}
    for name in (*known, "gone"):
        with pytest.raises(TerminalError, match="GB-2208"):
            accept(known, name, HOLIDAY, START, book())


@pytest.mark.parametrize("reason", ["", "  \n", "x" * (LONGEST_REASON + 1)])
def test_a_reason_has_to_say_something_and_fit_in_a_title(reason: str) -> None:
    with pytest.raises(TerminalError, match="GB-2209"):
        Decision.of("Ann", reason)


def test_a_reason_brings_no_address_into_a_message() -> None:
    assert Decision.of(" Ann\nB. ", "holiday,\nsays ann@example.com") == Decision("Ann B.", "holiday, says (address)")


def test_an_older_document_is_read_and_what_it_had_joined_counts_as_told() -> None:
    watch = Person()
    watch.tick(broke("silver.orders", "few_quarantined", 1))
    watch.tick(broke("gold.executive_kpis", "not_published", 2, source=RUN), minutes=1)
    written = json.loads(incident_document(watch.incidents[0]))
    for days in written["broken"].values():
        for sources in days.values():
            for one in sources.values():
                del one["was_told"]
    del written["accepted_by"], written["accepted_because"]
    found = read_incident(json.dumps(written))
    assert (found.is_accepted, found.untold(), len(found.of_joined())) == (False, (), 1)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lake with one open incident, told of, and one that joined it afterwards."""
    found = make_home(tmp_path, monkeypatch)
    watch = Person()
    watch.tick(volume(1))
    watch.tick(broke("gold.executive_kpis", "volume", 2, severity="warn"), minutes=1)
    (incident,) = watch.incidents
    message = Message(f"{incident.id}-warn", "new", ("warn",), (incident.id,), "warning", "", START, is_sent=True)
    Outbox(load_settings().lake_root).save(Recorded({incident.id: incident}, {message.id: message}), START)
    return found


def test_the_command_closes_it_and_a_dry_run_says_the_same_and_does_nothing(home: Path) -> None:
    (name,) = Outbox(load_settings().lake_root).load().incidents
    words = ("alerts", "accept", name[:5], "--reason", "Thanksgiving", "--by", "Ann")
    before = Outbox(load_settings().lake_root).load()
    said_before = document(*words, "--dry-run")
    assert Outbox(load_settings().lake_root).load().incidents == before.incidents
    shown = run(*words)
    assert shown.exit_code == 0, shown.output
    assert "Over: silver.orders, 2026-03-08, accepted by Ann: Thanksgiving" in shown.stdout
    assert "Nobody was told of gold.executive_kpis, 2026-03-08 (volume): it is an alert of its own" in shown.stdout
    kept = Outbox(load_settings().lake_root).load()
    (own,) = (one for one in kept.incidents.values() if one.is_open)
    assert (said_before["dry_run"], said_before["by"], said_before["reason"]) == (True, "Ann", "Thanksgiving")
    assert [one["id"] for one in said_before["alerts_of_their_own"]] == [own.id]
    assert said_before["message"]["title"] == kept.messages[f"{name}-accepted"].title
    assert [message.id for message in kept.unsent] == [f"{name}-accepted"]
    assert kept.incidents[name].closing == f"{name}-accepted"


def test_the_command_says_it_of_the_list_and_of_the_one_and_sends_it_once(home: Path) -> None:
    (name,) = Outbox(load_settings().lake_root).load().incidents
    assert document("alerts", "accept", name, "--reason", "Thanksgiving")["by"] == getuser()
    (listed,) = (one for one in document("alerts", code=1)["alerts"] if one["id"] == name)
    assert (listed["state"], listed["open_days"], listed["accepted"]["because"]) == ("over", [], "Thanksgiving")
    shown = run("alerts").stdout
    assert "accepted" in shown
    assert f"{name}-accepted  not tried yet" in shown
    assert run("alerts", "show", name).stdout.startswith("Over: silver.orders, 2026-03-08, accepted by ")
    assert document("alerts", "send")["sent"] == 1
    (line,) = (home / "alerts" / "alerts.jsonl").read_text().splitlines()
    assert "Thanksgiving" in json.loads(line)["title"]
    again = run("alerts", "accept", name, "--reason", "Thanksgiving")
    assert (again.exit_code, again.stderr.splitlines()[0]) == (2, "GB-2208 That alert is not open, so there is nothing to accept.")


def test_the_log_of_an_incident_is_left_as_it_is(person: Person) -> None:
    assert {one.log for one in person.accept().changed} == {LOG}
