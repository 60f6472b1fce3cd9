"""The freshness sensor: what it tells, when it is quiet, and whom it believes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from deltalake import DeltaTable

from checks.judgement import Judgement
from checks.kinds import check_kinds
from checks.tables import _History
from partitions.reporting import DayCheck, report_checks_of_sensor
from resources.alerts.outbox import Outbox, Recorded
from resources.freshness import FreshnessLog
from resources.lakehouse_resource import LakehouseResource
from resources.ledger import Ledger, LedgerRow
from resources.settings import load_settings
from sensors.build import build_sensors
from tests.unit.alert_cases import Watch, broke
from tests.unit.cli_runs import document, make_home, run
from tests.unit.contract_files import packaged
from tests.unit.freshness_lake import DAY, INVENTORY, MORNING, PANEL, Api, book, deliver, evaluations, loaded, serving, tick

WEEK_BEFORE = DAY - timedelta(days=7)
TOMORROW = MORNING.date() + timedelta(days=1)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    landing = tmp_path / "landing"
    landing.mkdir()
    found = make_home(tmp_path, monkeypatch)
    monkeypatch.setenv("GLOBALBEV_LANDING", str(landing))
    return found


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    return tmp_path / "landing"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    with serving(monkeypatch) as found:
        yield found


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def test_a_late_day_is_told_once_and_its_coming_too(api: Api, instance: dg.DagsterInstance) -> None:
    tables = book(INVENTORY)
    loaded(INVENTORY, last=DAY - timedelta(days=1))
    assert tick(instance, tables) == {(INVENTORY, "partition"): "late", (INVENTORY, "source"): "fresh"}
    assert tick(instance, tables, MORNING + timedelta(minutes=1)) == {}
    loaded(INVENTORY, count=1)
    assert tick(instance, tables, MORNING + timedelta(minutes=2)) == {(INVENTORY, "partition"): "fresh"}
    told = evaluations(instance, INVENTORY)
    assert [(day, passed) for day, passed, _ in told] == [(str(DAY), False), (str(DAY), True)]
    assert told[0][2] == "2026-11-24 was not loaded. The API has 2026-11-24."
    rows = FreshnessLog(load_settings().lake_root).latest(MORNING + timedelta(days=9))
    assert (rows[INVENTORY, "partition"].state, rows[INVENTORY, "partition"].previous_state) == ("fresh", "late")


def test_a_table_that_is_fresh_again_is_so_on_every_day_on_which_it_was_late(api: Api, instance: dg.DagsterInstance) -> None:
    """An alert is open until its rule passes on all its days."""
    tables = book(INVENTORY)
    loaded(INVENTORY, last=DAY - timedelta(days=1))
    tick(instance, tables)
    next_day = MORNING + timedelta(days=1)
    api.clock = next_day
    assert tick(instance, tables, next_day)[INVENTORY, "partition"] == "late"
    loaded(INVENTORY, last=DAY + timedelta(days=1), count=2)
    assert tick(instance, tables, next_day + timedelta(hours=1)) == {(INVENTORY, "partition"): "fresh"}
    newest = {day: passed for day, passed, _ in evaluations(instance, INVENTORY)}
    assert newest == {str(DAY): True, str(DAY + timedelta(days=1)): True}


def days_failed(instance: dg.DagsterInstance, name: str) -> list[str | None]:
    """Days of which the newest result failed."""
    newest = {day: passed for day, passed, _ in evaluations(instance, name)}
    return [day for day, passed in newest.items() if not passed]


def test_a_day_that_never_came_is_not_over_when_the_next_one_came(api: Api, instance: dg.DagsterInstance) -> None:
    """It is said once, with the command that loads it, and is over when it was loaded."""
    tables = book(INVENTORY)
    loaded(INVENTORY, last=DAY - timedelta(days=1))
    tick(instance, tables)
    api.clock = morning = MORNING + timedelta(days=1)
    tick(instance, tables, morning)
    loaded(INVENTORY, last=DAY + timedelta(days=1), count=1)
    assert tick(instance, tables, morning + timedelta(minutes=1)) == {(INVENTORY, "partition"): "fresh"}
    assert days_failed(instance, INVENTORY) == [str(DAY)]
    owed = "2026-11-24 was not loaded. No later day makes up for it: `globalbev backfill 2026-11-24 2026-11-24`."
    assert [said for day, _, said in evaluations(instance, INVENTORY) if day == str(DAY)][-1] == owed
    count = len(evaluations(instance, INVENTORY))
    assert tick(instance, tables, morning + timedelta(minutes=2)) == {}
    assert len(evaluations(instance, INVENTORY)) == count
    for later in (2, 3):
        api.clock = morning = MORNING + timedelta(days=later)
        loaded(INVENTORY, last=DAY + timedelta(days=later), count=1)
        tick(instance, tables, morning)
    assert [said for _, _, said in evaluations(instance, INVENTORY)].count(owed) == 1
    loaded(INVENTORY, count=1)
    loaded(INVENTORY, last=DAY + timedelta(days=4), count=1)
    api.clock = morning = MORNING + timedelta(days=4)
    tick(instance, tables, morning)
    assert days_failed(instance, INVENTORY) == []


def test_a_day_that_was_loaded_without_a_row_is_owed_still(api: Api, instance: dg.DagsterInstance) -> None:
    tables = book(INVENTORY)
    loaded(INVENTORY, last=DAY - timedelta(days=1))
    tick(instance, tables)
    empty = LedgerRow(INVENTORY, DAY, "run", "no_source_data", MORNING + timedelta(hours=1), "1.0.0")
    Ledger(load_settings().lake_root).append([empty])
    loaded(INVENTORY, last=DAY + timedelta(days=1), count=1)
    api.clock = MORNING + timedelta(days=1)
    tick(instance, tables, MORNING + timedelta(days=1))
    assert days_failed(instance, INVENTORY) == [str(DAY)]
    assert "there was not one row. No later day makes up for it" in evaluations(instance, INVENTORY)[-1][2]


def test_a_weekly_file_that_never_came_is_made_up_for_by_the_next_one(landing: Path, instance: dg.DagsterInstance) -> None:
    loaded(PANEL, last=WEEK_BEFORE, count=1)
    tick(instance, book(PANEL))
    loaded(PANEL, last=DAY + timedelta(days=7), count=1)
    deliver(landing, DAY + timedelta(days=7), at=MORNING + timedelta(days=6))
    tick(instance, book(PANEL), MORNING + timedelta(days=7))
    assert days_failed(instance, PANEL) == []


def test_days_that_a_backfill_loaded_while_the_table_was_late_are_over_with_it(api: Api, instance: dg.DagsterInstance) -> None:
    """The run's check failed on them and named the day that was late; they themselves were not owed, whatever became of them."""
    tables = book(INVENTORY)
    loaded(INVENTORY, last=DAY - timedelta(days=1))
    tick(instance, tables)
    check = DayCheck(dg.AssetKey(INVENTORY.split(".")), "freshness", "2026-10-01", False, False, dg.AssetCheckSeverity.WARN)
    report_checks_of_sensor(instance, "run", [replace(check, metadata={"expected_day": str(DAY)})])
    loaded(INVENTORY, count=1)
    tick(instance, tables, MORNING + timedelta(minutes=1))
    assert days_failed(instance, INVENTORY) == []


