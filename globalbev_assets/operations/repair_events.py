"""What the tables hold against what Dagster was told: days with a commit and no event, and days with an event whose rows are no longer there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING

from globalbev_assets.contracts.names import TableName
from globalbev_assets.errors import GlobalBevError
from globalbev_assets.operations.doctor_lake import present_tables
from globalbev_assets.operations.findings import Installation
from globalbev_assets.operations.ledger_repair import Commit, commits
from globalbev_assets.operations.printed import count
from globalbev_assets.operations.repair_runs import instance_home, open_instance
from globalbev_assets.operations.repairs import Repair
from partitions.days import DayRange, parse_day
from resources.commits import held_contents
from resources.ledger import Ledger, LedgerRow

if TYPE_CHECKING:
    import dagster as dg

PAGE = 500  # SQLite takes a thousand values in a statement
NAMED = 3


@dataclass(frozen=True)
class Told:
    """The newest materialisation of a table's day."""

    at: datetime
    run_id: str
    state: str
    version: int | None
    rows: int


def events_and_commits(at: Installation, instance: dg.DagsterInstance, ended: Collection[str] = ()) -> Iterator[Repair]:
    """A repair a table where Dagster and the table do not say the same; ``ended``: runs that the plan ends before."""
    tables = present_tables(at)
    latest = Ledger(at.settings.lake_root).latest(map(str, tables))
    for name in at.book:
        told = told_of(instance, name)
        own = {day: row for (table, day), row in latest.items() if table == str(name)}
        if name in tables:
            untold = untold_commits(at, instance, name, told, ended)
            if untold:
                yield _report(at, name, untold)
        yield from _without_rows(at, name, told, own, is_there=name in tables)


def told_of(instance: dg.DagsterInstance, name: TableName) -> dict[date, Told]:
    """What Dagster was last told of each day of a table."""
    import dagster as dg  # noqa: PLC0415

    asset = dg.AssetKey([name.layer, name.table])
    newest = instance.event_log_storage.get_latest_storage_id_by_partition(asset, dg.DagsterEventType.ASSET_MATERIALIZATION)
    storage_ids, found = sorted(newest.values()), dict[date, Told]()
    for start in range(0, len(storage_ids), PAGE):
        page = storage_ids[start : start + PAGE]
        for record in instance.fetch_materializations(dg.AssetRecordsFilter(asset_key=asset, storage_ids=page), limit=len(page)).records:
            event, day = record.asset_materialization, _day(record.partition_key)
            if event is not None and day is not None:
                found[day] = Told(
                    datetime.fromtimestamp(record.timestamp, UTC),
                    record.run_id,
                    str(event.metadata["state"].value) if "state" in event.metadata else "",
                    _number(event, "delta_version"),
                    _number(event, "published") or 0,
                )
    return found


def _number(event: dg.AssetMaterialization, name: str) -> int | None:
    value = event.metadata[name].value if name in event.metadata else None
    return value if isinstance(value, int) else None


def untold_commits(
    at: Installation, instance: dg.DagsterInstance, name: TableName, told: Mapping[date, Told], ended: Collection[str] = ()
) -> dict[date, Commit]:
    """The newest commit of each day that Dagster was not told of; those of a run that is still at work will be."""
    found: dict[date, Commit] = {}
    seen: set[date] = set()
    for commit in commits(f"{at.settings.lake_root}/{name.layer}/{name.table}", name):
        for day in set(commit.days) - seen:
            event = told.get(day)
            if event is None or (event.run_id != commit.run_id and event.at < commit.at):
                found[day] = commit
        seen |= set(commit.days)
    running = {run_id for run_id in {commit.run_id for commit in found.values()} - {*ended} if _is_running(instance, run_id)}
    return {day: commit for day, commit in sorted(found.items()) if commit.run_id not in running}


def _is_running(instance: dg.DagsterInstance, run_id: str) -> bool:
    run = instance.get_run_by_id(run_id)
    return run is not None and not run.is_finished


def _report(at: Installation, name: TableName, untold: Mapping[date, Commit]) -> Repair:
    return Repair(
        "events",
        f"Dagster was never told of {count(len(untold), 'day')} that {name} holds: {_listed(list(untold))}",
        "report them as materialised, with the figures of the commit",
        "",
        partial(_tell, at, name, untold),
        partial(_is_told, at, name),
        len(untold),
    )


def _tell(at: Installation, name: TableName, untold: Mapping[date, Commit]) -> None:
    """As events of the runs that committed: so the automation goes on with what its own run brought, and not with what a person's backfill did."""
    import dagster as dg  # noqa: PLC0415

    from partitions.metadata import day_metadata  # noqa: PLC0415
    from partitions.reporting import report_materialization  # noqa: PLC0415

    with open_instance(instance_home(at)) as instance:
        if instance is None:
            return
        for day, commit in untold.items():
            metadata = {**day_metadata(commit.ledger_row(day)), "run_of_commit": commit.run_id, "reported_by": "globalbev doctor --fix"}
            made = dg.AssetMaterialization(dg.AssetKey([name.layer, name.table]), partition=str(day), metadata=metadata)
            report_materialization(instance, commit.run_id, made)


def _is_told(at: Installation, name: TableName) -> bool:
    with open_instance(instance_home(at)) as instance:
        return instance is None or not untold_commits(at, instance, name, told_of(instance, name))


def _without_rows(at: Installation, name: TableName, told: Mapping[date, Told], own: Mapping[date, LedgerRow], *, is_there: bool) -> Iterator[Repair]:
    """Days that Dagster shows as published and whose rows are gone: a table or version that is no longer there, a restore, a deletion by hand."""
    shown = {day: event for day, event in told.items() if event.rows and event.state in ("published", "unchanged")}
    if not shown:
        return
    if not is_there:
        gone, why = sorted(shown), "there is no such table"
    else:
        gone, why = _gone(at, name, shown, own), "a later commit that is no run's own, such as a restore, took them away"
    if gone:
        days = DayRange.around(gone)
        yield Repair(
            "events",
            f"Dagster shows {count(len(gone), 'day')} of {name} as published whose rows are not there: {_listed(gone)}; {why}",
            "",
            f"`globalbev backfill {days.first} {days.last} --select {name.layer}/{name.table}`",
            count=len(gone),
        )


def _gone(at: Installation, name: TableName, shown: Mapping[date, Told], own: Mapping[date, LedgerRow]) -> list[date]:
    from deltalake import DeltaTable  # noqa: PLC0415

    path = f"{at.settings.lake_root}/{name.layer}/{name.table}"
    version = DeltaTable(path, without_files=True).version()
    ahead = {day for day, event in shown.items() if event.version is not None and event.version > version}
    known = [day for day in shown if day in own and own[day].is_readable and day not in ahead]
    held = held_contents(path, own, known)
    return sorted(ahead | {day for day in known if day not in held})


def _day(key: str | None) -> date | None:
    try:
        return parse_day(key or "")
    except GlobalBevError:
        return None


def _listed(days: Sequence[date]) -> str:
    return ", ".join(map(str, days[:NAMED])) + (f" and {len(days) - NAMED:,} more" if len(days) > NAMED else "")
