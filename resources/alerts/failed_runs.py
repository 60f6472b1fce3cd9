"""What a failed run says: which days of which tables are held, failed or were never reached, and which rule held them.

The checks of a step that failed do not run, so the ledger is asked. A run that Dagster will try again by itself says nothing yet. A run that
failed because a check did says nothing either: the check has. Where no check did, nobody knows what the checks would have said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

import dagster as dg
import pyarrow as pa
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
    WILL_RETRY_TAG,
)
from deltalake.exceptions import DeltaError

from resources.alerts.event_tail import Event, EventTail
from resources.alerts.lineage import Lineage
from resources.alerts.observations import (
    CHECKS,
    FRESHNESS,
    NO_DAY,
    NOT_PUBLISHED,
    RUN,
    RUN_FAILED,
    SCHEMA_DRIFT,
    UNCHECKED,
    Breach,
    Observation,
)
from resources.alerts.wording import reason_of
from resources.ledger import DqResult, Ledger, LedgerRow

_Limits = Mapping[tuple[str, str, date], Sequence[Breach]]
"""The blocking limits that a run broke, by run, table and day."""


def failed_runs(events: Iterable[Event], instance: dg.DagsterInstance, tail: EventTail, ledger: Ledger, lineage: Lineage) -> Iterator[Observation]:
    """The observations of failed runs."""
    failures = {event.run_id: event for event in events}
    runs = {run.run_id: run for run in _runs(instance, list(failures)) if run.tags.get(WILL_RETRY_TAG) != "true"}
    rows, limits = _recorded(ledger, runs) if runs else ({}, {})
    for run_id, run in runs.items():
        found = [*_of_days(failures[run_id], run, rows.get(run_id, []), limits, lineage)]
        yield from found or _of_checks(failures[run_id], run, tail, lineage)


def checks_that_ran(events: Iterable[Event], tables: Collection[str]) -> Iterator[Observation]:
    """What takes back that the checks of these tables did not run: a result of one of them, whatever it says.

    Sensors look at freshness and schema drift without a run, so these two say nothing of it. What is no table is the job of a run that named none:
    any result will do.
    """
    ran = [event for event in events if not event.is_failed_run and event.check not in (FRESHNESS, SCHEMA_DRIFT)] if tables else []
    newest = {"": ran[-1]} | {event.asset: event for event in ran} if ran else {}
    for table in sorted(tables):
        event = newest.get(table if "." in table else "")
        if event is not None:
            yield Observation(table, CHECKS, NO_DAY, event.id, event.at, event.run_id)


def _runs(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> Sequence[dg.DagsterRun]:
    return instance.get_runs(filters=dg.RunsFilter(run_ids=list(run_ids))) if run_ids else []


def _recorded(ledger: Ledger, run_ids: Collection[str]) -> tuple[dict[str, list[LedgerRow]], _Limits]:
    """What the runs wrote into the ledger; nothing where it is damaged: then the runs are told of without the reason."""
    try:
        rows = _by_run(ledger.of_runs(run_ids))
        held = {run_id for run_id, its in rows.items() if any(row.state == "held" for row in its)}
        return rows, _broken_limits(ledger.failures_of_runs(held)) if held else {}
    except (DeltaError, OSError, pa.ArrowException):
        return {}, {}


def _by_run(rows: Iterable[LedgerRow]) -> dict[str, list[LedgerRow]]:
    found: dict[str, list[LedgerRow]] = {}
    for row in rows:
        found.setdefault(row.run_id, []).append(row)
    return found


def _of_days(event: Event, run: dg.DagsterRun, rows: Sequence[LedgerRow], limits: _Limits, lineage: Lineage) -> Iterator[Observation]:
    """The days that the run has not published."""
    for row in (row for row in rows if not row.is_readable):
        breaches = limits.get((row.run_id, row.table_name, row.business_day), []) if row.state == "held" else []
        yield _observation(event, row.table_name, str(row.business_day), breaches or [_not_published(row)])
    asked = () if _is_check_only(run) else tables_of(run) or (run.job_name,)
    for table in _in_order(set(asked) - {row.table_name for row in rows}, lineage):
        for day in days_of_run(run):
            yield _observation(event, table, day, [Breach(RUN_FAILED, "error", "The run failed.")])


def _of_checks(event: Event, run: dg.DagsterRun, tail: EventTail, lineage: Lineage) -> Iterator[Observation]:
    """A run with nothing left to publish failed in its checks: told once, and only where no check says why."""
    if not tail.has_failed_check(run.run_id):
        table = next(iter(_in_order(tables_of(run), lineage)), run.job_name)
        breach = Breach(UNCHECKED, "error", "The run failed before all its checks had a result.")
        yield Observation(table, CHECKS, NO_DAY, event.id, event.at, event.run_id, (breach,))


def _is_check_only(run: dg.DagsterRun) -> bool:
    """Whether it was asked for checks and no table: in process Dagster notes an empty selection, and not the checks."""
    return not run.asset_selection and (run.asset_selection is not None or bool(run.asset_check_selection))


def _in_order(tables: Iterable[str], lineage: Lineage) -> list[str]:
    return sorted(tables, key=lambda table: (lineage.depth(table), table))


def _observation(event: Event, table: str, day: str, breaches: Sequence[Breach]) -> Observation:
    return Observation(table, RUN, day, event.id, event.at, event.run_id, tuple(breaches))


def _not_published(row: LedgerRow) -> Breach:
    return Breach(NOT_PUBLISHED if row.state == "held" else RUN_FAILED, "error", reason_of(row.state, row.reason))


def _broken_limits(results: Iterable[DqResult]) -> _Limits:
    found: dict[tuple[str, str, date], list[Breach]] = {}
    for result in results:
        if result.kind == "day" and result.blocking:
            breach = Breach(result.rule_id, "error", "", result.observed, result.limit_minimum, result.limit_maximum)
            found.setdefault((result.run_id, result.table_name, result.business_day), []).append(breach)
    return found


def tables_of(run: dg.DagsterRun) -> tuple[str, ...]:
    """The tables that a run was asked for, as ``layer.table``; those whose checks it was asked for where there are none."""
    keys = run.asset_selection or {check.asset_key for check in run.asset_check_selection or ()}
    return tuple(sorted(".".join(key.path) for key in keys))


def days_of_run(run: dg.DagsterRun) -> tuple[str, ...]:
    """The days that a run was asked for; one that is no day where it has none."""
    first = run.tags.get(ASSET_PARTITION_RANGE_START_TAG) or run.tags.get(PARTITION_NAME_TAG)
    last = run.tags.get(ASSET_PARTITION_RANGE_END_TAG) or first
    try:
        start, end = date.fromisoformat(first or ""), date.fromisoformat(last or "")
    except ValueError:
        return (NO_DAY,)
    return tuple(str(start + timedelta(days=offset)) for offset in range((end - start).days + 1))
