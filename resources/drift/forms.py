"""The form in which dates of a source were first seen, for columns of which the contract says none: ``<home>/state/drift/forms.json``.

A cache: without it a form that silver reads all the same is taken as it is seen next.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

from resources.atomic_files import write_text


class FormsSeen:
    """By table and column; the first form that was seen stays, until the contract says another."""

    def __init__(self, state: Path) -> None:
        """Take ``<home>/state``; nothing is read yet."""
        self._path = state / "drift" / "forms.json"

    def of(self, table: str) -> dict[str, str]:
        """The forms of a table's columns."""
        return dict(self._load().get(table, {}))

    def keep(self, table: str, seen: Mapping[str, str]) -> None:
        """Remember the forms of columns that have none yet."""
        known = self._load()
        merged = {**seen, **known.get(table, {})}
        if merged != known.get(table, {}):
            with contextlib.suppress(OSError):  # a disk that is full costs the next look a comparison, not this one its result
                self._path.parent.mkdir(parents=True, exist_ok=True)
                write_text(self._path, json.dumps({**known, table: merged}, sort_keys=True))

    def _load(self) -> dict[str, dict[str, str]]:
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(kept, dict):
            return {}
        tables = {table: columns for table, columns in kept.items() if isinstance(columns, dict)}
        return {table: {str(name): str(form) for name, form in columns.items()} for table, columns in tables.items()}
