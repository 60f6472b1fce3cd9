"""The automation's own conditions: which days are new upstream, which are ready, which were handled already.

Why Dagster's own do not do is said at each. The private modules of Dagster that they need are imported in this file alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any

import dagster as dg
from dagster import AutomationCondition
from dagster._core.asset_graph_view.timing_metadata import TimingMetadata
from dagster._core.definitions.events import AssetKeyPartitionKey
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionResolvedStatus
from dagster._core.storage.dagster_run import RunRecord

AUTOMATION_TAG, BACKFILL_TAG = "globalbev/automation", "globalbev/backfill"
DAGSTER_BACKFILL_TAG = "dagster/backfill"
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


class UpstreamDayIsNew(AutomationCondition[dg.AssetKey]):
    """True for the days that came since the tick before in a table upstream, unless a person's backfill brought them or the same run makes this table.

    Dagster's conditions on the newest run look at an asset's very last day only: of a run over five days they see one.
    """

    @property
    def name(self) -> str:
        """As the UI shows it."""
        return "upstream_day_is_new"

    @property
    def description(self) -> str:
        """As the UI explains it."""
        return "A table that it is made from has something new on the day, and no person's backfill brought it"

    async def evaluate(self, context: Any) -> dg.AutomationResult[dg.AssetKey]:  # type: ignore[override]  # Dagster awaits what is awaitable
        """The days, with the time of each: something new after a request counts, though both are seen in one tick."""
        view = context.asset_graph_view
        by_time: dict[float, Any] = {}
        for parent in sorted(context.asset_graph.get(context.key).parent_keys):
            for moment, days in (await _new_days(context, parent)).items():
                mapped = _subset(view, parent, days).compute_mapped_subset(context.key, direction="down")
                by_time[moment] = by_time[moment].compute_union(mapped) if moment in by_time else mapped
        found = context.candidate_subset.compute_intersection(_union(context, by_time))
        return dg.AutomationResult(context, true_subset=found, timing_metadata=TimingMetadata(timestamps=by_time))


async def _new_days(context: Any, parent: dg.AssetKey) -> dict[float, set[str]]:
    """Days of a table upstream that came since the tick before, by the time at which they came last."""
    records = _new_records(context, parent)
    runs = await RunRecord.gen_many(context.asset_graph_view, sorted({record.run_id for record in records if record.run_id}))
    left_out = {
        run.dagster_run.run_id for run in runs if run and (_is_by_person(run.dagster_run) or _makes(run.dagster_run, context.root_context.key))
    }
    return _by_time([record for record in records if record.run_id not in left_out])


def _new_records(context: Any, key: dg.AssetKey) -> Sequence[Any]:
    """Materialisations of a table since the tick before, the oldest first; none in the first tick."""
    before = context.previous_temporal_context
    if before is None:
        return []
    queryer = context.asset_graph_view.get_inner_queryer_for_back_compat()
    found: Sequence[Any] = queryer.get_asset_materializations_updated_after_cursor(
        asset_key=key, after_cursor=before.last_event_id, before_cursor=context.max_storage_id
    )
    return found


def _by_time(records: Sequence[Any]) -> dict[float, set[str]]:
    last = {record.partition: record.timestamp for record in records if record.partition}
    by_time: dict[float, set[str]] = {}
    for day, moment in last.items():
        by_time.setdefault(moment, set()).add(day)
    return by_time


def _union(context: Any, by_time: Mapping[float, Any]) -> Any:
    return reduce(lambda left, right: left.compute_union(right), by_time.values(), context.get_empty_subset())


def _is_by_person(run: dg.DagsterRun) -> bool:
    """Whether a person asked for these days: a backfill, or a range by ``dagster asset materialize --partition-range``, which has neither's tag."""
    tags = run.tags
    is_range = tags.get(RANGE_START) != tags.get(RANGE_END)
    return AUTOMATION_TAG not in tags and (DAGSTER_BACKFILL_TAG in tags or BACKFILL_TAG in tags or is_range)


def _makes(run: dg.DagsterRun, key: dg.AssetKey) -> bool:
    return key in (run.asset_selection or ())


