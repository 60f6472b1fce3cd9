"""Commits that the ledger does not know: a process died between a table's commit and the ledger's. The commit carries the figures, so none are lost."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from globalbev_assets.contracts.names import TableName
from resources.ledger import Ledger, LedgerRow

NEWEST_COMMITS = 20


@dataclass(frozen=True)
class Commit:
    """A commit of a table, with what it says of itself: run, contract, and the figures of each day."""

    table: TableName
    version: int
    at: datetime
    run_id: str
    contract: str
    days: Mapping[date, Sequence[Any]]

    def ledger_row(self, day: date) -> LedgerRow:
        """The row that the ledger would have of this day."""
        rows_in, published, quarantined, deduplicated, superseded, warned, content_hash = self.days[day]
        return LedgerRow(
            table_name=str(self.table), business_day=day, run_id=self.run_id, state="published" if rows_in else "no_source_data", recorded_at=self.at,
            contract_version=self.contract, rows_in=rows_in, published=published, quarantined=quarantined, deduplicated=deduplicated,
            superseded=superseded, unaccounted=rows_in - published - quarantined - deduplicated - superseded, warned=warned,
            reason=f"Written again from commit {self.version}.", delta_version=self.version, content_hash=content_hash,
        )  # fmt: skip


def commits(path: str, table: TableName, limit: int = NEWEST_COMMITS) -> Iterator[Commit]:
    """The newest commits of a table that published days, newest first; those of maintenance are passed over."""
    from deltalake import DeltaTable  # noqa: PLC0415

    for entry in DeltaTable(path).history(limit):
        commit = _parsed(table, entry)
        if commit is not None:
            yield commit


def missing_rows(lake_root: str, tables: Sequence[TableName]) -> list[LedgerRow]:
    """The rows that the ledger lacks: for each table and day the newest commit, unless the ledger knows it or something newer."""
    known, lost = Ledger(lake_root).latest(map(str, tables)), list[LedgerRow]()
    for table in tables:
        seen: set[date] = set()
        for commit in commits(f"{lake_root}/{table.layer}/{table.table}", table):
            for day in sorted(set(commit.days) - seen):
                row = known.get((str(table), day))
                if row is None or (row.run_id != commit.run_id and row.recorded_at < commit.at):
                    lost.append(commit.ledger_row(day))
            seen |= set(commit.days)
    return lost


def _parsed(table: TableName, entry: Mapping[str, Any]) -> Commit | None:
    try:
        said = json.loads(entry["userMetadata"])
        days = {date.fromisoformat(day): figures for day, figures in said["days"].items() if len(figures) == 7}
        at = datetime.fromtimestamp(entry["timestamp"] / 1000, UTC)
        return Commit(table, entry["version"], at, said["run_id"], said["contract"], days)
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
