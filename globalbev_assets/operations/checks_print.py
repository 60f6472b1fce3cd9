"""How ``globalbev checks`` prints: broken limits first, then the rules that kept rows aside, and what passed in one line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from globalbev_assets.operations.checks_view import CheckLine, ChecksView
from globalbev_assets.operations.printed import count, figure, next_steps, short, table

if TYPE_CHECKING:
    from rich.console import Console

SHOWN = 60
STEPS = 5


def show(view: ChecksView, out: Console) -> None:
    """Print it: one table and day in full, anything else by what did not pass."""
    days = {(line.table, line.day) for line in view.lines}
    if not view.lines:
        out.print(f"Nothing failed; {count(view.passed, 'check')} passed." if view.passed else "No results were recorded for that.")
        return
    if len(days) == 1:
        name, day = next(iter(days))
        out.print(f"{name} on {day}, run {short(view.runs.get((name, day)))}:")
        out.print(_grid(view.lines, has_table=False))
    else:
        _show_many(view, out)
    bad = [line for line in view.lines if not line.passed]
    findings = sum(line.is_finding for line in view.lines)
    rules = count(len(bad) - findings, "rule was", "rules were")
    out.print(f"{count(view.passed, 'check')} passed, {count(findings, 'limit is', 'limits are')} broken, {rules} broken by single rows.")
    next_steps(out, [line.todo for line in _worst(bad) if line.todo])


def _show_many(view: ChecksView, out: Console) -> None:
    findings = [line for line in view.lines if line.is_finding]
    if findings:
        shown = findings[-SHOWN:]
        left = len(findings) - len(shown)
        out.print(f"Broken limits{f', the newest {SHOWN}; --json has the other {left:,}' if left else ''}:")
        out.print(_grid(shown, has_table=True))
    by_rows = [line for line in view.lines if not line.passed and not line.is_finding]
    if by_rows:
        out.print("Rules that single rows broke:")
        out.print(_by_rule(by_rows))
    bad = {(line.table, line.day) for line in view.lines if not line.passed}
    good = [f"{name} ({day})" for name, day in dict.fromkeys((line.table, line.day) for line in view.lines) if (name, day) not in bad]
    if good:
        out.print(f"Everything passed: {', '.join(good)}", soft_wrap=True)


def _grid(lines: Sequence[CheckLine], *, has_table: bool) -> Any:
    place = [("table", False), ("day", False)] if has_table else []
    shown = table(
        ("", False), *place, ("rule", False), ("a good row or day", False), ("seen", True), ("allowed", False), ("day before", True), ("so", False)
    )
    last: tuple[str, date] | None = None
    for line in lines:
        at = [] if not has_table else ["", ""] if (line.table, line.day) == last else [line.table, str(line.day)]
        last = (line.table, line.day)
        cells = [_sign(line), *at, line.rule, line.words, figure(line.observed), line.allowed, figure(line.previous), line.effect]
        shown.add_row(*cells, style=_style(line))
    return shown


def _by_rule(lines: Sequence[CheckLine]) -> Any:
    shown = table(("table", False), ("rule", False), ("a good row", False), ("rows", True), ("days", True), ("newest day", False), ("so", False))
    for name, rule in dict.fromkeys((line.table, line.rule) for line in lines):
        own = [line for line in lines if (line.table, line.rule) == (name, rule)]
        rows = sum(line.observed or 0 for line in own)
        shown.add_row(name, rule, own[-1].words, f"{rows:,.0f}", f"{len(own):,}", str(own[-1].day), own[-1].effect)
    return shown


def _sign(line: CheckLine) -> str:
    return "ok" if line.passed else "FAIL" if line.blocking else "warn" if line.is_finding else "rows"


def _style(line: CheckLine) -> str | None:
    return None if line.passed else "bold red" if line.blocking else "yellow" if line.is_finding else None


def _worst(bad: Iterable[CheckLine]) -> Iterator[CheckLine]:
    """The lines whose command is worth printing: findings first, what holds a day before what warns, the newest days first."""
    ordered = sorted(bad, key=lambda line: (not line.is_finding, not line.blocking, -line.day.toordinal()))
    findings = [line for line in ordered if line.is_finding]
    yield from (findings or ordered)[:STEPS]
