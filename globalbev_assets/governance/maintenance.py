"""Small files joined, old files removed: what the maintenance job runs once a week, for every table of a catalog."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from globalbev_assets.contracts.model import Contract
from globalbev_assets.governance.sql import Sql, call, column, number, sql
from globalbev_assets.governance.tables import table_of

RECENT_DAYS = 35  # late data changes the last 28 days; older partitions were joined when they were recent


def optimize_statements(contracts: Iterable[Contract], catalog: str) -> Iterator[Sql]:
    """OPTIMIZE: of a partitioned table the partitions that may have changed since."""
    for contract in contracts:
        table, day = table_of(catalog, contract.name), contract.partition_column
        recent = call("date_sub", call("current_date"), number(RECENT_DAYS))
        yield sql("OPTIMIZE", table, "WHERE", column(day), ">=", recent) if day else sql("OPTIMIZE", table)


def vacuum_statements(contracts: Iterable[Contract], catalog: str) -> Iterator[Sql]:
    """VACUUM in full, because the light one leaves what only an erasure's rewrite made obsolete; for how long files stay is the table's property."""
    return (sql("VACUUM", table_of(catalog, contract.name), "FULL") for contract in contracts)
