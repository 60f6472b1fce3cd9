"""The same work twice: through Dagster, and by one plain script on the same functions, rules, quarantine and commits."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import date
from typing import Any

from globalbev_assets.contracts.names import LAYERS
from globalbev_assets.operations.backfill import StageResult, execute, plan
from partitions.days import DayRange
from resources.bronze_step import BronzeSources
from resources.gold_step import publish_gold
from resources.lakehouse_resource import book_of, open_step
from resources.settings import Settings
from resources.silver_step import publish_silver
from resources.steps import run_step


def plain(settings: Settings, days: Sequence[date]) -> float:
    """Publish all tables for these days without Dagster: no runs, events, checks or UI. Returns seconds."""
    started, run_id, book = time.monotonic(), str(uuid.uuid4()), book_of(settings)
    for layer in (layer for layer in LAYERS if layer in ("bronze", "silver", "gold")):
        for domain in _in_order(book, layer):
            with open_step(settings, run_id, days) as step, _publisher(layer, settings, run_id) as publish:
                for result in run_step(step, book.domain(layer, domain), publish):
                    if result.error is not None:
                        raise result.error
    return time.monotonic() - started


def through_dagster(settings: Settings, days: DayRange) -> tuple[float, list[StageResult]]:
    """Publish all tables for these days with one Dagster run a layer, checks included. Returns seconds and the runs."""
    started = time.monotonic()
    results = execute(plan(settings, days))
    return time.monotonic() - started, results


def _in_order(book: Any, layer: str) -> list[str]:
    """Domains in the order in which their first table can be made."""
    return list(dict.fromkeys(contract.domain for contract in book.layer(layer)))


class _Bronze:
    def __init__(self, sources: BronzeSources) -> None:
        self._sources = sources

    def __enter__(self) -> Any:
        return self._sources.__enter__().publish

    def __exit__(self, *error: object) -> None:
        self._sources.__exit__(*error)


def _publisher(layer: str, settings: Settings, run_id: str) -> Any:
    if layer == "bronze":
        return _Bronze(BronzeSources(settings, run_id))
    return nullcontext(publish_silver if layer == "silver" else publish_gold)
