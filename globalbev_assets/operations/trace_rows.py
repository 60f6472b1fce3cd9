"""The rows of a key in every layer, read as ``globalbev sql`` reads them: by DuckDB over Arrow, personal columns masked, no JVM."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import TableName
from globalbev_assets.operations.lake_views import LakeViews, open_views
from globalbev_assets.operations.ledger_read import LEDGER
from resources.ledger import READABLE
from resources.settings import Settings

if TYPE_CHECKING:
    from duckdb import DuckDBPyRelation

Row = dict[str, Any]
IN_LIST = 500


@dataclass(frozen=True)
class TracedLake:
    """The open tables and what the ledger says of their runs."""

    settings: Settings
    book: ContractBook
    views: LakeViews
    _commits: dict[TableName, list[tuple[int, int]]] = field(default_factory=dict)
    _versions: dict[tuple[str, str], dict[date, int]] = field(default_factory=dict)
    _states: dict[str, dict[date, tuple[str, str, datetime]]] = field(default_factory=dict)

    def rows(self, name: TableName, column: str, values: Iterable[Any]) -> list[Row]:
        """The rows that have one of these values in that column; none where there is no such table."""
        from duckdb import ColumnExpression, ConstantExpression  # noqa: PLC0415

        relation = self.relation(name)
        wanted = [ConstantExpression(value) for value in values]
        if relation is None or not wanted or column not in relation.columns:
            return []
        return fetched(relation.filter(ColumnExpression(column).isin(*wanted)))

    def relation(self, name: TableName) -> DuckDBPyRelation | None:
        """The table's view; None where there is none."""
        return self.views.connection.table(str(name)) if name in self.views.shown else None

    def sources(self, bronze: Contract) -> list[tuple[str, date]]:
        """The files that a bronze table was read from, with their days."""
        from duckdb import ColumnExpression  # noqa: PLC0415

        relation = self.relation(bronze.name)
        if relation is None:
            return []
        return list(relation.select(ColumnExpression("_source"), ColumnExpression("_partition_date")).distinct().fetchall())

    def commits(self, name: TableName) -> list[tuple[int, int]]:
        """Version and time, in milliseconds, of the table's commits that wrote rows; read once."""
        if name not in self._commits:
            from deltalake import DeltaTable  # noqa: PLC0415

            history = DeltaTable(f"{self.settings.lake_root}/{name.layer}/{name.table}").history()
            self._commits[name] = [(int(each["version"]), int(each["timestamp"])) for each in history if each["operation"] in ("WRITE", "MERGE")]
        return self._commits[name]

    def version(self, name: TableName, run_id: str, day: date | None) -> int | None:
        """The Delta version with which the run published the day; None where the ledger does not say."""
        if (str(name), run_id) not in self._versions:
            query = "select business_day, delta_version from ops.ledger where table_name = ? and run_id = ? and delta_version is not null"
            self._versions[str(name), run_id] = dict(self._ledger(query, [str(name), run_id]))
        known = self._versions[str(name), run_id]
        return known.get(day) if day in known else max(known.values(), default=None)

    def state(self, name: TableName, day: date) -> tuple[str, str]:
        """State and reason of the newest ledger row of a table and day; empty where there is none."""
        return self._newest(name).get(day, ("", "", None))[:2]

    def changed_at(self, name: TableName, day: date) -> datetime | None:
        """When the newest run brought the day other content; None where it found the same, or there is none."""
        state, _, at = self._newest(name).get(day, ("", "", None))
        return at if state == "published" else None

    def looked_at(self, name: TableName, day: date) -> datetime | None:
        """When a run last published the day, or found it unchanged."""
        state, _, at = self._newest(name).get(day, ("", "", None))
        return at if state in READABLE else None

    def _newest(self, name: TableName) -> dict[date, tuple[str, str, datetime]]:
        if str(name) not in self._states:
            query = """
                select business_day, state, reason, recorded_at from ops.ledger where table_name = ?
                qualify row_number() over (partition by business_day order by recorded_at desc) = 1
            """
            self._states[str(name)] = {found: (state, reason, at) for found, state, reason, at in self._ledger(query, [str(name)])}
        return self._states[str(name)]

    def _ledger(self, query: str, parameters: Sequence[Any]) -> list[Any]:
        return list(self.views.connection.execute(query, list(parameters)).fetchall()) if LEDGER in self.views.shown else []


def open_traced(settings: Settings, book: ContractBook, tables: Collection[TableName]) -> TracedLake:
    """Open the tables that a key may be in, their quarantines and the ledger; GB-1503 when there is no table at all."""
    words = " ".join(sorted({name.table for name in tables} | {LEDGER.table}))
    return TracedLake(settings, book, open_views(settings, book, query=words))


def fetched(relation: DuckDBPyRelation) -> list[Row]:
    """All rows of a relation by column name."""
    names = relation.columns
    return [dict(zip(names, values, strict=True)) for values in relation.fetchall()]


def business(row: Mapping[str, Any], contract: Contract) -> Row:
    """The columns of a row that the contract names and that are filled."""
    return {column.name: row[column.name] for column in contract.business_columns if row.get(column.name) is not None}


def place_of(row: Mapping[str, Any]) -> tuple[date, str, str]:
    """Where a row came from: day, source, position. Bronze and silver share it."""
    return row["_partition_date"], row["_source"], row["_source_position"]
