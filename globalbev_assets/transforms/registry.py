"""What a contract's expressions cannot say of a table, in one form for all tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame

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
