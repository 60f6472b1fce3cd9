"""What a table in a catalog lacks of its contract: compared with how it is, so that a deployment that changes nothing commits nothing.

A commit of the deployment's is one that a run can collide with, and the newest one that a rollback would have to take back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from globalbev_assets.contracts.model import Contract
from globalbev_assets.governance.sql import Sql, column, listed, sql, tags, text
from globalbev_assets.governance.tables import checks, created, plain, table_of
from globalbev_assets.transforms.schemas import nullable_column_ddl, table_properties

_CHECK = "delta.constraints."


@dataclass(frozen=True)
class TableState:
    """How a table is.

    Attributes:
        comment: its description.
        columns: name → description.
        properties: name → value; a CHECK is one, ``delta.constraints.<name>``.
    """

    comment: str
    columns: Mapping[str, str]
    properties: Mapping[str, str]

    @property
    def checks(self) -> dict[str, str]:
        """Name → condition, with Delta's blanks between its words."""
        return {name.removeprefix(_CHECK): value for name, value in self.properties.items() if name.startswith(_CHECK)}


def changes(contract: Contract, catalog: str, lake: str | None, state: TableState | None) -> Iterator[Sql]:
    """The statements that bring a table to its contract; none drops a table or a column.

    A column that is new is NULL in the rows that are there, and stands before its tag and its mask are put on it. A CHECK that the contract has no more
    goes first: it would refuse rows that are good by now.

    Args:
        contract: the table's.
        catalog: that it is in.
        lake: root of the lake; None for a managed table.
        state: how it is; None where there is none.
    """
    found = plain(contract)
    table = table_of(catalog, found.name)
    if state is None:
        yield created(found, catalog, lake)
        state = TableState(found.description, {one.name: one.description for one in found.columns}, table_properties(found))
    wanted = {name: str(condition) for name, condition in checks(found).items()}
    for name, condition in state.checks.items():
        if _words(wanted.get(name, "")) != _words(condition):
            yield sql("ALTER TABLE", table, "DROP CONSTRAINT IF EXISTS", column(name))
    added = [one for one in found.columns if one.name not in state.columns]
    if added:
        yield sql("ALTER TABLE", table, "ADD COLUMNS", listed(Sql(nullable_column_ddl(one)) for one in added))
    for one in found.columns:
        if state.columns.get(one.name, one.description) != one.description:
            yield sql("ALTER TABLE", table, "ALTER COLUMN", column(one.name), "COMMENT", text(one.description))
    if state.comment != found.description:
        yield sql("COMMENT ON TABLE", table, "IS", text(found.description))
    other = {name: value for name, value in table_properties(found).items() if state.properties.get(name) != value}
    if other:
        yield sql("ALTER TABLE", table, "SET TBLPROPERTIES", tags(other))
    for name, condition in wanted.items():
        if _words(state.checks.get(name, "")) != _words(condition):
            yield sql("ALTER TABLE", table, "ADD CONSTRAINT", column(name), "CHECK", listed([Sql(condition)]))


def _words(condition: str) -> str:
    """The condition without blanks beside brackets and commas, where Delta puts some."""
    return re.sub(r"\s*([(),])\s*", r"\1", condition)
