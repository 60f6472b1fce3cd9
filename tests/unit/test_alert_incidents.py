"""An incident is a table and a rule: what opens it, what joins it, when it is over. No clock, no lake, no Dagster."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from globalbev_assets.contracts import freshness
from globalbev_assets.contracts.book import ContractBook
from resources.alerts.documents import incident_document, read_incident
from resources.alerts.notices import MOST_SINGLE, due
from resources.alerts.observations import NO_DAY, RUN, SCHEMA_DRIFT, TOO_LONG, Observation
from resources.alerts.register import Register
from tests.unit.alert_cases import DAY, LOG, START, Watch, book, broke, lineage, many, passed, said

NEXT_DAY = "2026-03-09"


def test_one_message_an_incident_however_many_days() -> None:
    watch = Watch()
    days = [f"2026-03-{number:02}" for number in range(1, 9)]
    found = watch.tick(*(broke("silver.orders", "few_quarantined", number, day) for number, day in enumerate(days, 1)))
    assert said(found) == [("new", [("silver.orders", "few_quarantined")])]
    assert watch.open[0].open_days == tuple(days)


def test_a_day_more_is_no_second_message() -> None:
    watch = Watch()
    watch.tick(broke("silver.orders", "few_quarantined", 1))
    assert said(watch.tick(broke("silver.orders", "few_quarantined", 2, NEXT_DAY), minutes=1)) == []
    assert watch.open[0].open_days == (DAY, NEXT_DAY)


def test_it_is_over_when_the_rule_passes_on_all_its_days() -> None:
    watch = Watch()
    watch.tick(broke("silver.orders", "volume", 1), broke("silver.orders", "volume", 2, NEXT_DAY))
    assert said(watch.tick(passed("silver.orders", "volume", 3), minutes=1)) == []
    assert said(watch.tick(passed("silver.orders", "volume", 4, NEXT_DAY), minutes=2)) == [("over", [("silver.orders", "volume")])]
    assert watch.open == []


def test_another_day_that_passes_does_not_end_it() -> None:
    watch = Watch()
    watch.tick(broke("silver.orders", "volume", 1))
    watch.tick(passed("silver.orders", "volume", 2, NEXT_DAY), minutes=1)
    assert [incident.open_days for incident in watch.open] == [(DAY,)]


def test_two_checks_that_fail_for_one_rule_are_one_incident_until_both_pass() -> None:
    watch = Watch()
    found = watch.tick(broke("silver.orders", "key_is_unique", 1, source="contract"), broke("silver.orders", "key_is_unique", 2, source="unique"))
    assert said(found) == [("new", [("silver.orders", "key_is_unique")])]
    assert said(watch.tick(passed("silver.orders", "contract", 3), minutes=1)) == []
    assert said(watch.tick(passed("silver.orders", "unique", 4), minutes=2)) == [("over", [("silver.orders", "key_is_unique")])]


def test_what_fails_downstream_on_the_same_day_joins_whatever_order_it_is_reported_in() -> None:
    seen = [
        broke("bronze.orders", "every_source_row_arrived", 9),
        broke("silver.orders", "not_published", 3, source=RUN),
        broke("gold.executive_kpis", "not_published", 1, source=RUN),
    ]
    for _ in range(5):
        random.shuffle(seen)
        watch = Watch()
        assert said(watch.tick(*seen)) == [("new", [("bronze.orders", "every_source_row_arrived")])]
        assert sorted(table for table, _ in watch.open[0].joined) == ["gold.executive_kpis", "silver.orders"]


def test_what_fails_downstream_on_another_day_is_another_incident() -> None:
    watch = Watch()
    watch.tick(broke("bronze.orders", "every_source_row_arrived", 1))
    assert len(watch.tick(broke("silver.orders", "few_quarantined", 2, NEXT_DAY), minutes=1).notices) == 1


def test_a_report_that_looks_back_joins_for_the_days_that_it_reads() -> None:
    """net_sales_28d of 2026-03-20 reads 2026-03-08; executive_kpis of that day does not."""
    watch = Watch()
    watch.tick(broke("silver.orders", "few_quarantined", 1))
    assert said(watch.tick(broke("gold.fact_sku_market_performance", "not_published", 2, "2026-03-20"), minutes=1)) == []
    assert len(watch.tick(broke("gold.executive_kpis", "not_published", 3, "2026-03-20"), minutes=2).notices) == 1


def test_a_failure_never_hides_behind_a_warning() -> None:
    watch = Watch()
    watch.tick(broke("bronze.orders", "volume", 1, severity="warn"))
    assert len(watch.tick(broke("silver.orders", "few_quarantined", 2), minutes=1).notices) == 1
    assert said(watch.tick(broke("silver.orders", "volume", 3, severity="warn"), minutes=2)) == []


def test_two_rules_of_one_table_are_two_incidents_and_its_failed_run_joins() -> None:
    watch = Watch()
    seen = (
        broke("silver.orders", "few_quarantined", 1),
        broke("silver.orders", "key_is_unique", 2),
        broke("silver.orders", "run_failed", 3, source=RUN),
    )
    assert [roots for _, roots in said(watch.tick(*seen))] == [[("silver.orders", "few_quarantined")], [("silver.orders", "key_is_unique")]]


def test_a_run_that_failed_for_many_tables_is_one_incident() -> None:
    watch = Watch()
    tables = ("bronze.orders", "bronze.order_lines", "bronze.payments")
    found = watch.tick(*(broke(table, "run_failed", 5, source=RUN) for table in tables))
    assert len(found.notices) == 1
    assert len(watch.open[0].joined) == 2


def test_a_materialisation_mends_what_the_run_broke() -> None:
    watch = Watch()
    watch.tick(broke("bronze.orders", "run_failed", 5, source=RUN), broke("silver.orders", "run_failed", 6, NO_DAY, source=RUN))
    assert said(watch.tick(passed("bronze.orders", RUN, 9), passed("silver.orders", RUN, 10), minutes=1)) == [
        ("over", [("bronze.orders", "run_failed")])
    ]


def test_what_is_left_broken_downstream_is_named_and_may_fail_again() -> None:
    watch = Watch()
    watch.tick(broke("silver.orders", "few_quarantined", 1), broke("gold.executive_kpis", "not_published", 2, source=RUN))
    found = watch.tick(passed("silver.orders", "few_quarantined", 3), minutes=1)
    assert found.notices[0].incidents[0].joined == (("gold.executive_kpis", "not_published"),)
    assert said(watch.tick(broke("gold.executive_kpis", "not_published", 4, source=RUN), minutes=2)) == [
        ("new", [("gold.executive_kpis", "not_published")])
    ]


def test_events_that_are_read_again_change_nothing() -> None:
    """The sensor was killed before its cursor was kept: also after the incident was over."""
    watch = Watch()
    events = (broke("silver.orders", "volume", 1), passed("silver.orders", "volume", 2), broke("silver.stores", "volume", 3))
    watch.tick(events[0])
    watch.tick(*events[1:], minutes=1)
    kept = watch.incidents
    for seen in (events, events[:1], events[:2]):
        assert watch.tick(*seen, minutes=2).notices == ()
        assert watch.incidents == kept


def test_a_later_failure_after_the_end_is_a_new_incident() -> None:
    watch = Watch()
    watch.tick(broke("silver.orders", "volume", 1))
    watch.tick(passed("silver.orders", "volume", 2), minutes=1)
    assert said(watch.tick(broke("silver.orders", "volume", 3), minutes=2)) == [("new", [("silver.orders", "volume")])]
    assert len({incident.id for incident in watch.incidents}) == 2


def test_what_came_and_went_within_a_tick_is_not_told() -> None:
    watch = Watch()
    assert said(watch.tick(broke("silver.orders", "volume", 1), passed("silver.orders", "volume", 2))) == []
    assert watch.incidents == ()


def test_another_event_log_starts_its_ids_anew() -> None:
    watch = Watch()
    watch.tick(broke("silver.orders", "volume", 900))
    assert said(watch.tick(passed("silver.orders", "volume", 2), minutes=1, log="another")) == [("over", [("silver.orders", "volume")])]


def test_more_than_twenty_new_ones_are_one_digest() -> None:
    assert [len(notice.incidents) for notice in Watch().tick(*many(MOST_SINGLE)).notices] == [1] * MOST_SINGLE
    assert [len(notice.incidents) for notice in Watch().tick(*many(MOST_SINGLE + 1)).notices] == [MOST_SINGLE + 1]


def test_a_storm_of_a_thousand_is_one_message_and_one_when_it_is_over() -> None:
    watch = Watch()
    assert [len(notice.incidents) for notice in watch.tick(*many(600)).notices] == [600]
    assert said(watch.tick(*many(400, "range", 2_000), minutes=1)) == []
    assert [len(notice.incidents) for notice in watch.tick(minutes=16).notices] == [400]
    half = [passed("bronze.orders", f"volume_{number}", 5_000) for number in range(300)]
    assert said(watch.tick(*half, minutes=17)) == []
    rest = [passed("bronze.orders", f"volume_{number}", 5_000) for number in range(300, 600)]
    assert [(notice.kind, len(notice.incidents)) for notice in watch.tick(*rest, minutes=18).notices] == [("over", 600)]


def test_a_failure_does_not_wait_behind_a_storm_of_warnings() -> None:
    watch = Watch()
    watch.tick(*(replace(seen, breaches=tuple(replace(breach, severity="warn") for breach in seen.breaches)) for seen in many(30)))
    late = (broke("silver.orders", "few_quarantined", 100), broke("silver.stores", "volume", 101, severity="warn"))
    assert said(watch.tick(*late, minutes=1)) == [("new", [("silver.orders", "few_quarantined")])]
    assert said(watch.tick(minutes=16)) == [("new", [("silver.stores", "volume")])]


def test_a_storm_of_both_is_one_digest_for_those_who_want_either() -> None:
    warned = broke("silver.stores", "volume", 1, severity="warn")
    (notice,) = Watch().tick(warned, *many(MOST_SINGLE, start=10)).notices
    assert notice.severities == ("error", "warn")


def test_what_failed_downstream_is_told_when_its_cause_ends_before_anybody_heard_of_it() -> None:
    watch = Watch()
    watch.tick(*(replace(seen, table="bronze.customers") for seen in many(30)))
    below = broke("silver.orders", "few_quarantined", 101)
    watch.tick(broke("bronze.orders", "run_failed", 100, source=RUN), broke("gold.executive_kpis", "not_published", 99, source=RUN), minutes=1)
    watch.tick(below, minutes=1.5)  # reported last, though it is what the other one waits for
    assert said(watch.tick(passed("bronze.orders", RUN, 200), minutes=2)) == []
    assert said(watch.tick(below, minutes=3)) == []  # read again
    found = watch.tick(minutes=16)
    assert said(found) == [("new", [("silver.orders", "few_quarantined")])]
    assert found.notices[0].incidents[0].joined == (("gold.executive_kpis", "not_published"),)
    assert found.notices[0].incidents[0].breach == below.breaches[0]


def test_a_warning_that_was_told_is_told_to_be_over_though_it_was_worse_meanwhile() -> None:
    watch = Watch()
    watch.tick(broke("bronze.orders", "schema_drift", 1, NO_DAY, severity="warn"))
    watch.tick(*many(30, start=10), minutes=1)
    assert said(watch.tick(broke("bronze.orders", "schema_drift", 100, NO_DAY), minutes=2)) == []
    (notice,) = watch.tick(passed("bronze.orders", "schema_drift", 101, NO_DAY), minutes=3).notices
    assert (notice.kind, notice.severities) == ("over", ("warn",))


def test_who_was_told_of_a_warning_is_told_when_the_failure_that_it_became_is_over() -> None:
    watch = Watch()
    watch.tick(broke("bronze.orders", "schema_drift", 1, NO_DAY, severity="warn"))
    watch.tick(broke("bronze.orders", "schema_drift", 2, NO_DAY), minutes=1)
    (notice,) = watch.tick(passed("bronze.orders", "schema_drift", 3, NO_DAY), minutes=2).notices
    assert notice.severities == ("error", "warn")


def test_the_figure_is_that_of_the_newest_day_that_is_still_broken() -> None:
    watch = Watch()
    first, last = broke("silver.orders", "volume", 1), broke("silver.orders", "volume", 2, NEXT_DAY, run_id="run-9")
    worse = replace(first, breaches=(replace(first.breaches[0], observed=Decimal("0.9")),))
    watch.tick(worse, last)
    assert (watch.open[0].newest_day, watch.open[0].run_id, watch.open[0].breach) == (NEXT_DAY, "run-9", last.breaches[0])
    watch.tick(passed("silver.orders", "volume", 3, NEXT_DAY), minutes=1)
    assert (watch.open[0].newest_day, watch.open[0].run_id, watch.open[0].breach) == (DAY, "run-1", worse.breaches[0])


def test_a_reminder_comes_after_the_severity_s_time_and_again() -> None:
    watch = Watch()
    watch.tick(broke("silver.orders", "few_quarantined", 1))
    assert said(watch.tick(minutes=4 * 60 - 1)) == []
    assert said(watch.tick(minutes=4 * 60)) == [("reminder", [("silver.orders", "few_quarantined")])]
    assert said(watch.tick(minutes=4 * 60 + 1)) == []
    assert [notice.id for notice in watch.tick(minutes=8 * 60).notices] == [f"{watch.open[0].id}-reminder-2"]


def test_a_warning_is_reminded_of_once_a_day() -> None:
    watch = Watch()
    watch.tick(broke("silver.orders", "volume", 1, severity="warn"))
    assert said(watch.tick(minutes=23 * 60)) == []
    assert len(watch.tick(minutes=24 * 60).notices) == 1


def test_a_contract_may_say_when_it_is_reminded_of() -> None:
    watch = Watch()
    watch.tick(broke("silver.orders", "few_quarantined", 1))
    contracts = ContractBook(
        replace(contract, remind_after_hours=2) if str(contract.name) == "silver.orders" else contract for contract in book().values()
    )
    assert len(due(watch.incidents, contracts, START + timedelta(hours=2)).notices) == 1
    assert due(watch.incidents, book(), START + timedelta(hours=2)).notices == ()


def test_no_reminder_is_put_on_top_of_a_message_that_still_waits() -> None:
    watch = Watch()
    watch.tick(broke("silver.orders", "few_quarantined", 1))
    waiting = {incident.id for incident in watch.incidents}
    assert due(watch.incidents, book(), START + timedelta(hours=5), waiting).notices == ()


def test_a_warning_that_becomes_a_failure_is_told_again_and_ends_once() -> None:
    """A new column warns; the next day one is dropped: the same check of the same table."""
    watch = Watch()
    watch.tick(broke("bronze.orders", "schema_drift", 1, NO_DAY, severity="warn"))
    found = watch.tick(broke("bronze.orders", "schema_drift", 2, NO_DAY), minutes=1)
    assert [(notice.kind, notice.severities) for notice in found.notices] == [("new", ("error",))]
    assert said(watch.tick(broke("bronze.orders", "schema_drift", 3, NO_DAY, severity="warn"), minutes=2)) == []
    assert said(watch.tick(passed("bronze.orders", "schema_drift", 4, NO_DAY), minutes=3)) == [("over", [("bronze.orders", "schema_drift")])]


def test_quiet_times_are_quiet() -> None:
    watch = Watch()
    assert said(watch.tick(*(passed("silver.orders", "volume", number, f"2026-03-{number:02}") for number in range(1, 28)))) == []
    assert watch.incidents == ()


def test_freshness_of_a_daily_table_is_over_when_that_very_day_came() -> None:
    """It was over with the next day, and nobody heard of the one that never came."""
    watch = Watch()
    watch.tick(broke("silver.orders", "freshness", 1, severity="warn"))
    assert said(watch.tick(passed("silver.orders", "freshness", 2, "2026-03-01"), passed("silver.orders", "freshness", 3, NEXT_DAY), minutes=1)) == []
    assert [incident.open_days for incident in watch.open] == [(DAY,)]
    assert said(watch.tick(passed("silver.orders", "freshness", 4), minutes=2)) == [("over", [("silver.orders", "freshness")])]


def test_freshness_of_a_weekly_feed_is_over_when_a_later_day_came_and_not_by_an_old_one() -> None:
    made_up_for = freshness.made_up_for(book())
    assert {"bronze.market_panel", "silver.market_panel"} <= made_up_for and not {"bronze.orders", "gold.executive_kpis"} & made_up_for
    register = Register((), lineage(), LOG, made_up_for)
    register.observe([broke("silver.market_panel", "freshness", 1, severity="warn")], START)
    register.observe([passed("silver.market_panel", "freshness", 2, "2026-03-01")], START)
    assert [incident.open_days for incident in register.incidents] == [(DAY,)]
    register.observe([passed("silver.market_panel", "freshness", 3, "2026-03-15")], START)
    assert register.incidents == ()  # it was told to nobody


TABLES = ("bronze.orders", "silver.orders", "silver.order_lines", "gold.executive_kpis")
EVENTS = st.lists(
    st.tuples(st.sampled_from(TABLES), st.sampled_from(("volume", "key_is_unique")), st.sampled_from((DAY, NEXT_DAY)), st.booleans()), max_size=14
)


def observations(drawn: list[tuple[str, str, str, bool]]) -> list[Observation]:
    return [
        passed(table, rule, number, day) if is_good else broke(table, rule, number, day)
        for number, (table, rule, day, is_good) in enumerate(drawn, 1)
    ]


@given(EVENTS, st.integers(0, 14), st.integers(0, 14))
def test_what_is_broken_is_in_an_incident_and_what_is_mended_in_none(drawn: list[tuple[str, str, str, bool]], cut: int, again: int) -> None:
    """Whatever is reported in whatever ticks, with some of it read twice: nothing broken is lost, nothing good is kept open."""
    seen, watch = observations(drawn), Watch()
    watch.tick(*seen[:cut])
    watch.tick(*seen[min(again, cut) :], minutes=1)
    last = {(each.table, each.source, each.day): each for each in seen}
    broken = {(table, rule, day) for (table, rule, day), each in last.items() if each.breaches}
    claimed = {(*slot, day) for incident in watch.incidents for slot, days in incident.broken.items() for day in days}
    assert claimed == broken
    assert all(incident.open_days for incident in watch.open)
    assert all(incident.announcement for incident in watch.open)


@given(EVENTS)
def test_an_incident_survives_the_table(drawn: list[tuple[str, str, str, bool]]) -> None:
    watch = Watch()
    watch.tick(*observations(drawn))
    assert [read_incident(incident_document(incident)) for incident in watch.incidents] == list(watch.incidents)


def test_a_run_that_takes_long_explains_nothing_downstream() -> None:
    watch = Watch()
    watch.tick(broke("bronze.orders", TOO_LONG, 1, NO_DAY, severity="warn"))
    found = watch.tick(broke("silver.orders", "volume", 2, severity="warn"), minutes=1)
    assert said(found) == [("new", [("silver.orders", "volume")])]


def test_a_source_that_changed_explains_days_that_are_not_there_and_no_wrong_figure() -> None:
    watch = Watch()
    watch.tick(broke("bronze.orders", SCHEMA_DRIFT, 1, NO_DAY))
    assert said(watch.tick(broke("silver.orders", "not_published", 2, source=RUN), minutes=1)) == []
    found = watch.tick(broke("gold.fact_daily_sales", "adds_up_to_silver", 3, "2026-02-01"), minutes=2)
    assert said(found) == [("new", [("gold.fact_daily_sales", "adds_up_to_silver")])]
