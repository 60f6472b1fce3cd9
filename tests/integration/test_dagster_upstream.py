"""What of Dagster we work around. A test that fails here says that Dagster has mended it, and which module of ours can go."""

from datetime import date

import dagster as dg
import pytest

from partitions.daily import tags_of
from partitions.days import DayRange
from partitions.reporting import failed_days

pytestmark = [pytest.mark.integration]
DAYS = dg.DailyPartitionsDefinition(start_date="2026-01-01", end_date="2026-02-01")
FIRST, LAST = "2026-01-03", "2026-01-05"


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def table() -> None:
    """Three days in one run."""


@dg.asset_check(asset=table, blocking=True, partitions_def=DAYS)
def judged() -> dg.AssetCheckResult:
    """Passes."""
    return dg.AssetCheckResult(passed=True)


def test_a_run_over_a_range_still_stores_a_partitioned_check_without_its_partition() -> None:
    """As long as it does, ``partitions/reporting.py`` reports each day by an event of its own."""
    defs = dg.Definitions(assets=[table], asset_checks=[judged])
    tags = {"dagster/asset_partition_range_start": FIRST, "dagster/asset_partition_range_end": LAST}
    with dg.instance_for_test() as instance:
        assert defs.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance, tags=tags).success
        assert instance.get_materialized_partitions(table.key) == {"2026-01-03", "2026-01-04", "2026-01-05"}
        history = instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(table.key, "judged"), limit=10)
        evaluated = [record.evaluation.partition for record in history if isinstance(record.evaluation, dg.AssetCheckEvaluation)]
    assert evaluated == [None], "mended: let Dagster report the days of a range"


def test_a_run_over_one_day_keeps_the_day_of_its_checks() -> None:
    """By the tags of ``globalbev backfill DAY DAY``: of a range of one day Dagster keeps none, and an alert about that day would never end."""
    defs = dg.Definitions(assets=[table], asset_checks=[judged])
    day = date.fromisoformat(FIRST)
    with dg.instance_for_test() as instance:
        done = defs.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance, tags=tags_of(DayRange(day, day)))
        assert done.success
        assert instance.get_materialized_partitions(table.key) == {FIRST}
        history = instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(table.key, "judged"), limit=10)
        evaluated = [record.evaluation.partition for record in history if isinstance(record.evaluation, dg.AssetCheckEvaluation)]
    assert evaluated == [FIRST]
    assert tags_of(DayRange(day, date.fromisoformat(LAST))).keys() == {"dagster/asset_partition_range_start", "dagster/asset_partition_range_end"}


def test_what_was_planned_and_not_judged_is_no_failed_day() -> None:
    """A record of a check that only was planned has an evaluation without a result: it stopped the sensor of freshness."""
    defs = dg.Definitions(assets=[table], asset_checks=[judged])
    tags = {"dagster/asset_partition_range_start": FIRST, "dagster/asset_partition_range_end": LAST}
    with dg.instance_for_test() as instance:
        assert defs.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance, tags=tags).success
        assert failed_days(instance, table.key, "judged") == []
