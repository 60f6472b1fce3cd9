"""What a rehearsal has to show to be called good, and what its events count for."""

# No `from __future__ import annotations` here: Dagster reads the annotations of the functions that it is given.

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
import pytest

from globalbev_assets.operations.rehearsal import MOST_SECONDS, Rehearsed, take
from partitions.days import DayRange
from resources.upload import LARGEST_BYTES
from sandbox.databricks.account import StepAccount

DAYS = DayRange(date(2026, 6, 1), date(2026, 6, 3))


def step(upload_bytes: int = 300_000) -> StepAccount:
    return StepAccount("bronze_supply", "SUCCESS", "1-4 of pool", upload_bytes, 0.1, 0.2, 1.0, 4.0, 20.0, 0.5)


def rehearsed(**more: Any) -> Rehearsed:
    return Rehearsed(DAYS, "launcher", **{"seconds": 300.0, "steps": [step()], "days_reported": {"bronze.lots": 3}, "stored_tables": 5, **more})


def test_a_rehearsal_that_shows_everything_is_good() -> None:
    assert rehearsed().is_good
    assert rehearsed(steps=[step(upload_bytes=0)]).is_good, "Pipes uploads the same code once"


@pytest.mark.parametrize(
    "spoiled",
    [
        {"succeeded": False},
        {"repeated": ["bronze.lots 2026-06-01"]},
        {"unreported": ["bronze.lots 2026-06-01"]},
        {"broken": ["bronze.lots rows"]},
        {"host_jvms": 1},
        {"leaks": ["dbfs/code.zip!packages.zip"]},
        {"stored_tables": 0},
        {"steps": [step()] * 11},
        {"steps": [step(LARGEST_BYTES)]},
        {"seconds": float(MOST_SECONDS)},
    ],
    ids=lambda spoiled: next(iter(spoiled)),
)
def test_one_thing_amiss_is_enough(spoiled: dict[str, Any]) -> None:
    assert not rehearsed(**spoiled).is_good


def test_more_days_may_take_longer_in_proportion() -> None:
    month = DayRange(date(2026, 6, 1), date(2026, 6, 30))
    assert Rehearsed(month, "launcher", seconds=MOST_SECONDS * 9.0).is_good
    assert not Rehearsed(month, "launcher", seconds=MOST_SECONDS * 11.0).is_good


PARTS = dg.DailyPartitionsDefinition(start_date="2026-06-01", end_date="2026-06-04")
LOTS = dg.AssetKey(["bronze", "lots"])


@dg.multi_asset(
    specs=[dg.AssetSpec(LOTS, skippable=True)],
    check_specs=[dg.AssetCheckSpec(name, asset=LOTS) for name in ("fresh", "rows", "wide")],
    partitions_def=PARTS,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def lots(context: dg.AssetExecutionContext) -> Iterator[Any]:
    """The first day twice, the second held, the third forgotten."""
    for state in ("published", "unchanged"):
        context.log_event(dg.AssetMaterialization(LOTS, partition="2026-06-01", metadata={"state": state}))
    context.log_event(dg.AssetObservation(LOTS, partition="2026-06-02"))
    yield dg.AssetCheckResult(check_name="fresh", asset_key=LOTS, passed=False, severity=dg.AssetCheckSeverity.WARN)
    yield dg.AssetCheckResult(check_name="rows", asset_key=LOTS, passed=False, severity=dg.AssetCheckSeverity.ERROR)
    yield dg.AssetCheckResult(check_name="wide", asset_key=LOTS, passed=True)


def test_what_was_told_twice_or_by_nobody_is_found_and_a_warning_breaks_nothing() -> None:
    found = rehearsed(days_reported={})
    with dg.DagsterInstance.ephemeral() as instance:
        tags = {"dagster/asset_partition_range_start": "2026-06-01", "dagster/asset_partition_range_end": "2026-06-03"}
        result = dg.materialize([lots], instance=instance, tags=tags)
        take(found, instance, result.run_id, ["bronze.lots"])
    assert (found.days_reported, found.unchanged) == ({"bronze.lots": 2}, {"bronze.lots": 1})
    assert found.repeated == ["bronze.lots 2026-06-01"]
    assert found.unreported == ["bronze.lots 2026-06-03"]
    assert found.checks == {"passed": 1, "failed": 2}
    assert found.broken == ["bronze.lots rows"]
