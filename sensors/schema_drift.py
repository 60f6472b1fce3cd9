"""The sensor ``schema_drift``: the sources against the contracts, every 30 seconds, without Spark.

It reads only, so it runs from the start in ``local`` too: what it finds is in ``ops.schema_drift``, as a check of the bronze asset, and as a patch
of the contract in ``<home>/state/drift``.
"""

# No `from __future__ import annotations` here: Dagster reads the annotations of the functions that it is given.
from collections.abc import Callable, Sequence

import dagster as dg

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.specs import asset_key
from resources.drift.comparing import Comparison
from resources.drift.evaluation import CHECK, Verdict, verdict_of
from resources.drift.fresh_book import FreshBook
from resources.drift.sources import InstalledSources, Silent, Sources
from resources.drift.tick import Cursor, Tick, run_tick
from resources.failpoints import failpoint
from resources.logs.redaction import REDACTOR
from resources.settings import Settings

INTERVAL_S = 30
SourcesOf = Callable[[Settings], Sources]


def schema_drift_sensor(book: ContractBook, settings: Settings, sources_of: SourcesOf = InstalledSources) -> dg.SensorDefinition:
    """The sensor of one installation; ``sources_of``: for tests."""
    fresh = FreshBook(settings, book)

    @dg.sensor(
        name="schema_drift",
        minimum_interval_seconds=INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Compares tables, files and APIs with the contracts: what is new, gone, renamed, of another type or form.",
    )
    def schema_drift(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        contracts, problem = fresh.current()
        tick = run_tick(Comparison(settings, contracts), sources_of(settings), Cursor.parse(context.cursor))
        failpoint("drift.before_result")
        events = [_evaluation(verdict_of(one, settings)) for one in tick.told]
        return dg.SensorResult(asset_events=events, cursor=tick.cursor.text(), skip_reason=_said(tick, problem))

    return schema_drift


def _evaluation(verdict: Verdict) -> dg.AssetCheckEvaluation:
    """A runless evaluation without a partition: one of a partition crashes when it is reported a second time."""
    return dg.AssetCheckEvaluation(
        asset_key=asset_key(verdict.table),
        check_name=CHECK,
        passed=verdict.passed,
        severity=dg.AssetCheckSeverity.ERROR if verdict.is_breaking else dg.AssetCheckSeverity.WARN,
        description=verdict.description,
        metadata=verdict.metadata(),
    )


def _said(tick: Tick, problem: str) -> str:
    """What the tick did, as the UI's list of ticks shows it."""
    parts = [problem] if problem else []
    parts += [_silence(one) for one in tick.silent]
    opened = [row for row in tick.changed if row.is_open and row.opened_at == row.last_seen_at]
    closed = [row for row in tick.changed if not row.is_open]
    if opened:
        parts.append(f"new: {_words(opened)}")
    if closed:
        parts.append(f"over: {_words(closed)}")
    return REDACTOR.text(". ".join(parts)) or f"Nothing new; {tick.looked_at} sources had changed and were compared."


def _silence(one: Silent) -> str:
    return f"Not looked at: {one.source} ({one.reason}), {len(one.tables)} tables stay as they were"


def _words(rows: Sequence[object]) -> str:
    return "; ".join(f"{row.table_name}: {row.difference.words}" for row in rows[:10])  # type: ignore[attr-defined]
