"""The freshness sensor: is the day that is due there, in each table and at each source?

It keeps no cursor: what was said last stands in ``ops.freshness``. A change is reported to Dagster first and recorded then, so a tick that dies in
between is made up for by the next one, which at worst says the same twice. Nothing is started.

A day that never came stays failed when a later one comes, unless the later delivery takes its place: the run that loads it turns it green, and the
table's next change looks at it again.
"""

# No `from __future__ import annotations` here: Dagster reads the annotations of the functions that it is given.
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

import dagster as dg

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.freshness import Freshness, has_own_days, why_owed
from globalbev_assets.contracts.names import TableName
from globalbev_assets.specs import asset_key
from partitions.days import now
from partitions.links import document
from partitions.reporting import NEWEST_RESULTS, DayCheck, failed_days, report_checks_of_sensor
from resources.failpoints import failpoint
from resources.freshness import FreshnessLog, FreshnessRow, assess, changes, promise_of
from resources.ledger import Ledger
from resources.settings import Settings, load_settings

CHECK, RUNBOOK = "freshness", "docs/runbooks/freshness.md"
INTERVAL_S = 30


def freshness_sensor(book: ContractBook) -> dg.SensorDefinition:
    """The sensor over all tables of the book."""

    @dg.sensor(
        name="freshness",
        minimum_interval_seconds=INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells, once, when a day that is due is not there (in a table or at its source), and when it came.",
    )
    def freshness(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        changed = look(context.instance, load_settings(), book, now())
        if not changed:
            return dg.SkipReason("Nothing changed.")
        late = sorted({row.table_name for row in changed if row.state == "late"})
        return dg.SkipReason(f"{len(changed)} changes recorded; late: {', '.join(late) or 'none'}.")

    return freshness


def look(instance: dg.DagsterInstance, settings: Settings, book: ContractBook, moment: datetime) -> list[FreshnessRow]:
    """Judge all tables, report and record what changed; returns the changes."""
    log = FreshnessLog(settings.lake_root)
    known = log.latest(moment)
    found = assess(settings, book, moment, known)
    changed = changes(found, known, {name: contract.owner for name, contract in book.items()}, moment)
    touched = {row.table_name for row in changed}
    by_table: dict[TableName, list[Freshness]] = {}
    for one in found:
        by_table.setdefault(one.table, []).append(one)
    told = {name: of_table for name, of_table in by_table.items() if str(name) in touched}
    checks = _checks(told, book, settings, moment)
    before = [found for check in checks if check.passed for found in _before(instance, check, book, settings, moment)]
    report_checks_of_sensor(instance, CHECK, [*checks, *before])
    failpoint("freshness.after_report")
    log.append(changed)
    return changed


def _before(instance: dg.DagsterInstance, check: DayCheck, book: ContractBook, settings: Settings, moment: datetime) -> Iterator[DayCheck]:
    """What a table that is fresh now says of the other days on which its check failed: over, or, once, that the day is owed still."""
    days = [day for day in failed_days(instance, check.asset, CHECK) if day != check.day]
    newest = _newest(instance, check.asset) if days else {}
    owed = _owed([day for day in days if day in newest and _is_about_itself(newest[day])], check, book, settings, moment)
    for day in days:
        why = owed.get(day, "")
        if not why:
            yield replace(check, day=day, description=f"The table is fresh again: {check.description}")
        elif why != newest[day].description:
            standing = {name: check.metadata[name] for name in ("owner", "runbook")}
            metadata = {**standing, "next": f"globalbev backfill {day} {day}"}
            yield replace(check, day=day, passed=False, description=why, metadata=metadata)


def _owed(days: Sequence[str], check: DayCheck, book: ContractBook, settings: Settings, moment: datetime) -> dict[str, str]:
    """Each of these days with why it is owed still; empty where it is not."""
    contract = book.parse(".".join(check.asset.path))
    promise = promise_of(contract, book, settings)
    if not days or not has_own_days(promise.calendar):
        return {}
    rows = Ledger(settings.lake_root).latest([str(contract.name)], since=date.fromisoformat(min(days)))
    by_day = {day: row for (_, day), row in rows.items()}
    return {day: why_owed(promise, date.fromisoformat(day), by_day, moment) for day in days}


def _newest(instance: dg.DagsterInstance, asset: dg.AssetKey) -> dict[str, dg.AssetCheckEvaluation]:
    """The check's newest result of each day."""
    found: dict[str, dg.AssetCheckEvaluation] = {}
    for record in instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(asset, CHECK), limit=NEWEST_RESULTS):
        if isinstance(record.evaluation, dg.AssetCheckEvaluation) and record.evaluation.partition is not None:
            found.setdefault(record.evaluation.partition, record.evaluation)
    return found


def _is_about_itself(evaluation: dg.AssetCheckEvaluation) -> bool:
    """Whether what was late was that day: in a run over other days, a backfill of January, it was the table, and the run's check names the day."""
    named = evaluation.metadata.get("expected_day")
    return named is None or named.value == evaluation.partition


def _checks(found: Mapping[TableName, Sequence[Freshness]], book: ContractBook, settings: Settings, moment: datetime) -> list[DayCheck]:
    return [
        DayCheck(
            asset=asset_key(name),
            check=CHECK,
            day=str(_day(of_table)),
            passed=not any(one.state == "late" for one in of_table),
            blocking=False,
            severity=dg.AssetCheckSeverity.WARN,
            description=" ".join(one.reason for one in of_table if one.reason),
            metadata={
                **_figures(of_table, moment),
                "owner": book[name].owner,
                "runbook": document(RUNBOOK, settings.docs_url),
                "next": f"globalbev freshness {name}",
            },
        )
        for name, of_table in found.items()
    ]


def _day(of_table: Sequence[Freshness]) -> object:
    """The day that the table is judged by: the partition's."""
    return next(one.expected_day for one in of_table if one.subject == "partition")


def _figures(of_table: Sequence[Freshness], moment: datetime) -> dict[str, object]:
    shown: dict[str, object] = {}
    for one in of_table:
        shown[one.subject] = one.state
        if one.due_at is not None:
            shown[f"{one.subject}_due"] = dg.MetadataValue.timestamp(one.due_at)
            shown[f"{one.subject}_late_h"] = round(one.late_by(moment).total_seconds() / 3600, 2)
    return shown
