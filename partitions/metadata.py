"""The figures of a day as a materialisation shows them: numbers, so that the UI plots them by day."""

from __future__ import annotations

from typing import Any, Protocol


class DayRow(Protocol):
    """A ledger row, as far as it is shown."""

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


def day_metadata(row: DayRow) -> dict[str, Any]:
    """Rows by outcome, the rate quarantined, seconds, state and Delta version."""
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
    return shown | ({"delta_version": row.delta_version} if row.delta_version is not None else {})
