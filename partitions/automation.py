"""Which days are made by themselves: bronze at its hour, silver and gold when what they are made from is new and has passed.

Dagster's ``eager()`` does not fit as it stands. It looks at the newest day alone, so that late data of older days starts nothing. What a person
backfills would go on through the layers by itself. And a table whose sums look back (gold, 28 days) would be stopped for 28 days by one
missing day, and started by any one of 28 that passed. So a day goes on when

* one of the tables that it is made from has something new, brought by automation, by hand for a single day, or reported, not by a backfill; and
* each of them has *that* day, and its blocking check has passed on it. A table of the same step may be made with it.

A condition of our own is evaluated in the code server (``use_user_code_server``), not in the daemon.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import time, timedelta

import dagster as dg
from dagster import AutomationCondition

from globalbev_assets.contracts.calendar import DEFAULT_DUE
from globalbev_assets.contracts.model import Contract
from partitions.conditions import DayIsHandled, TableDayIsNew, UpstreamDayIsNew, UpstreamDayIsReady

LATE_DATA_DAYS = 42
"""So many days back new data starts what is made from it; orders reach the shop up to 33 days late (``sandbox/sql/late.sql``)."""
WINDOW = timedelta(days=LATE_DATA_DAYS)
_HEAD_START = timedelta(hours=1)


def bronze_hour(contracts: Iterable[Contract]) -> str:
    """When bronze reads its sources, as cron has it: an hour before the first of its tables is due, one hour for all so that they are one run."""
    due = min((time.fromisoformat(contract.due or DEFAULT_DUE) for contract in contracts), default=time.fromisoformat(DEFAULT_DUE))
    start = max(timedelta(hours=due.hour, minutes=due.minute) - _HEAD_START, timedelta(minutes=10))
    return f"{start.seconds // 60 % 60} {start.seconds // 3600} * * *"


def on_schedule(cron: str) -> AutomationCondition[dg.AssetKey]:
    """Bronze: the newest day, at this hour."""
    tick: AutomationCondition[dg.AssetKey] = AutomationCondition.cron_tick_passed(cron)
    return (AutomationCondition.in_latest_time_window() & tick.since(DayIsHandled()) & ~AutomationCondition.in_progress()).with_label(
        f"daily at {cron}"
    )


def after_upstream() -> AutomationCondition[dg.AssetKey]:
    """Silver and gold: the days of the late-data window whose upstream has something new, once it is ready."""
    return (
        AutomationCondition.in_latest_time_window(WINDOW)
        & UpstreamDayIsNew().since(DayIsHandled())
        & UpstreamDayIsReady()
        & ~AutomationCondition.any_deps_in_progress()
        & ~AutomationCondition.in_progress()
    ).with_label("when its upstream days are new and have passed")


def judge_skipped() -> AutomationCondition[dg.AssetCheckKey]:
    """A blocking check: with its table, and by itself where a failed step took the check of its good days and tables down."""
    is_judged = AutomationCondition.check_passed() | AutomationCondition.check_failed()
    return (
        AutomationCondition.in_latest_time_window(WINDOW)
        & (
            AutomationCondition.any_deps_match(AutomationCondition.will_be_requested())
            | (
                TableDayIsNew().since(AutomationCondition.newly_requested())
                & ~is_judged
                & ~AutomationCondition.any_deps_in_progress()
                & ~AutomationCondition.in_progress()
            )
        )
    ).with_label("with its table, or when it was skipped")