class TableDayIsNew(AutomationCondition[dg.AssetCheckKey]):
    """True for the days of a check that came in its table since the tick before.

    Dagster's ``newly_updated`` asks for the time of each day by a query of its own: seconds, after a backfill of six months.
    """

    @property
    def name(self) -> str:
        """As the UI shows it."""
        return "table_day_is_new"

    async def evaluate(self, context: Any) -> dg.AutomationResult[dg.AssetCheckKey]:  # type: ignore[override]  # Dagster awaits what is awaitable
        """The days, with the time of each."""
        view, key = context.asset_graph_view, context.key
        partitions = context.asset_graph.get(key).partitions_def
        came = _by_time(_new_records(context, key.asset_key))
        by_time = {moment: view.get_subset_from_partition_keys(key, partitions, days) for moment, days in came.items()}
        found = context.candidate_subset.compute_intersection(_union(context, by_time))
        return dg.AutomationResult(context, true_subset=found, timing_metadata=TimingMetadata(timestamps=by_time))


class DayIsHandled(AutomationCondition[dg.AssetKey]):
    """True for the days that were asked for in the tick before, or came since.

    Dagster's ``since_last_handled`` says the same without the time of each, and so forgets what came new upstream after the request.
    """

    @property
    def name(self) -> str:
        """As the UI shows it."""
        return "day_is_handled"

    async def evaluate(self, context: Any) -> dg.AutomationResult[dg.AssetKey]:  # type: ignore[override]  # Dagster awaits what is awaitable
        """The days, with the time of each."""
        view, by_time = context.asset_graph_view, dict[float, Any]()
        for moment, days in _by_time(_new_records(context, context.key)).items():
            by_time[moment] = _subset(view, context.key, days)
        requested = context.get_previous_requested_subset(context.key)
        if requested and context.previous_evaluation_time:
            asked_at = context.previous_evaluation_time.timestamp()
            by_time[asked_at] = by_time[asked_at].compute_union(requested) if asked_at in by_time else requested
        return dg.AutomationResult(context, true_subset=_union(context, by_time), timing_metadata=TimingMetadata(timestamps=by_time))


class UpstreamDayIsReady(AutomationCondition[dg.AssetKey]):
    """True for the days that each upstream table has and whose blocking checks passed there; one of the same step may be requested in this tick."""

    @property
    def name(self) -> str:
        """As the UI shows it."""
        return "upstream_day_is_ready"

    @property
    def description(self) -> str:
        """As the UI explains it."""
        return "Each table that it is made from has the day, and the day has passed its blocking checks there"

    async def evaluate(self, context: Any) -> dg.AutomationResult[dg.AssetKey]:  # type: ignore[override]  # Dagster awaits what is awaitable
        """The candidate days that are ready."""
        days = context.candidate_subset.expensively_compute_partition_keys()
        graph, own = context.asset_graph, context.asset_graph.get(context.key)
        for key in sorted(own.parent_keys):
            if not days:
                break
            node = graph.get(key)
            ready = await _passed_days(context, key, days)
            if (node.group_name, node.tags.get("domain")) == (own.group_name, own.tags.get("domain")):
                requested = context.request_subsets_by_key.get(key)
                ready |= requested.expensively_compute_partition_keys() if requested else set()
            days = days & ready
        return dg.AutomationResult(context, true_subset=_subset(context.asset_graph_view, context.key, days))


async def _passed_days(context: Any, key: dg.AssetKey, days: Iterable[str]) -> set[str]:
    """The days that an upstream table has, with all its blocking checks passed on the newest materialisation."""
    view = context.asset_graph_view
    wanted = _subset(view, key, days)
    there = wanted.compute_difference(await view.compute_missing_subset(key=key, from_subset=wanted))
    found: set[str] = set(there.expensively_compute_partition_keys())
    for check in sorted(context.asset_graph.get(key).check_keys):
        if found and context.asset_graph.get(check).blocking:
            everything = view.get_full_subset(key=check)
            passed = await view.compute_subset_with_status(key=check, status=AssetCheckExecutionResolvedStatus.SUCCEEDED, from_subset=everything)
            found &= passed.expensively_compute_partition_keys()
    return found


def _subset(view: Any, key: dg.AssetKey, days: Iterable[str]) -> Any:
    return view.get_asset_subset_from_asset_partitions(key, {AssetKeyPartitionKey(key, day) for day in days})
