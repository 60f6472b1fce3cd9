"""The daily partitions: one start date, UTC, the same for every asset."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import dagster as dg

from partitions.days import DayRange, parse_day
from partitions.history import DEFAULT_START, history, within_history

__all__ = ["DEFAULT_START", "daily_partitions", "days_of", "history", "tags_of", "within_history"]


def daily_partitions(start: date | None, end: date | None) -> dg.DailyPartitionsDefinition:
    """Days from ``start`` (included) to ``end`` (not included; None: up to yesterday, growing)."""
    return dg.DailyPartitionsDefinition(start_date=str(start or DEFAULT_START), end_date=str(end) if end else None, timezone="UTC")


def tags_of(days: DayRange) -> dict[str, str]:
    """What a run is told of its days. One day is a partition: of a range of one, Dagster would keep the checks' results without their day."""
    if days.first == days.last:
        return {"dagster/partition": str(days.first)}
    return {"dagster/asset_partition_range_start": str(days.first), "dagster/asset_partition_range_end": str(days.last)}


def days_of(keys: Iterable[str]) -> list[date]:
    """Partition keys as days, in order."""
    return sorted(parse_day(key) for key in keys)
