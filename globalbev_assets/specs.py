"""An asset's face in the UI, from its contract."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time, timedelta

import dagster as dg

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.calendar import DEFAULT_DUE
from globalbev_assets.contracts.freshness import DAILY, calendar_of
from globalbev_assets.contracts.lineage import ColumnOf, lineage_of
from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import TableName
from partitions.automation import after_upstream, bronze_hour, on_schedule

KINDS = {"database": "postgres", "file_feed": "file", "json_api": "api"}


def asset_key(name: TableName) -> dg.AssetKey:
    """``["<layer>", "<table>"]``."""
    return dg.AssetKey([name.layer, name.table])


def asset_spec(contract: Contract, book: ContractBook) -> dg.AssetSpec:
    """Key, dependencies, description, owner, kinds, tags and column schema."""
    return dg.AssetSpec(
        key=asset_key(contract.name),
        deps=[_dependency(contract, name) for name in dependencies(contract, book)],
        skippable=True,
        description=_description(contract, book),
        group_name=contract.layer,
        owners=[contract.owner],
        kinds={"delta", "pyspark", *({KINDS[contract.source.kind]} if contract.source.kind in KINDS else set())},
        tags={
            "domain": contract.domain,
            "contract_version": contract.version,
            **({"pii": ""} if any(column.is_pii for column in contract.columns) else {}),
        },
        code_version=contract.version,
        freshness_policy=_badge(contract, book),
        automation_condition=on_schedule(bronze_hour(book.layer("bronze"))) if contract.layer == "bronze" else after_upstream(),
        metadata={
            "dagster/column_schema": _column_schema(contract, book),
            "dagster/column_lineage": column_lineage(contract, book),
            "dagster/table_name": str(contract.name),
            "contract": dg.MetadataValue.path(contract.path),
        },
    )


def _badge(contract: Contract, book: ContractBook) -> dg.FreshnessPolicy:
    """The badge on the asset: something was loaded after midnight, before the hour at which the day of delivery is due.

    It knows no partitions, so a backfill of an old day turns it green. The check ``freshness`` knows the expected day.
    """
    calendar, due = calendar_of(contract, book), time.fromisoformat(contract.due or DEFAULT_DUE)
    if calendar.every_days is not None:
        return dg.FreshnessPolicy.time_window(timedelta(hours=contract.freshness_hours or 24 * calendar.every_days))
    since_midnight = max(timedelta(hours=due.hour, minutes=due.minute), timedelta(minutes=1))
    weekdays = ",".join(str((day + 2) % 7) for day in calendar.weekdays) or "*"  # the day after, and cron's week starts on Sunday
    return dg.FreshnessPolicy.cron(f"{due.minute} {due.hour} * * {weekdays}", since_midnight)


def dependencies(contract: Contract, book: ContractBook) -> tuple[TableName, ...]:
    """The tables that this one is made from: its source table, its references and what the contract names."""
    named = [TableName.parse(contract.source.options["table"])] if contract.source.options.get("table") else []
    named += [rule.reference for rule in contract.rules if rule.reference]
    found = dict.fromkeys([*named, *contract.upstream])
    return tuple(name for name in found if name in book and name != contract.name)


def _dependency(contract: Contract, name: TableName) -> dg.AssetDep:
    if not contract.lookback_days or name.layer != "silver":
        return dg.AssetDep(asset_key(name))
    window = dg.TimeWindowPartitionMapping(start_offset=-contract.lookback_days, allow_nonexistent_upstream_partitions=True)
    return dg.AssetDep(asset_key(name), partition_mapping=window)


def _description(contract: Contract, book: ContractBook) -> str:
    """What an analyst wants to know first: what a row is, what it is for, when a day is there, whom to ask, how to look."""
    calendar = calendar_of(contract, book)
    cleaned = [str(other.name) for other in book.downstream_of(contract.name) if other.source.options.get("table") == str(contract.name)]
    facts = {
        "For": contract.business,
        "Rather read": f"{', '.join(cleaned)}, which is clean and typed; here everything is text, as it arrived." if cleaned else "",
        "Good to know": contract.limitations,
        "Key": ", ".join(f"`{name}`" for name in contract.key),
        "There by": f"{contract.due or DEFAULT_DUE} UTC of the day after" + ("" if calendar == DAILY else f"; delivered {calendar.words}"),
        "Ask": contract.owner,
        "Look": f'`globalbev sql "SELECT * FROM {contract.name} LIMIT 10"`',  # noqa: S608  shown, not run
    }
    return "\n\n".join([contract.description, *(f"**{name}:** {text}" for name, text in facts.items() if text)])


def column_lineage(contract: Contract, book: ContractBook) -> dg.TableColumnLineage:
    """Which columns upstream each column is made from."""
    return dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(asset_key(source.table), source.column) for source in sources]
            for column, sources in lineage_of(contract, book).items()
        }
    )


def _column_schema(contract: Contract, book: ContractBook) -> dg.TableSchema:
    """The columns; where each comes from stands in its description too, because the open-source UI shows no column lineage."""
    lineage = lineage_of(contract, book)
    return dg.TableSchema(
        [
            dg.TableColumn(
                column.name,
                column.type,
                _with_sources(column.description, lineage.get(column.name, ())),
                constraints=dg.TableColumnConstraints(nullable=column.is_nullable, unique=contract.key == (column.name,)),
                tags={"pii": ""} if column.is_pii else {},
            )
            for column in contract.columns
        ]
    )


def _with_sources(description: str, sources: Sequence[ColumnOf]) -> str:
    return f"{description} From {', '.join(f'{source.table}.{source.column}' for source in sources)}." if sources else description