def test_a_clock_of_our_own_that_ran_ahead_is_no_reason_to_repeat_oneself(api: Api, instance: dg.DagsterInstance) -> None:
    tables = book(INVENTORY)
    loaded(INVENTORY)
    ahead = MORNING + timedelta(days=1)
    api.clock = ahead
    assert tick(instance, tables, ahead)[INVENTORY, "partition"] == "late"
    api.clock = MORNING
    assert tick(instance, tables)[INVENTORY, "partition"] == "fresh"
    assert tick(instance, tables, MORNING + timedelta(minutes=1)) == {}
    assert {day: passed for day, passed, _ in evaluations(instance, INVENTORY)} == {str(DAY): True, str(DAY + timedelta(days=1)): True}


def test_a_quiet_tick_writes_nothing_and_asks_nobody(api: Api, instance: dg.DagsterInstance) -> None:
    tables = book(INVENTORY)
    loaded(INVENTORY)
    tick(instance, tables)
    asked, version = len(api.asked), DeltaTable(f"{load_settings().lake_root}/ops/freshness").version()
    for minute in range(1, 4):
        assert tick(instance, tables, MORNING + timedelta(minutes=minute)) == {}
    assert len(api.asked) == asked == 1
    assert DeltaTable(f"{load_settings().lake_root}/ops/freshness").version() == version
    assert len(evaluations(instance, INVENTORY)) == 1


