"""The bronze step's own look at what it is about to load, so that a change is known, and holds silver, when no sensor ran before.

Recorded before anything is published: a day that was read while a breaking difference was there is held by the record alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from globalbev_assets.contracts.model import Contract
from resources.bronze_sources import file_feed
from resources.drift.comparing import Comparison
from resources.drift.files import observe_files
from resources.drift.items import observe_items, staged_items
from resources.drift.proposals import write_patches
from resources.drift.relations import catalog, observe_relation
from resources.drift.settling import Look

if TYPE_CHECKING:
    from resources.steps import Step

FILES = 2_000  # 64 kB each, the newest: years of daily deliveries


def record_relation(step: Step, contract: Contract, connection: psycopg.Connection[Any]) -> None:
    """Look at a table of the database, in the snapshot that it is read in."""
    comparison = _comparison(step)
    relation = str(contract.source.options["relation"])
    seen = observe_relation(connection, contract, catalog(connection, [relation])[relation], comparison.readers(contract))
    _record(comparison, comparison.look(contract, [seen]))


def record_files(step: Step, contract: Contract, files: Sequence[tuple[Path, date]]) -> None:
    """Look at the files of the step's days; days without a file are looked at too: what stood there is not there any more."""
    comparison = _comparison(step)
    newest = sorted(files, key=lambda file: (file[1], file[0].name))[-FILES:]
    seen = list(observe_files(contract, file_feed(contract), newest, comparison.readers(contract)))
    _record(comparison, comparison.look(contract, seen, step.days))


def record_items(step: Step, contract: Contract, pages: Sequence[Path]) -> None:
    """Look at the newest page that was fetched."""
    comparison = _comparison(step)
    seen = observe_items(contract, staged_items(pages), comparison.readers(contract))
    _record(comparison, comparison.look(contract, [seen] if seen else []))


def _comparison(step: Step) -> Comparison:
    return Comparison(step.lake.settings, step.lake.book, step.lake.log)


def _record(comparison: Comparison, look: Look) -> None:
    if comparison.record([look]):
        write_patches(comparison, {look.table})
