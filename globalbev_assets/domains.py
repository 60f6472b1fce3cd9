"""One generator for all assets: a domain's tables of one layer are one step.

Minutes of a cluster's start are paid a step, not a table. A table that fails does not take its siblings down: each is reported as it is
published, by day, and the step names at its end what was not.
"""

# No `from __future__ import annotations` here: Dagster reads the annotations of the functions that it is given.
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from resources.drift.record import Drifts
from resources.event_figures import drift_metadata, figures_metadata
from resources.gold_step import publish_gold
from resources.lakehouse import Lakehouse
from resources.lakehouse_resource import LakehouseResource
from resources.ledger import LedgerRow
from resources.logs.dagster_run import shown_in_run
from resources.logs.redaction import REDACTOR
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
        pyspark_step_launcher: dg.ResourceParam[Any],  # asking for it is what lets a launcher launch the step
    ) -> Iterator[dg.MaterializeResult[Any]]:
        selected = [contract for contract in contracts if asset_key(contract.name) in context.selected_asset_keys]
        days = days_of(context.partition_keys)
        if hasattr(pyspark_step_launcher, "results"):  # Pipes, which sends the step's work away and not the step
            results = pyspark_step_launcher.results(context, layer, selected, days)
        else:
            results = published(lakehouse, context.run_id, layer, selected, days)
        with shown_in_run(context.log, context.run_id):
            yield from reported(context, lakehouse, results, days)

    return tables


def published(lakehouse: LakehouseResource, run_id: str, layer: Layer, contracts: Sequence[Contract], days: Sequence[date]) -> Iterator[TableResult]:
    """Publish the tables for these days, here; gives what became of each."""
    with (
        step_log(run_id, f"{layer}_{contracts[0].domain}", days, len(contracts)) as told,
        lakehouse.step(run_id, days, is_backfill=len(days) > 1) as step,
        _publisher(layer, step, run_id) as publish,
    ):
        for result in run_step(step, contracts, publish):
            told.append(result)
            if layer == "bronze" and lakehouse.is_on_cluster:
                name = str(result.contract.name)
                result.drift = [row for row in Drifts(step.lake.settings.lake_root, log=step.lake.log).rows([name]) if row.is_open]
            yield result


def reported(
    context: dg.AssetExecutionContext, lakehouse: LakehouseResource, results: Iterable[TableResult], days: Sequence[date]
) -> Iterator[dg.MaterializeResult[Any]]:
    """Report each table as it comes; raises one ``Failure`` that names what was not published."""
    failed: list[TableResult] = []
    lake, is_told = lakehouse.lake(), lakehouse.tells_by_events
    for result in results:
        shown = _metadata(lake, result, is_told=is_told)
        ours = [row for row in result.rows if row.business_day in days]
        replayed = [row for row in result.rows if row.business_day not in days]  # their reference has come
        _report(context, result, replayed, shown, is_told=is_told)
        if result.failed_days:
            failed.append(result)
            _report(context, result, ours, shown, is_told=is_told)
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
Shown = Mapping[date, dict[str, Any]]


def _metadata(lake: Lakehouse, result: TableResult, *, is_told: bool) -> Shown:
    """What each day's materialisation shows; ``is_told``: with what the ledger says of it, for checks that cannot read the lake."""
    contract = result.contract
    sizes, due = bytes_by_day(lake.path(contract.name), contract), contract.due or DEFAULT_DUE
    is_live = len(result.rows) <= LIVE_DAYS
    shown = {
        row.business_day: day_metadata(row, due_at=due_at(row.business_day, due) if is_live else None, size_bytes=sizes.get(row.business_day))
        for row in result.rows
    }
    newest = max((row.business_day for row in result.rows if row.is_readable), default=None)
    if newest is not None:  # the UI takes it from the newest event, and no contract; on every day it would be most of the event log
        shown[newest]["dagster/column_lineage"] = column_lineage(contract, lake.book)
    if is_told:
        for row in result.rows:
            shown[row.business_day] |= figures_metadata(row, result.results)
        if result.drift is not None and shown:
            shown[max(shown)] |= drift_metadata(result.drift)
    return shown


def _all_days(context: dg.AssetExecutionContext, result: TableResult, rows: Sequence[LedgerRow], shown: Shown) -> dg.MaterializeResult[Any]:
    key = asset_key(result.contract.name)
    for row in rows:
        context.add_asset_metadata(shown[row.business_day], asset_key=key, partition_key=str(row.business_day))
    return dg.MaterializeResult(asset_key=key)


def _report(context: dg.AssetExecutionContext, result: TableResult, rows: Sequence[LedgerRow], shown: Shown, *, is_told: bool) -> None:
    """A materialisation of each of these days that was published; of the others, where the checks cannot read the ledger, an observation."""
    key = asset_key(result.contract.name)
    for row in rows:
        metadata = shown[row.business_day]
        if row.is_readable:
            context.log_event(dg.AssetMaterialization(key, partition=str(row.business_day), metadata=metadata))
        elif is_told:
            context.log_event(dg.AssetObservation(key, partition=str(row.business_day), metadata=metadata))


def _failure(failed: Sequence[TableResult]) -> dg.Failure:
    lines, metadata = [], {}
    for result in failed:
        days = result.failed_days
        first = next(iter(days.items()))
        lines.append(f"{result.contract.name}: {len(days)} of {len(result.rows)} days not published, first {first[0]}: {first[1]}")
        metadata[str(result.contract.name)] = dg.MetadataValue.json({str(day): REDACTOR.text(reason) for day, reason in days.items()})
        if result.error is not None:
            lines.append(f"  {result.error}")
    return dg.Failure(REDACTOR.text("\n".join(lines)), metadata=metadata, allow_retries=False)
