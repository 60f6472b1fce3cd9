"""The ledger and the rules' results for the person on call: the newest word on each table and day, and what still stands where a day was not published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from globalbev_assets.contracts.names import TableName
from globalbev_assets.errors import TerminalError
from globalbev_assets.operations.lake_connection import connect
from resources.ledger import READABLE, DqResult, LedgerRow

if TYPE_CHECKING:
    import duckdb

LEDGER, RESULTS = TableName("ops", "ledger"), TableName("ops", "dq_results")
COUNTS = ("rows_in", "published", "quarantined", "deduplicated", "superseded", "unaccounted", "warned")
_NEWEST = """
    select * from ops.ledger where (? is null or table_name = ?) and (? is null or business_day = ?)
    qualify row_number() over (partition by table_name, business_day order by recorded_at desc) = 1
"""
_BEFORE = """
    select table_name, business_day, run_id, delta_version, recorded_at, published from ops.ledger
    where state in ('published', 'unchanged', 'no_source_data') and (? is null or table_name = ?) and (? is null or business_day = ?)
    qualify row_number() over (partition by table_name, business_day order by recorded_at desc) = 1
"""
# The newest run of a table and day says all there is to say of it; an older run's results are history.
_RESULTS = """
    with newest as (
        select table_name, business_day, run_id from ops.ledger where (? is null or table_name = ?)
        qualify row_number() over (partition by table_name, business_day order by recorded_at desc) = 1
    )
    select r.* from ops.dq_results r join newest using (table_name, business_day, run_id)
    qualify row_number() over (partition by r.table_name, r.business_day, r.rule_id order by r.recorded_at desc) = 1
"""


@dataclass(frozen=True)
class Standing:
    """What readers see of a day that was not published: what an earlier run brought."""

    run_id: str
    delta_version: int | None
    recorded_at: datetime
    published: int


@dataclass(frozen=True)
class TableDay:
    """The newest ledger row of one table and day; ``standing`` only where that day was held or failed and something had been published before."""

    row: LedgerRow
    standing: Standing | None = None

    @property
    def table(self) -> TableName:
        """The table."""
        return TableName.parse(self.row.table_name)

    @property
    def is_in_order(self) -> bool:
        """Whether the day was published and nothing is unaccounted for."""
        return self.row.is_readable and not self.row.unaccounted

    def as_dict(self) -> dict[str, Any]:
        """For a program."""
        return {**asdict(self.row), "standing": asdict(self.standing) if self.standing else None}


def open_ledger(lake_root: str) -> duckdb.DuckDBPyConnection:
    """The ledger and the results as views.

    Raises:
        TerminalError: GB-2304, when nothing was ever recorded.
    """
    connection = connect(lake_root, [LEDGER, RESULTS])
    if not _has(connection, LEDGER):
        raise TerminalError(
            "GB-2304",
            "The lake has no ledger: nothing was loaded yet.",
            got=lake_root,
            valid="a lake that a run has written",
            todo="Load it with `globalbev demo` or `globalbev backfill FROM TO`, or set GLOBALBEV_LAKE to where it is.",
        )
    return connection


def newest_rows(connection: duckdb.DuckDBPyConnection, table: TableName | None = None, day: date | None = None) -> list[TableDay]:
    """The newest row of each table and day, of one table or one day only if given; by day, then table."""
    chosen = [str(table) if table else None] * 2 + [day, day]
    before = {
        (name, of): Standing(run_id, version, at, published)
        for name, of, run_id, version, at, published in connection.execute(_BEFORE, chosen).fetchall()
    }
    rows = [LedgerRow(**record) for record in _records(connection, _NEWEST, chosen)]
    return [
        TableDay(row, None if row.state in READABLE else before.get((row.table_name, row.business_day)))
        for row in sorted(rows, key=lambda row: (row.business_day, row.table_name))
    ]


def newest_results(connection: duckdb.DuckDBPyConnection, table: TableName | None = None) -> list[DqResult]:
    """What the newest run of each table and day found; by day, table and rule."""
    if not _has(connection, RESULTS):  # a first run that failed before anything was judged
        return []
    found = [DqResult(**record) for record in _records(connection, _RESULTS, [str(table) if table else None] * 2)]
    return sorted(found, key=lambda one: (one.business_day, one.table_name, one.rule_id))


def observed_before(results: Sequence[DqResult], rows: Sequence[TableDay]) -> dict[tuple[str, str, date], Decimal]:
    """By table, rule and day: what the nearest earlier day with rows had; nothing where the rule was not judged there."""
    seen = {(one.table_name, one.rule_id, one.business_day): one.observed for one in results}
    days: dict[str, list[date]] = {}
    for each in rows:
        if each.row.is_readable and each.row.rows_in:
            days.setdefault(each.row.table_name, []).append(each.row.business_day)
    found = {}
    for table, rule, day in seen:
        earlier = max((other for other in days.get(table, ()) if other < day), default=None)
        if earlier is not None and (there := seen.get((table, rule, earlier))) is not None:
            found[table, rule, day] = there
    return found


def _has(connection: duckdb.DuckDBPyConnection, name: TableName) -> bool:
    query = "select 1 from duckdb_views() where schema_name = ? and view_name = ?"
    return bool(connection.execute(query, [name.layer, name.table]).fetchall())


def _records(connection: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[Any]) -> list[dict[str, Any]]:
    cursor = connection.execute(query, list(parameters))
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
