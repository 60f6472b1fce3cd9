"""``globalbev doctor --fix``: one plan of repairs, shown or carried out; each says what it will do, does it, and looks whether it helped.

What belongs here: the plan, its execution and its print. What is broken and how it is mended stands in :mod:`repair_runs`, :mod:`repair_events`
and :mod:`repair_leftovers`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from globalbev_assets.errors import GlobalBevError
from globalbev_assets.operations.findings import Finding, Installation, ok, warn

if TYPE_CHECKING:
    from rich.console import Console

LOOKED_AT = "no stuck run, held slot, stale record, lost event or file that nobody needs"


@dataclass(frozen=True)
class Repair:
    """One thing that is broken.

    Attributes:
        topic: what it is about, in a word or two.
        found: what is wrong, with figures.
        will: what the fix does; empty where it takes a person.
        todo: what that person does, or what is left to do after the fix.
        mend: does it.
        is_mended: looks again.
        count: how many of them.
        ends_run: id of the run that it ends; empty for all others.
    """

    topic: str
    found: str
    will: str = ""
    todo: str = ""
    mend: Callable[[], object] | None = field(default=None, repr=False, compare=False)
    is_mended: Callable[[], bool] | None = field(default=None, repr=False, compare=False)
    count: int = 1
    ends_run: str = ""


@dataclass(frozen=True)
class Mended:
    """A repair that was tried; ``is_done`` is None where nothing was tried, ``error`` says why it failed."""

    repair: Repair
    is_done: bool | None = None
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For a program."""
        repair = self.repair
        shown = {"topic": repair.topic, "found": repair.found, "will": repair.will or None, "todo": repair.todo or None, "count": repair.count}
        return {**shown, "done": self.is_done, "error": self.error or None}


def plan_repairs(at: Installation) -> list[Repair]:
    """What is broken now, in the order in which it is mended: a run that is stuck may hold what comes after it."""
    from globalbev_assets.operations.repair_events import events_and_commits  # noqa: PLC0415
    from globalbev_assets.operations.repair_leftovers import dead_locks, lost_ledger_rows, stale_server, unneeded  # noqa: PLC0415
    from globalbev_assets.operations.repair_runs import held_slots, instance_home, open_instance, stuck_runs  # noqa: PLC0415

    found: list[Repair] = []
    home = instance_home(at)
    with open_instance(home) as instance:
        found += [*stuck_runs(instance, home), *held_slots(instance, home)] if instance is not None else []
        found += [*stale_server(at), *dead_locks(at), *lost_ledger_rows(at)]
        ended = {repair.ends_run for repair in found}
        found += events_and_commits(at, instance, ended) if instance is not None else []
    return [*found, *unneeded(at)]


def carry_out(plan: Sequence[Repair]) -> Iterator[Mended]:
    """Mend one after another, and look whether it helped; what fails is told, and the others go on."""
    for repair in plan:
        if repair.mend is None:
            yield Mended(repair)
            continue
        try:
            repair.mend()
            is_done = repair.is_mended() if repair.is_mended else True
        except GlobalBevError as error:
            yield Mended(repair, is_done=False, error=f"{error.code} {error.what} {error.todo}".strip())
        except Exception as error:  # noqa: BLE001  one that breaks is told, and the others go on
            yield Mended(repair, is_done=False, error=type(error).__name__)
        else:
            yield Mended(repair, is_done=is_done, error="" if is_done else "it is still there afterwards")


def look_at_repairs(at: Installation) -> Iterator[Finding]:
    """What ``--fix`` would mend, as findings; the ledger and the leases have findings of their own."""
    found = [repair for repair in plan_repairs(at) if repair.topic not in ("ledger", "leases")]
    for repair in found:
        yield warn(repair.topic, repair.found, f"`globalbev doctor --fix` will {repair.will}" if repair.will else repair.todo)
    if not found:
        yield ok("leftovers", LOOKED_AT)


def show(mended: Sequence[Mended], out: Console, *, is_dry_run: bool) -> None:
    """Print what was found, what the fix does, whether it helped, and what is left to do."""
    if not mended:
        out.print(f"Nothing to mend: {LOOKED_AT}.")
    for each in mended:
        repair = each.repair
        out.print(f"{repair.topic}: {repair.found}", soft_wrap=True)
        if repair.will:
            verb = "it would" if is_dry_run else "it did" if each.is_done else "it failed to"
            result = "" if is_dry_run else "; looked again: mended" if each.is_done else f"; {each.error}"
            out.print(f"  {verb} {repair.will}{result}", style="red" if each.error else None, soft_wrap=True)
        if repair.todo:
            out.print(f"  do: {repair.todo}", soft_wrap=True)
