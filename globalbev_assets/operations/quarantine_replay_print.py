"""How ``globalbev quarantine replay`` prints: what would be published and what would fail again, or what was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from globalbev_assets.operations.backfill import StageResult
from globalbev_assets.operations.named import rule_words
from globalbev_assets.operations.printed import count, next_steps, short
from globalbev_assets.operations.quarantine_replay import Replayed, ReplayPlan

if TYPE_CHECKING:
    from rich.console import Console

    from resources.silver_preview import Preview, PreviewLine

HELD_SHOWN = 5


def outcomes(lines: Iterable[PreviewLine]) -> dict[str, int]:
    """Rows by outcome."""
    found: dict[str, int] = {}
    for line in lines:
        found[line.outcome] = found.get(line.outcome, 0) + line.rows
    return found


def by_rules(lines: Iterable[PreviewLine]) -> dict[str, int]:
    """Rows that would be rejected, by the rules that they break."""
    found: dict[str, int] = {}
    for line in lines:
        if line.outcome == "quarantined":
            found[", ".join(line.rules)] = found.get(", ".join(line.rules), 0) + line.rows
    return found


def show_preview(replay: ReplayPlan, previews: Sequence[Preview], out: Console) -> None:
    """What would be published, what would fail again, and how far the runs reach."""
    out.print(f"Dry run, nothing is written. {asked(replay)}:")
    for preview in previews:
        _show_table(replay, preview, out)
    for stage in replay.stages:
        why = f" ({stage.why})" if stage.why else ""
        out.print(f"it runs {stage.layer}: {', '.join(stage.tables)}, {stage.days}{why}", soft_wrap=True)
    next_steps(out, [f"`{command(replay)}`"] if would_publish(previews) else mend(replay))


def _show_table(replay: ReplayPlan, preview: Preview, out: Console) -> None:
    is_first, held = preview.contract.name == replay.contract.name, set(preview.held)
    lines = [line for line in preview.lines if line.day not in held]
    chosen = [line for line in lines if line.is_chosen]
    if is_first:
        counted = outcomes(chosen)
        left_out = sum(number for outcome, number in counted.items() if outcome not in ("published", "quarantined"))
        out.print(f"  {count(counted.get('published', 0), 'row')} would be published")
        if left_out:
            out.print(f"  {count(left_out, 'row')} would be rejected no more, but another row says the same or is newer")
        out.print(f"  {count(counted.get('quarantined', 0), 'row')} would fail again{_rules(by_rules(chosen))}", soft_wrap=True)
        missing = len(replay.rows) - sum(line.rows for line in preview.lines if line.is_chosen)
        if missing > 0:
            out.print(f"  {count(missing, 'row')} cannot be read in bronze any more, or its day cannot")
        others = [line for line in lines if not line.is_chosen]
        freed, fresh = _freed(others), sum(line.rows for line in others if not line.was_aside)
        out.print(f"  beside them, in the same days: {count(freed, 'other row')} would leave quarantine, {count(fresh, 'new one')} would go in")
    else:
        freed, fresh = _freed(lines), sum(line.rows for line in lines if not line.was_aside)
        out.print(
            f"  {preview.contract.name}, which hangs on it: {count(freed, 'row')} would leave quarantine, {count(fresh, 'new one')} would go in"
        )
    for day, why in list(preview.held.items())[:HELD_SHOWN]:
        out.print(f"  {preview.contract.name} of {day} would be held: {why}", style="red", soft_wrap=True)
    if len(preview.held) > HELD_SHOWN:
        out.print(f"  and {len(preview.held) - HELD_SHOWN:,} more days would be held", style="red")


def show_done(replay: ReplayPlan, results: Sequence[StageResult], done: Replayed, out: Console) -> None:
    """What became of the rows."""
    out.print(f"{asked(replay)}:")
    out.print(f"  {count(done.published, 'row was', 'rows were')} published")
    if done.left_out:
        out.print(f"  {count(done.left_out, 'row is', 'rows are')} rejected no more, but another row says the same or is newer")
    out.print(f"  {count(done.failed_again, 'row')} failed again{_rules(done.failed)}", soft_wrap=True)
    if done.others_published:
        out.print(f"  {count(done.others_published, 'other row')} of the same days left quarantine too")
    for day, why in list(done.held.items())[:HELD_SHOWN]:
        out.print(f"  {replay.contract.name} of {day} was not published: {why}", style="red", soft_wrap=True)
    out.print(
        f"  {count(done.unaccounted, 'row')} without an outcome; runs {', '.join(f'{each.stage.layer} {short(each.run_id)}' for each in results)}"
    )
    unfinished = [f"`{_again(each)}`: its run of {each.stage.layer} did not publish all" for each in results if not each.succeeded]
    next_steps(out, [*unfinished, *(mend(replay) if done.failed_again else [])])


def _again(result: StageResult) -> str:
    chosen = "".join(f" --select {table.replace('.', '/')}" for table in result.stage.tables)
    return f"globalbev backfill {result.stage.days.first} {result.stage.days.last}{chosen}"


def mend(replay: ReplayPlan) -> list[str]:
    """What to do about rows that fail again."""
    bronze = str(replay.contract.source.options["table"]).replace(".", "/")
    days = replay.days
    first = replay.rows[0]
    return [
        f"mended at the source: load it again first, `globalbev backfill {days.first} {days.last} --select {bronze}`",
        f"`globalbev quarantine show {replay.contract.table} {first.position}` shows one in words; the contract is {replay.contract.path}",
    ]


def asked(replay: ReplayPlan) -> str:
    """The chosen rows in words."""
    by = f" by {replay.chosen.rule} ({rule_words(replay.contract, replay.chosen.rule)})" if replay.chosen.rule else ""
    of = f" of {replay.chosen.day}" if replay.chosen.day else f" of {count(len({row.partition for row in replay.rows}), 'day')}"
    return f"{replay.contract.name}, {count(len(replay.rows), 'open row')}{of}{by}"


def command(replay: ReplayPlan) -> str:
    """The replay itself, to be copied."""
    options = f" --day {replay.chosen.day}" if replay.chosen.day else ""
    options += f" --rule {replay.chosen.rule}" if replay.chosen.rule else ""
    return f"globalbev quarantine replay {replay.contract.table}{options or ' --all'}"


def would_publish(previews: Sequence[Preview]) -> int:
    """Chosen rows that would be published."""
    return sum(line.rows for each in previews for line in each.lines if line.is_chosen and line.outcome == "published" and line.day not in each.held)


def would_fail(previews: Sequence[Preview]) -> int:
    """Chosen rows that would not be published: rejected again, or of a day that would be held."""
    chosen = [(line, each) for each in previews for line in each.lines if line.is_chosen]
    return sum(line.rows for line, each in chosen if line.outcome == "quarantined" or line.day in each.held)


def preview_document(replay: ReplayPlan, previews: Sequence[Preview]) -> dict[str, Any]:
    """The dry run for a program."""
    tables = [
        {
            "table": str(each.contract.name),
            "chosen": outcomes(line for line in each.lines if line.is_chosen and line.day not in each.held),
            "fails_again": by_rules(line for line in each.lines if line.is_chosen),
            "leave_quarantine": _freed([line for line in each.lines if not line.is_chosen and line.day not in each.held]),
            "enter_quarantine": sum(line.rows for line in each.lines if not line.was_aside and line.day not in each.held),
            "held": {str(day): why for day, why in each.held.items()},
        }
        for each in previews
    ]
    return {"dry_run": True, "rows": len(replay.rows), "tables": tables, "runs": [_stage(replay, number) for number in range(len(replay.stages))]}


def done_document(replay: ReplayPlan, results: Sequence[StageResult], done: Replayed) -> dict[str, Any]:
    """The replay for a program."""
    runs = [{**_stage(replay, number), "run_id": result.run_id, "succeeded": result.succeeded} for number, result in enumerate(results)]
    counted = {**asdict(done), "held": {str(day): why for day, why in done.held.items()}}
    return {"dry_run": False, "rows": len(replay.rows), "failed_again": done.failed_again, **counted, "runs": runs}


def _stage(replay: ReplayPlan, number: int) -> dict[str, Any]:
    stage = replay.stages[number]
    return {"layer": stage.layer, "tables": stage.tables, "days": [str(stage.days.first), str(stage.days.last)]}


def _freed(lines: Iterable[PreviewLine]) -> int:
    return sum(line.rows for line in lines if line.was_aside and line.outcome != "quarantined")


def _rules(rules: dict[str, int]) -> str:
    return f": {', '.join(f'{rule} {number:,}' for rule, number in rules.items())}" if rules else ""
