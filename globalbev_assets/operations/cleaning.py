"""``globalbev clean``: one plan, printed or carried out, so that a dry run cannot lie.

What belongs here: the plan and its execution. What may be removed is decided in :mod:`clean_local`, :mod:`clean_tables` and :mod:`clean_events`.
Dead letters and their reasons stay: somebody may still have to look at them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from globalbev_assets.errors import GlobalBevError, TerminalError
from globalbev_assets.operations.output import size
from resources.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

Kind = Literal["staging", "lease", "Spark", "files", "events"]
LEAST_RETENTION_DAYS = 7


@dataclass(frozen=True)
class Removal:
    """One thing that nobody needs any more: what, why, how many files of what size, and how it goes."""

    kind: Kind
    target: str
    why: str
    remove: Callable[[], object] = field(repr=False, compare=False)
    files: int = 0
    size_bytes: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For a program."""
        return {"kind": self.kind, "target": self.target, "why": self.why, "files": self.files, "size_bytes": self.size_bytes}


@dataclass(frozen=True)
class Outcome:
    """A removal that was tried; ``error`` is empty when it is done."""

    removal: Removal
    error: str = ""


def plan_cleaning(settings: Settings, *, retention_days: int = LEAST_RETENTION_DAYS, events_days: int | None = None) -> list[Removal]:
    """What is to be removed now.

    Args:
        settings: of the installation.
        retention_days: age from which files that no version in use needs are removed.
        events_days: age from which Dagster's runs are removed; None: they stay.

    Raises:
        TerminalError: GB-1510, when the retention is below seven days: a reader, or a run that is tried again, may still need younger files.
    """
    from globalbev_assets.operations.clean_events import old_runs  # noqa: PLC0415
    from globalbev_assets.operations.clean_local import dead_leases, dead_staging, idle_spark_files  # noqa: PLC0415
    from globalbev_assets.operations.clean_tables import unneeded_files  # noqa: PLC0415

    if retention_days < LEAST_RETENTION_DAYS:
        raise TerminalError(
            "GB-1510",
            "Files are kept for at least seven days.",
            got=f"{retention_days} days",
            valid="7 days or more",
            todo="Leave --retention-days out.",
        )
    found = [*dead_staging(settings), *dead_leases(settings), *idle_spark_files(settings), *unneeded_files(settings, retention_days)]
    return found + (list(old_runs(events_days)) if events_days is not None else [])


def carry_out(plan: Sequence[Removal]) -> Iterator[Outcome]:
    """Remove what is planned, one after another; what cannot be removed is said, and the rest goes on."""
    for removal in plan:
        try:
            removal.remove()
        except GlobalBevError as error:
            yield Outcome(removal, f"{error.code} {error.what}")
        except Exception as error:  # noqa: BLE001  one thing that cannot be removed is said, and the others go on
            yield Outcome(removal, getattr(error, "strerror", None) or type(error).__name__)
        else:
            yield Outcome(removal)


def show(outcomes: Sequence[Outcome], out: Console, *, is_dry_run: bool) -> None:
    """The plan, or what became of it, for a person."""
    for outcome in outcomes:
        removal = outcome.removal
        amount = f", {removal.files:,} file{'' if removal.files == 1 else 's'}, {size(removal.size_bytes)}" if removal.files else ""
        failed = f": NOT removed, {outcome.error}" if outcome.error else ""
        out.print(f"  {removal.kind:<8} {removal.target}{amount} ({removal.why}){failed}", soft_wrap=True)
    done = [outcome.removal for outcome in outcomes if not outcome.error]
    verb = "would be removed" if is_dry_run else "removed"
    out.print(
        f"{len(done)} thing{'' if len(done) == 1 else 's'} {verb}, {size(sum(one.size_bytes for one in done))}" if outcomes else "Nothing to clean."
    )


def as_document(outcomes: Sequence[Outcome], *, is_dry_run: bool) -> dict[str, Any]:
    """The same for a program."""
    return {"dry_run": is_dry_run, "removals": [{**outcome.removal.as_dict(), "error": outcome.error or None} for outcome in outcomes]}
