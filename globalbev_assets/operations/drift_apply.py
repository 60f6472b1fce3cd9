"""``globalbev drift --apply``: the patch written into the contracts, and the sources looked at again, so that what is settled holds nothing more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from globalbev_assets.operations.cli_lake import contracts_of
from globalbev_assets.operations.drift_report import Report
from resources.drift.comparing import Comparison
from resources.drift.proposals import Proposal
from resources.drift.sources import InstalledSources, Sources
from resources.drift.tick import Cursor, run_tick
from resources.settings import PROJECT

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        proposal: the changes.
        is_dry_run: nothing was written.
        closed: differences that are over now.
        held: days that were held and can be loaded now, by bronze table.
        silent: sources that could not be looked at; their differences stay open until the sensor reaches them.
    """

    proposal: Proposal
    is_dry_run: bool
    closed: tuple[str, ...] = ()
    held: Mapping[str, Sequence[date]] = field(default_factory=dict)
    silent: tuple[str, ...] = ()

    def as_document(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "dry_run": self.is_dry_run,
            "files": [str(one.path) for one in self.proposal.edited],
            "changes": [f"{change.table}: {change.words}" for change in self.proposal.changes],
            "by_hand": [f"{one.table}: {one.words}" for one in self.proposal.by_hand],
            "problems": list(map(str, self.proposal.problems)),
            "diff": self.proposal.diff,
            "closed": list(self.closed),
            "load_again": {table: [str(day) for day in days] for table, days in self.held.items()},
            "not_looked_at": list(self.silent),
        }


def look_now(comparison: Comparison, sources: Sources | None = None) -> list[str]:
    """One look at all sources, as the sensor's; the sources that did not answer."""
    tick = run_tick(comparison, sources or InstalledSources(comparison.settings), Cursor())
    return [f"{one.source}: {one.reason}" for one in tick.silent]


def apply_patches(report: Report, *, is_dry_run: bool) -> Outcome:
    """Patch the contracts for the report's open differences.

    Raises:
        TerminalError: GB-2002 the result would not pass the lint, GB-2003 a contract cannot be written, GB-2004 it was changed meanwhile.
    """
    proposal = report.proposal()
    if is_dry_run or not proposal.edited:
        return Outcome(proposal, is_dry_run)
    held: dict[str, set[date]] = {}
    for row in report.open_rows:
        held.setdefault(row.table_name, set()).update(report.held(row))
    proposal.apply()
    before = report.comparison
    comparison = Comparison(before.settings, contracts_of(before.settings))
    silent = look_now(comparison)
    still_open = {row.drift_id for row in comparison.drifts.rows() if row.is_open}
    closed = tuple(row.drift_id for row in report.open_rows if row.drift_id not in still_open)
    return Outcome(proposal, is_dry_run, closed, {table: sorted(days) for table, days in held.items() if days}, tuple(silent))


def show_outcome(outcome: Outcome, out: Console) -> None:
    """In words."""
    proposal = outcome.proposal
    for one in proposal.by_hand:
        out.print(f"By hand: {one.table}: {one.words}. Nothing is proposed for that.")
    if not proposal.edited:
        out.print("Nothing to apply.")
        return
    for change in proposal.changes:
        out.print(f"{change.table}: {change.words}")
    for problem in proposal.problems:
        out.print(f"The result would not pass the lint: {problem}")
    if outcome.is_dry_run:
        out.print(f"\n{proposal.diff}\nNothing was written.", soft_wrap=True)
        return
    out.print("\n".join(f"written: {one.path}" for one in proposal.edited))
    for reason in outcome.silent:
        out.print(f"Not looked at: {reason}. What is recorded of it stays open until the sensor reaches it.")
    out.print(f"over: {', '.join(outcome.closed) or 'nothing yet'}")
    for table, days in outcome.held.items():
        out.print(f"then: globalbev backfill {days[0]} {days[-1]}   ({table}: {'1 day was' if len(days) == 1 else f'{len(days)} days were'} held)")
    if any(one.path.is_relative_to(PROJECT / "globalbev_assets") for one in proposal.edited):
        out.print("then: globalbev contract docs, and commit contracts and data dictionary")
