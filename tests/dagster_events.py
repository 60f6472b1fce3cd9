"""Events as Dagster stores them, made by hand."""

from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned, AssetCheckEvaluationTargetMaterializationData
from dagster._core.events import (
    AssetMaterializationPlannedData,
    AssetObservationData,
    DagsterEvent,
    DagsterEventType,
    EngineEventData,
    StepMaterializationData,
)
from dagster._core.events.log import EventLogEntry

ORDERS, LINES = dg.AssetKey(["bronze", "orders"]), dg.AssetKey(["bronze", "order_lines"])
DAYS = [f"2026-01-{day:02d}" for day in range(1, 31)]
FIRST_DAYS = dg.DailyPartitionsDefinition(DAYS[0]).subset_with_partition_keys(DAYS[:3]).to_serializable_subset()


def entry(run_id: str, kind: DagsterEventType | None, data: Any = None, *, second: int = 0) -> EventLogEntry:
    event = (
        None
        if kind is None
        else DagsterEvent(kind.value, "job", step_key=None if data is None else "bronze", event_specific_data=data, message="said")
    )
    return EventLogEntry(
        error_info=None,
        level=10,
        user_message="said",
        run_id=run_id,
        timestamp=1_767_225_600.0 + second,
        step_key="bronze",
        job_name="job",
        dagster_event=event,
    )


def materialization(run_id: str, key: dg.AssetKey, day: str | None, second: int = 0) -> EventLogEntry:
    tags = {"dagster/code_version": "1", "dagster/data_version": f"{key} {second}", "team": "sales"}
    return entry(
        run_id,
        DagsterEventType.ASSET_MATERIALIZATION,
        StepMaterializationData(dg.AssetMaterialization(key, partition=day, metadata={"rows": second}, tags=tags)),
        second=second,
    )


def evaluation(run_id: str, key: dg.AssetKey, day: str | None, second: int = 0, *, passed: bool = True) -> EventLogEntry:
    target = AssetCheckEvaluationTargetMaterializationData(storage_id=7, run_id=run_id, timestamp=1.0)
    return entry(
        run_id,
        DagsterEventType.ASSET_CHECK_EVALUATION,
        dg.AssetCheckEvaluation(
            asset_key=key,
            check_name="unique",
            passed=passed,
            metadata={"rows": second},
            partition=day,
            target_materialization_data=target if passed else None,
        ),
        second=second,
    )


def a_bit_of_everything(run_id: str) -> list[EventLogEntry]:
    """Each kind of event that the original treats in a way of its own, for two assets and some days, planned checks included."""
    events = [
        entry(run_id, DagsterEventType.RUN_START),
        entry(run_id, None),
        entry(run_id, DagsterEventType.ENGINE_EVENT, EngineEventData()),
        entry(run_id, DagsterEventType.RUN_SUCCESS),
    ]
    for key in (ORDERS, LINES):
        events.append(entry(run_id, DagsterEventType.ASSET_MATERIALIZATION_PLANNED, AssetMaterializationPlannedData(key), second=3))
        events.append(
            entry(run_id, DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED, AssetCheckEvaluationPlanned(asset_key=key, check_name="unique"), second=4)
        )
        events.append(
            entry(run_id, DagsterEventType.ASSET_OBSERVATION, AssetObservationData(dg.AssetObservation(key, tags={"team": "sales"})), second=5)
        )
        planned = AssetCheckEvaluationPlanned(asset_key=key, check_name="volume", partitions_subset=FIRST_DAYS)
        events.append(entry(run_id, DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED, planned, second=4))
        events.append(evaluation(run_id, key, None, 6))
        events += [materialization(run_id, key, day, second) for second, day in enumerate(DAYS[:4])]
        events += [evaluation(run_id, key, day, second, passed=second != 2) for second, day in enumerate([*DAYS[:4], DAYS[0]])]
    return events
