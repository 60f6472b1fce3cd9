"""Which Python belongs to which table: what a contract's expressions cannot say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame

from globalbev_assets.contracts.names import TableName

References = Mapping[str, DataFrame]
Step = Callable[[DataFrame, References], DataFrame]


@dataclass(frozen=True)
class Transform:
    """What happens to a silver table's rows beside its contract.

    Attributes:
        prepare: bronze rows (text, ``_raw``) → the same rows with helper columns, whose names start with ``_``.
        finish: typed rows → typed rows; may replace contract columns and add helpers for the rules.
        output: published source rows → table rows, where one becomes several or several one.
        reads: tables that prepare and finish take from ``refs`` by name, beside the contract's ``upstream``; whole tables.
        reads_days: tables of which only the days of the run are needed.
    """

    prepare: Step | None = None
    finish: Step | None = None
    output: Callable[[DataFrame], DataFrame] | None = None
    reads: tuple[str, ...] = ()
    reads_days: tuple[str, ...] = ()


def transform_of(name: TableName) -> Transform:
    """The transform of a silver table; a table that needs none gets the empty one."""
    from globalbev_assets.transforms import catalog, customers, sales, supply  # noqa: PLC0415  the domains import this module

    found: Transform = {**catalog.TRANSFORMS, **customers.TRANSFORMS, **sales.TRANSFORMS, **supply.TRANSFORMS}.get(name.table, Transform())
    return found