def test_the_day_that_becomes_due_is_looked_at_at_its_hour(api: Api, instance: dg.DagsterInstance) -> None:
    tables = book(INVENTORY)
    loaded(INVENTORY)
    tick(instance, tables)
    next_morning = MORNING.replace(hour=5, minute=29) + timedelta(days=1)
    assert tick(instance, tables, next_morning) == {}
    api.clock = next_morning
    assert tick(instance, tables, next_morning + timedelta(minutes=1)) == {(INVENTORY, "partition"): "late", (INVENTORY, "source"): "fresh"}


def test_a_backfill_of_an_old_day_does_not_turn_it_green(api: Api, instance: dg.DagsterInstance) -> None:
    tables = book(INVENTORY)
    loaded(INVENTORY, last=DAY - timedelta(days=1))
    tick(instance, tables)
    loaded(INVENTORY, last=date(2026, 6, 3), count=3)
    assert tick(instance, tables, MORNING + timedelta(minutes=1)) == {}
    assert [passed for _, passed, _ in evaluations(instance, INVENTORY)] == [False]


@pytest.mark.parametrize(("hours", "said"), [(24, "24 h ahead"), (-24, "24 h behind"), (2, "2 h ahead")])
def test_an_api_whose_clock_is_off_is_not_believed(api: Api, instance: dg.DagsterInstance, hours: int, said: str) -> None:
    api.clock = MORNING + timedelta(hours=hours)
    loaded(INVENTORY)
    assert tick(instance, book(INVENTORY)) == {(INVENTORY, "partition"): "fresh", (INVENTORY, "source"): "late"}
    (_, passed, why), *_ = evaluations(instance, INVENTORY)
    assert not passed and said in why
    api.clock = MORNING
    assert tick(instance, book(INVENTORY), MORNING + timedelta(minutes=1)) == {(INVENTORY, "source"): "fresh"}


