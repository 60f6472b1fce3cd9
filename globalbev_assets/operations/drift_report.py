"""What ``globalbev drift`` shows: the recorded differences, the days that they hold, the patch that is proposed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from globalbev_assets.contracts.drift_patch import changes_for
from globalbev_assets.errors import TerminalError
from resources.drift.comparing import Comparison
from resources.drift.evaluation import RUNBOOK
from resources.drift.hold import held_by_drift
from resources.drift.proposals import Proposal, patch_path, propose
from resources.drift.record import DriftRow
from resources.ledger import Ledger, LedgerRow

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Report:
    """Some recorded differences and what they come to."""

    comparison: Comparison
    rows: tuple[DriftRow, ...]

    @classmethod
    def of(cls, comparison: Comparison, words: Sequence[str], *, is_all: bool) -> Report:
        """The differences that the words name (tables, with or without their layer, or ids); open ones only, unless all are wanted.

        Raises:
            TerminalError: GB-2001, for a word that names none.
        """
        rows = comparison.drifts.rows()
        bronze = {str(contract.name) for contract in comparison.book.layer("bronze")}
        tables = bronze | {row.table_name for row in rows}
        chosen = {word: [row for row in rows if word in _names(row)] for word in words}
        unknown = [word for word, found in chosen.items() if not found and word not in tables and f"bronze.{word}" not in tables]
        if unknown:
            raise TerminalError(
                "GB-2001", "No table and no difference has that name.", got=unknown[0][:80],
                valid=", ".join(sorted({*(row.drift_id for row in rows if row.is_open), *bronze})), todo="Run `globalbev drift` for what is open.",
            )  # fmt: skip
        named = [row for row in rows if not words or any(row in found for found in chosen.values())]
        return cls(comparison, tuple(row for row in named if is_all or row.is_open))

    @cached_property
    def open_rows(self) -> tuple[DriftRow, ...]:
        """Those that are still there."""
        return tuple(row for row in self.rows if row.is_open)

    def held(self, row: DriftRow) -> list[date]:
        """The days that a difference keeps silver from reading, in order."""
        history = {day: found for (table, day), found in self._latest.items() if table == row.table_name}
        return sorted(held_by_drift([row], history, history))

    @cached_property
    def _latest(self) -> dict[tuple[str, date], LedgerRow]:
        tables = sorted({row.table_name for row in self.rows if row.is_breaking})
        return Ledger(self.comparison.settings.lake_root).latest(tables) if tables else {}

    def proposal(self) -> Proposal:
        """The patch of all open differences together."""
        return propose(self.comparison.book, [row.difference for row in self.open_rows])

    def as_document(self) -> list[dict[str, Any]]:
        """For ``--json``."""
        return [_document(row, self) for row in self.rows]


def _names(row: DriftRow) -> set[str]:
    return {row.drift_id, row.table_name, row.table_name.partition(".")[2]}


def _document(row: DriftRow, report: Report) -> dict[str, Any]:
    changes = changes_for(row.difference, report.comparison.book) if row.is_open else ()
    return {
        "id": row.drift_id, "table": row.table_name, "kind": row.kind, "column": row.column_name, "found": row.found, "expected": row.expected,
        "is_breaking": row.is_breaking, "evidence": row.evidence, "affects": row.difference.affects, "source": row.source,
        "first_day": row.first_day, "last_day": row.last_day, "days": list(map(str, sorted(row.delivery_days))),
        "opened_at": row.opened_at, "last_seen_at": row.last_seen_at,
        "closed_at": row.closed_at, "closed_by": row.closed_by, "says": row.difference.words,
        "held_days": list(map(str, report.held(row))),
        "proposes": [f"{change.table}: {change.words}" for change in changes],
    }  # fmt: skip


def show_list(report: Report, out: Console, silent: Iterable[str] = ()) -> None:
    """One line a difference."""
    from rich.table import Table  # noqa: PLC0415

    _show_silent(silent, out)
    if not report.rows:
        out.print("No difference is recorded: the sources look as the contracts say.")
        return
    table = Table(box=None, pad_edge=False)
    for head in ("id", "table", "what", "silver", "since", "over"):
        table.add_column(head, overflow="fold")
    for row in report.rows:
        over = f"{row.closed_at:%Y-%m-%d %H:%M} by the {row.closed_by}" if row.closed_at else ""
        table.add_row(row.drift_id, row.table_name, row.difference.words, _in_short(row, report.held(row)), f"{row.opened_at:%Y-%m-%d %H:%M}", over)
    out.print(table)
    if report.open_rows:
        out.print("\nglobalbev drift show TABLE tells more; globalbev drift --apply --dry-run TABLE shows the contract's patch.")


def show_whole(report: Report, out: Console, silent: Iterable[str] = ()) -> None:
    """Everything of each difference, and the patch."""
    _show_silent(silent, out)
    if not report.rows:
        out.print("No difference is recorded.")
    for row in report.rows:
        _show_one(row, report, out)
    proposal = report.proposal()
    if proposal.diff:
        paths = {str(patch_path(report.comparison.settings, row.table_name)) for row in report.open_rows}
        out.print(f"The patch ({', '.join(sorted(paths))}); `globalbev drift --apply` writes it:\n")
        out.print(proposal.diff, soft_wrap=True)
    if report.open_rows:
        out.print(f"What to do: {RUNBOOK}")


def _deliveries(row: DriftRow) -> str:
    days = sorted(row.delivery_days)
    if not days:
        return ""
    return f", deliveries {', '.join(map(str, days))}" if len(days) <= 3 else f", {len(days)} deliveries from {days[0]} to {days[-1]}"


def _show_one(row: DriftRow, report: Report, out: Console) -> None:
    out.print(f"{row.drift_id}  {row.table_name}: {row.difference.words}", style="bold")
    out.print(f"  where     {row.source}{_deliveries(row)}")
    out.print(f"  expected  {row.expected or 'nothing of that name'}")
    if row.evidence:
        out.print(f"  evidence  {row.evidence}")
    if row.affects:
        out.print(f"  affects   {row.affects}")
    over = f"over {row.closed_at:%Y-%m-%d %H:%M} by the {row.closed_by}" if row.closed_at else f"last seen {row.last_seen_at:%Y-%m-%d %H:%M}"
    out.print(f"  since     {row.opened_at:%Y-%m-%d %H:%M} UTC, {over}")
    out.print(f"  silver    {_held_words(row, report.held(row))}")
    for change in changes_for(row.difference, report.comparison.book) if row.is_open else ():
        out.print(f"  proposes  {change.table}: {change.words}")
    if row.is_open and not changes_for(row.difference, report.comparison.book):
        out.print("  proposes  nothing: a person has to decide. Ask the owner, or change contract and silver by hand.")
    out.print("")


def _in_short(row: DriftRow, held: Sequence[date]) -> str:
    if held:
        return f"{_days(held)} held"
    return "holds what is loaded now" if row.is_breaking and row.is_open else "goes on"


def _held_words(row: DriftRow, held: Sequence[date]) -> str:
    if held:
        again = "" if row.is_open else "; load them again"
        return f"{_days(held)} held, loaded while it was there: {held[0]}{f' to {held[-1]}' if len(held) > 1 else ''}{again}"
    if not row.is_open:
        return "goes on"
    return "the days that are loaded from now on are held; none yet" if row.is_breaking else "goes on; what is new is kept in _rescued"


def _days(held: Sequence[date]) -> str:
    return "1 day" if len(held) == 1 else f"{len(held)} days"


def _show_silent(silent: Iterable[str], out: Console) -> None:
    for reason in silent:
        out.print(f"Not looked at: {reason}")
