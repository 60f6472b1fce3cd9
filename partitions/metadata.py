"""The figures of a day as a materialisation shows them: numbers, so that the UI plots them by day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Protocol


class DayRow(Protocol):
    """A ledger row, as far as it is shown."""

    @property
    def table_name(self) -> str: ...  # noqa: D102

    @property
    def business_day(self) -> date: ...  # noqa: D102

    @property
    def recorded_at(self) -> datetime: ...  # noqa: D102

    @property
    def state(self) -> str: ...  # noqa: D102

    @property
    def rows_in(self) -> int: ...  # noqa: D102

    @property
    def published(self) -> int: ...  # noqa: D102

    @property
    def quarantined(self) -> int: ...  # noqa: D102

    @property
    def deduplicated(self) -> int: ...  # noqa: D102

    @property
    def superseded(self) -> int: ...  # noqa: D102

    @property
    def unaccounted(self) -> int: ...  # noqa: D102

    @property
    def warned(self) -> int: ...  # noqa: D102

    @property
    def duration_s(self) -> float: ...  # noqa: D102

    @property
    def delta_version(self) -> int | None: ...  # noqa: D102


OLD = timedelta(days=14)
"""A day that is loaded so long after it is a backfill, whose lateness says nothing: it would dwarf all others in the plot."""


def day_metadata(row: DayRow, *, due_at: datetime | None = None, size_bytes: int | None = None) -> dict[str, Any]:
    """Rows by outcome, the rate quarantined, seconds, bytes, how long after its end the day was there, state and Delta version.

    Args:
        row: the day's ledger row.
        due_at: when the day is due; None: no lateness is shown.
        size_bytes: bytes of the day's files; None: they hold other days too.
    """
    shown: dict[str, Any] = {
        "dagster/partition_row_count": row.published,
        "rows_in": row.rows_in,
        "published": row.published,
        "quarantined": row.quarantined,
        "deduplicated": row.deduplicated,
        "superseded": row.superseded,
        "unaccounted": row.unaccounted,
        "warned": row.warned,
        "quarantine_rate": round(row.quarantined / row.rows_in, 6) if row.rows_in else 0.0,
        "duration_s": round(row.duration_s, 3),
        "state": row.state,
    }
    after = row.recorded_at - datetime.combine(row.business_day + timedelta(days=1), time(), UTC)
    if due_at is not None and after < OLD:
        shown |= {"hours_after_the_day": _hours(after), "hours_late": max(_hours(row.recorded_at - due_at), 0.0)}
    if size_bytes is not None:
        shown["size_bytes"] = size_bytes
    if row.quarantined:
        shown["quarantined_rows"] = f"globalbev quarantine list {row.table_name} --day {row.business_day}"
    return shown | ({"delta_version": row.delta_version} if row.delta_version is not None else {})


def _hours(length: timedelta) -> float:
    return round(length.total_seconds() / 3600, 2)