def test_a_run_s_own_check_does_not_call_fresh_what_the_source_still_owes(
    api: Api, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run loads the day, its check passes, and the alert would be over while the sensor's check stands failed."""
    monkeypatch.setattr("checks.tables.now", lambda: MORNING + timedelta(minutes=5))
    api.clock = MORNING - timedelta(days=1)
    loaded(INVENTORY)
    assert tick(instance, book(INVENTORY))[INVENTORY, "source"] == "late"
    found = judged(INVENTORY)
    assert (found.passed, found.metadata["expected_day"]) == (False, str(DAY))
    assert "24 h behind" in found.description
    api.clock = MORNING
    tick(instance, book(INVENTORY), MORNING + timedelta(minutes=1))
    assert judged(INVENTORY).passed


def test_what_a_source_owed_of_an_earlier_day_makes_no_later_one_late(
    api: Api, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sensor is off since: it would ask the source of the day that is due now."""
    api.clock = MORNING - timedelta(days=1)
    loaded(INVENTORY)
    assert tick(instance, book(INVENTORY))[INVENTORY, "source"] == "late"
    loaded(INVENTORY, last=DAY + timedelta(days=1), count=1)
    monkeypatch.setattr("checks.tables.now", lambda: MORNING + timedelta(days=1))
    assert judged(INVENTORY).passed


def test_a_run_does_not_call_a_day_fresh_that_it_loaded_and_that_never_came(
    api: Api, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A range over it and a later day, which is there: the table is fresh, and that day is owed still."""
    monkeypatch.setattr("checks.tables.now", lambda: MORNING + timedelta(minutes=5))
    never = DAY - timedelta(days=1)
    loaded(INVENTORY)
    Ledger(load_settings().lake_root).append([LedgerRow(INVENTORY, never, "run", "no_source_data", MORNING, "1.0.0")])
    tick(instance, book(INVENTORY))
    assert judged(INVENTORY).passed
    found = judged(INVENTORY, never)
    assert (found.passed, found.metadata["expected_day"], found.metadata["next"]) == (False, str(never), f"globalbev freshness {INVENTORY}")
    assert f"globalbev backfill {never} {never}" in found.description


def judged(table: str, old: date = date(2026, 6, 3)) -> Judgement:
    """What a run over an old day says of the table's freshness."""
    contract = packaged().parse(table)
    (kind,) = (kind for kind in check_kinds(contract) if kind.name == "freshness")
    lakehouse = LakehouseResource()
    return _History(lakehouse, lakehouse.lake().ledger, [contract]).judge(contract, kind, [old])[old]


def test_an_api_that_answers_another_day_or_nothing_has_not_delivered(api: Api, instance: dg.DagsterInstance) -> None:
    loaded(INVENTORY, last=DAY - timedelta(days=1))
    api.as_of = f"{TOMORROW}T00:00:00Z"
    assert tick(instance, book(INVENTORY))[INVENTORY, "source"] == "late"
    api.as_of, api.items = None, []
    assert tick(instance, book(INVENTORY), MORNING + timedelta(minutes=1)) == {}
    api.status = 404
    assert tick(instance, book(INVENTORY), MORNING + timedelta(minutes=2)) == {}
    api.status, api.items = 200, [{"warehouse_id": "W1"}]
    assert tick(instance, book(INVENTORY), MORNING + timedelta(minutes=3)) == {(INVENTORY, "source"): "fresh"}


def test_a_delivery_dated_tomorrow_is_none(landing: Path, instance: dg.DagsterInstance) -> None:
    deliver(landing, TOMORROW)
    loaded(PANEL, last=WEEK_BEFORE, count=1)
    assert tick(instance, book(PANEL)) == {(PANEL, "partition"): "late", (PANEL, "source"): "late"}
    (_, _, why), *_ = evaluations(instance, PANEL)
    assert "dated later than today" in why


def test_a_file_counts_when_it_is_whole_and_has_rows(landing: Path, instance: dg.DagsterInstance) -> None:
    loaded(PANEL, last=WEEK_BEFORE, count=1)
    deliver(landing, DAY, "header_only.csv", rows=0)
    deliver(landing, DAY, "arriving.csv", at=MORNING)
    (landing / "market_panel" / str(DAY) / "arriving.csv.done").unlink()
    assert tick(instance, book(PANEL))[PANEL, "source"] == "late"
    deliver(landing, DAY + timedelta(days=1), "panel.csv")  # a day late, still the delivery that was due
    assert tick(instance, book(PANEL), MORNING + timedelta(minutes=1)) == {(PANEL, "source"): "fresh"}


def test_looking_leaves_the_landing_zone_and_the_dead_letters_alone(home: Path, landing: Path, instance: dg.DagsterInstance) -> None:
    deliver(landing, DAY)
    (landing / "market_panel" / str(DAY) / "empty.csv").touch()
    before = sorted(landing.rglob("*"))
    loaded(PANEL, last=WEEK_BEFORE, count=1)
    tick(instance, book(PANEL))
    assert sorted(landing.rglob("*")) == before
    assert not (home / "deadletter").exists()


def test_nothing_is_told_of_a_table_that_was_never_loaded(api: Api, instance: dg.DagsterInstance) -> None:
    assert tick(instance, book(INVENTORY, PANEL)) == {}
    assert api.asked == []


def test_the_sensor_runs_from_the_start_and_is_quick_to_say_that_nothing_changed(instance: dg.DagsterInstance) -> None:
    sensor = next(one for one in build_sensors(book(INVENTORY), load_settings()) if one.name == "freshness")
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert sensor.minimum_interval_seconds == 30
    said = sensor(dg.build_sensor_context(instance=instance, cursor="{garbage"))
    assert isinstance(said, dg.SkipReason) and said.skip_message == "Nothing changed."


def test_the_command_says_day_table_and_owner_and_ends_with_1_when_something_is_late(api: Api) -> None:
    loaded(INVENTORY, last=date(2026, 7, 1))
    found = document("freshness", INVENTORY, code=1)
    assert len(found) == 1
    assert (found[0]["table"], found[0]["state"], found[0]["owner"]) == (INVENTORY, "late", "supply-chain@globalbev.example")
    assert "since 2026-07-02 are missing too" in found[0]["why"] and found[0]["late_s"] > 0
    shown = run("freshness", "--late")
    assert shown.exit_code == 1
    assert INVENTORY in shown.output and "1 of 29 tables late; 28 never loaded" in shown.output
    assert run("freshness", "bronze.inventry").exit_code == 2


def test_the_command_names_older_days_that_are_owed_still_and_what_loads_them(api: Api) -> None:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    loaded(INVENTORY, last=yesterday, count=3)
    loaded(INVENTORY, last=yesterday - timedelta(days=5), count=4)
    loaded(INVENTORY, last=yesterday - timedelta(days=10), count=1)
    owed = [str(yesterday - timedelta(days=back)) for back in (9, 4, 3)]
    (found,) = document("freshness", INVENTORY, code=1)
    assert (found["owed"], found["late"]) == (owed, True)
    shown = run("freshness", "--late")
    assert f"Owed still: {owed[2]}, {owed[1]}, {owed[0]}." in " ".join(shown.output.split())
    assert f"do: `globalbev backfill {owed[1]} {owed[2]}`" in shown.output


def test_days_whose_absence_a_person_accepted_are_not_owed_any_more(api: Api) -> None:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    accepted, owed = (str(yesterday - timedelta(days=back)) for back in (5, 3))
    loaded(INVENTORY, last=yesterday, count=3)
    loaded(INVENTORY, last=yesterday - timedelta(days=4), count=1)
    loaded(INVENTORY, last=yesterday - timedelta(days=6), count=1)
    watch = Watch()
    watch.tick(broke(INVENTORY, "freshness", 1, day=accepted, severity="warn"))
    Outbox(load_settings().lake_root).save(Recorded({one.id: one for one in watch.incidents}, {}), MORNING)
    (before,) = document("freshness", INVENTORY, code=1)
    assert (before["owed"], before["accepted"]) == ([accepted, owed], [])
    assert run("alerts", "accept", watch.incidents[0].id, "--reason", "stock-taking").exit_code == 0
    (after,) = document("freshness", INVENTORY, code=1)
    assert (after["owed"], after["accepted"]) == ([owed], [accepted])
    assert f"Accepted as missing: {accepted}." in " ".join(run("freshness", "--late").output.split())
    loaded(INVENTORY, last=date.fromisoformat(owed), count=1)
    (settled,) = document("freshness", INVENTORY, code=1)  # late still, for this source's clock is of another year
    assert (settled["owed"], settled["accepted"], "Owed still" in settled["why"]) == ([], [accepted], False)
