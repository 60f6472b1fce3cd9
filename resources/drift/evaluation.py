"""The verdict of the check ``schema_drift`` on a bronze table, for the sensor and for the check as a run makes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from globalbev_assets.contracts.names import TableName
from partitions.links import document
from resources.drift.proposals import patch_path
from resources.drift.record import DriftRow
from resources.drift.tick import Told
from resources.logs.redaction import REDACTOR
from resources.settings import Settings

CHECK = "schema_drift"
DESCRIPTION = "The source looks as the contract says. A breaking difference holds silver's days of the table; what is new is kept in _rescued."
RUNBOOK = "docs/runbooks/schema-drift.md"


@dataclass(frozen=True)
class Verdict:
    """Whether a table's source is what its contract says."""

    table: TableName
    open_rows: tuple[DriftRow, ...]
    patch: str = ""
    docs_url: str | None = None

    @property
    def passed(self) -> bool:
        """Whether no difference is open."""
        return not self.open_rows

    @property
    def is_breaking(self) -> bool:
        """Whether one of them holds silver's days."""
        return any(row.is_breaking for row in self.open_rows)

    @property
    def description(self) -> str:
        """What is there, in words."""
        if self.passed:
            return "The source looks as the contract says."
        said = "; ".join(row.difference.words for row in self.open_rows)
        held = " Silver's days of this table are held." if self.is_breaking else " Nothing is held."
        return REDACTOR.text(f"{self.open_rows[0].source}: {said}.{held}")

    def metadata(self) -> dict[str, Any]:
        """Differences, patch and what to do; no value of the source."""
        if self.passed:
            return {"open": 0}
        differences = [
            {"id": row.drift_id, "kind": row.kind, "column": row.column_name, "found": row.found, "expected": row.expected}
            | {"breaking": row.is_breaking, "evidence": row.evidence, "affects": row.affects, "since": str(row.opened_at)}
            for row in self.open_rows
        ]
        more = {"patch": self.patch} if self.patch else {}
        runbook = document(RUNBOOK, self.docs_url)
        return {
            "open": len(differences),
            "differences": REDACTOR.value(differences),
            "do": f"globalbev drift show {self.table}",
            "runbook": runbook,
            **more,
        }


def verdict(table: TableName, rows: Sequence[DriftRow], settings: Settings) -> Verdict:
    """Of the open rows of a table."""
    path = patch_path(settings, str(table))
    return Verdict(table, tuple(rows), str(path) if path.is_file() else "", settings.docs_url)


def verdict_of(told: Told, settings: Settings) -> Verdict:
    """Of what a tick has to tell."""
    return verdict(told.contract.name, told.open_rows, settings)
