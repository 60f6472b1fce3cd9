"""One generator for all assets: a domain's tables of one layer are one step.

Minutes of a cluster's start are paid a step, not a table. A table that fails does not take its siblings down: each is reported as it is
published, by day, and the step names at its end what was not.
"""

# No `from __future__ import annotations` here: Dagster reads the annotations of the functions that it is given.
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from datetime import date
from typing import Any

import dagster as dg

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.calendar import DEFAULT_DUE, due_at
from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import Layer
from globalbev_assets.specs import asset_key, asset_spec, column_lineage
from partitions.daily import days_of
from partitions.metadata import day_metadata
from resources.bronze_step import BronzeSources
from resources.gold_step import publish_gold
from resources.lakehouse_resource import LakehouseResource
from resources.ledger import LedgerRow
from resources.logs.step_events import step_log
from resources.publishing import TableResult
from resources.silver_step import publish_silver
from resources.steps import Publish, Step, run_step
from resources.table_sizes import bytes_by_day

# Another policy on each layer makes Dagster's backfill split by layer: in one run for all, one bad bronze day failed every silver and gold day.
POLICIES = {"bronze": dg.BackfillPolicy.single_run(), "silver": dg.BackfillPolicy.multi_run(100_000), "gold": dg.BackfillPolicy.single_run()}


def domain_asset(layer: Layer, domain: str, book: ContractBook, partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The multi-asset of one domain and layer; a subset of its tables can be selected."""
    contracts = book.domain(layer, domain)

    @dg.multi_asset(
        name=f"{layer}_{domain}",
        specs=[asset_spec(contract, book) for contract in contracts],
        partitions_def=partitions,
        can_subset=True,
        backfill_policy=POLICIES[layer],
    )
    def tables(
        context: dg.AssetExecutionContext,
        lakehouse: LakehouseResource,
        pyspark_step_launcher: dg.ResourceParam[Any],  # noqa: ARG001  asking for it is what lets it launch the step
    ) -> Iterator[dg.MaterializeResult[Any]]:
        selected = [contract for contract in contracts if asset_key(contract.name) in context.selected_asset_keys]
        yield from publish_domain(context, lakehouse, layer, selected)

    return tables


def publish_domain(
    context: dg.AssetExecutionContext, lakehouse: LakehouseResource, layer: Layer, contracts: Sequence[Contract]
) -> Iterator[dg.MaterializeResult[Any]]:
    """Publish the tables for the run's days and report each; raises one ``Failure`` that names what was not published."""
    days = days_of(context.partition_keys)
    failed: list[TableResult] = []
    with (
        step_log(context.run_id, context.op.name, days, len(contracts)) as told,
        lakehouse.step(context.run_id, days, is_backfill=len(days) > 1) as step,
        _publisher(layer, step, context.run_id) as publish,
    ):
        for result in run_step(step, contracts, publish):
            shown = _metadata(step, result)
            ours = [row for row in result.rows if row.business_day in days]
            _report(context, result, [row for row in result.rows if row.business_day not in days], shown)  # replayed: their reference has come
            told.append(result)
            if result.failed_days:
                failed.append(result)
                _report(context, result, ours, shown)
            else:
                yield _all_days(context, result, ours, shown)
    if failed:
        raise _failure(failed)


def _publisher(layer: Layer, step: Step, run_id: str) -> Any:
    if layer == "bronze":
        return _Bronze(BronzeSources(step.lake.settings, run_id))
    return nullcontext(publish_silver if layer == "silver" else publish_gold)


class _Bronze:
    """The bronze sources as a context manager that gives their ``publish``."""

    def __init__(self, sources: BronzeSources) -> None:
        self._sources = sources

    def __enter__(self) -> Publish:
        return self._sources.__enter__().publish

    def __exit__(self, *error: object) -> None:
        self._sources.__exit__(*error)


LIVE_DAYS = 7
"""A run over more days is a backfill: when it came says nothing about how late a day was."""
Shown = Mapping[date, Mapping[str, Any]]


def _metadata(step: Step, result: TableResult) -> Shown:
    """What each day's materialisation shows."""
    contract = result.contract
    sizes, due = bytes_by_day(step.lake.path(contract.name), contract), contract.due or DEFAULT_DUE
    is_live = len(step.days) <= LIVE_DAYS
    shown = {
        row.business_day: day_metadata(row, due_at=due_at(row.business_day, due) if is_live else None, size_bytes=sizes.get(row.business_day))
        for row in result.rows
    }
    newest = max((row.business_day for row in result.rows if row.is_readable), default=None)
    if newest is not None:  # the UI takes it from the newest event, and no contract; on every day it would be most of the event log
        shown[newest]["dagster/column_lineage"] = column_lineage(contract, step.lake.book)
    return shown


def _all_days(context: dg.AssetExecutionContext, result: TableResult, rows: Sequence[LedgerRow], shown: Shown) -> dg.MaterializeResult[Any]:
    key = asset_key(result.contract.name)
    for row in rows:
        context.add_asset_metadata(shown[row.business_day], asset_key=key, partition_key=str(row.business_day))
    return dg.MaterializeResult(asset_key=key)


def _report(context: dg.AssetExecutionContext, result: TableResult, rows: Sequence[LedgerRow], shown: Shown) -> None:
    """A materialisation of each of these days that was published."""
    for row in rows:
        if row.is_readable:
            event = dg.AssetMaterialization(asset_key(result.contract.name), partition=str(row.business_day), metadata=shown[row.business_day])
            context.log_event(event)


def _failure(failed: Sequence[TableResult]) -> dg.Failure:
    lines, metadata = [], {}
    for result in failed:
        days = result.failed_days
        first = next(iter(days.items()))
        lines.append(f"{result.contract.name}: {len(days)} of {len(result.rows)} days not published, first {first[0]}: {first[1]}")
        metadata[str(result.contract.name)] = dg.MetadataValue.json({str(day): reason for day, reason in days.items()})
        if result.error is not None:
            lines.append(f"  {result.error}")
    return dg.Failure("\n".join(lines), metadata=metadata, allow_retries=False)
