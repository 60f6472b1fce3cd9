"""What Dagster is told for each day.

In a range run Dagster stores the result of a partitioned check without its partition, and the gate of the automation never opens. So each day is
reported here with an event of its own, in the run's name and with the materialisation that it judges. The imports of Dagster's private modules
that this needs stand in this file alone; ``tests/integration/test_dagster_upstream.py`` tells when Dagster mends it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData
from dagster._core.events import DagsterEvent, DagsterEventBatchMetadata, DagsterEventType, StepMaterializationData, generate_event_batch_id

NEWEST_RESULTS = 1000


@dataclass(frozen=True)
class DayCheck:
    """The result of one check of one asset on one day."""

    asset: dg.AssetKey
    check: str
    day: str
    passed: bool
    blocking: bool
    severity: dg.AssetCheckSeverity
    description: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


def report_day_checks(context: dg.AssetCheckExecutionContext | dg.AssetExecutionContext, checks: Sequence[DayCheck]) -> None:
    """Report the results, each with the newest materialisation of its day; days without one are reported without."""
    _report(context.instance, context.run.run_id, context.run.job_name, checks)


def report_checks_of_sensor(instance: dg.DagsterInstance, sensor: str, checks: Sequence[DayCheck]) -> None:
    """Report results that no run came to, each with its day.

    Dagster's own runless evaluation of a day fails the second time (one row a check, run and partition may be), and a sensor reports a day again
    when it turns. So each report has an id of its own, ``<sensor>-…``, where a run would have its run's; no such run exists.
    """
    if checks:
        _report(instance, f"{sensor}-{uuid.uuid4()}", sensor, checks)


def report_materialization(instance: dg.DagsterInstance, run_id: str, made: dg.AssetMaterialization) -> None:
    """Report a materialisation that a run made and did not live to tell; without a run where Dagster knows it no more."""
    run = instance.get_run_by_id(run_id)
    if run is None:
        instance.report_runless_asset_event(made)
        return
    kind = DagsterEventType.ASSET_MATERIALIZATION.value
    told = DagsterEvent(event_type_value=kind, event_specific_data=StepMaterializationData(made), job_name=run.job_name)
    instance.report_dagster_event(told, run_id=run_id)


def failed_days(instance: dg.DagsterInstance, asset: dg.AssetKey, check: str) -> list[str]:
    """Days on which the newest result of a check failed, among its last results."""
    newest: dict[str, bool] = {}
    for record in instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(asset, check), limit=NEWEST_RESULTS):
        evaluation = record.evaluation
        # A check that was planned and never came to a result (its step failed, or still runs) stands there with what was planned.
        if isinstance(evaluation, dg.AssetCheckEvaluation) and evaluation.partition is not None:
            newest.setdefault(evaluation.partition, evaluation.passed)
    return sorted(day for day, passed in newest.items() if not passed)


def _report(instance: dg.DagsterInstance, run_id: str, job_name: str, checks: Sequence[DayCheck]) -> None:
    targets = _targets(instance, {check.asset for check in checks}, {check.day for check in checks})
    batch: str = generate_event_batch_id()  # type: ignore[no-untyped-call]
    for number, check in enumerate(checks, 1):
        evaluation = dg.AssetCheckEvaluation(
            asset_key=check.asset,
            check_name=check.check,
            passed=check.passed,
            partition=check.day,
            blocking=check.blocking,
            severity=check.severity,
            description=check.description or None,
            metadata=check.metadata,
            target_materialization_data=targets.get((check.asset, check.day)),
        )
        event = DagsterEvent(event_type_value=DagsterEventType.ASSET_CHECK_EVALUATION.value, event_specific_data=evaluation, job_name=job_name)
        instance.report_dagster_event(event, run_id=run_id, batch_metadata=DagsterEventBatchMetadata(batch, number == len(checks)))


def _targets(
    instance: dg.DagsterInstance, assets: Iterable[dg.AssetKey], days: set[str]
) -> dict[tuple[dg.AssetKey, str], AssetCheckEvaluationTargetMaterializationData]:
    found: dict[tuple[dg.AssetKey, str], AssetCheckEvaluationTargetMaterializationData] = {}
    for asset in assets:
        newest = instance.event_log_storage.get_latest_storage_id_by_partition(asset, dg.DagsterEventType.ASSET_MATERIALIZATION, days)
        records = {record.storage_id: record for record in _records(instance, asset, days)}
        for day, storage_id in newest.items():
            if storage_id in records:
                record = records[storage_id]
                found[asset, day] = AssetCheckEvaluationTargetMaterializationData(
                    storage_id=storage_id, run_id=record.run_id, timestamp=record.timestamp
                )
    return found


def _records(instance: dg.DagsterInstance, asset: dg.AssetKey, days: set[str]) -> Sequence[dg.EventLogRecord]:
    """The newest materialisations of these days; one page holds them, for each day was materialised by this run or not long before."""
    filter_ = dg.AssetRecordsFilter(asset_key=asset, asset_partitions=sorted(days))
    return instance.fetch_materializations(filter_, limit=2 * len(days)).records
