"""A lake of one step, for tests of the way to a cluster and back: nothing in it needs Spark, and a cluster has it from its upload alone."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

PARTS = dg.DailyPartitionsDefinition(start_date="2026-01-01", end_date="2026-07-01")
TABLES = ("orders", "payments")


@dg.multi_asset(
    specs=[dg.AssetSpec(["tiny", name], skippable=True) for name in TABLES],
    partitions_def=PARTS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    can_subset=True,
)
def tiny(context: dg.AssetExecutionContext, pyspark_step_launcher: dg.ResourceParam[Any]) -> Iterator[dg.MaterializeResult[Any]]:
    """What the run's tag ``does`` says."""
    does = context.run.tags.get("does", "")
    metadata = {"pid": os.getpid(), "file": __file__, "dsn_length": len(os.environ.get("GLOBALBEV_SHOP_DSN", "")), "attempt": context.retry_number}
    for name in sorted(key.path[-1] for key in context.selected_asset_keys):
        for day in context.partition_keys:
            context.add_asset_metadata({"rows": int(day[-2:])}, asset_key=["tiny", name], partition_key=day)
        context.log.info(f'table.published published=6 duration_s=0.5 days="2026-01-01 to 2026-01-03" asset=tiny.{name}')
        yield dg.MaterializeResult(asset_key=["tiny", name], metadata=metadata)
        if does == "wait" and context.retry_number == 0:
            time.sleep(30)
        while does.startswith("until ") and not Path(does.removeprefix("until ")).exists():
            time.sleep(0.1)
    if does == "fail":
        raise dg.Failure("two days were not published", allow_retries=False)


@dg.multi_asset(specs=[dg.AssetSpec(["tiny", "stores"])], partitions_def=PARTS, backfill_policy=dg.BackfillPolicy.single_run())
def other(context: dg.AssetExecutionContext, pyspark_step_launcher: dg.ResourceParam[Any]) -> dg.MaterializeResult[Any]:
    """A second step, which can be at work beside the first."""
    if context.run.tags.get("does", "") == "wait":
        time.sleep(30)
    return dg.MaterializeResult(asset_key=["tiny", "stores"])


@dg.resource
def pyspark_step_launcher(_: dg.InitResourceContext) -> Any:
    """On the machine that launches the launcher, on a cluster nothing."""
    if os.environ.get("GLOBALBEV_SPARK") == "cluster":
        return None
    from tests.faults.launched.ground import launcher  # noqa: PLC0415  a cluster has no tests

    return launcher()


def _executor() -> dg.ExecutorDefinition:
    """As the settings say, on the machine that launches."""
    if os.environ.get("GLOBALBEV_SPARK") == "cluster":
        return dg.in_process_executor
    from tests.faults.launched.ground import executor  # noqa: PLC0415  a cluster has no tests

    return executor()


defs = dg.Definitions(assets=[tiny, other], resources={"pyspark_step_launcher": pyspark_step_launcher}, executor=_executor())
