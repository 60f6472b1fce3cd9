"""``globalbev ledger``: what became of each source row, by table of a day, by day of a table, or by table over the history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.operations.ledger_read import COUNTS, TableDay, newest_rows, open_ledger
from globalbev_assets.operations.named import day_named, is_day, table_named
from globalbev_assets.operations.printed import count, moment, next_steps, short, table
from partitions.days import DayRange
from resources.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

SHOWN_DAYS = 30
SHOWN_HELD = 20


@dataclass(frozen=True)
class LedgerView:
    """What was asked for, in words, and the rows of the answer in the order in which they are shown."""

    asked: str
    kind: str
    rows: tuple[TableDay, ...]
    never_loaded: tuple[str, ...] = ()

    @property
    def troubled(self) -> tuple[TableDay, ...]:
        """The table days that were not published, or in which a row has no outcome."""
        return tuple(each for each in self.rows if not each.is_in_order)


def read_ledger(settings: Settings, book: ContractBook, what: str | None) -> LedgerView:
    """Answer the question: a day, a table, or neither.

    Raises:
        TerminalError: GB-1001 and GB-1006 for a day, GB-1029 and GB-2301 for a table, GB-2304 without a ledger.
    """
    place = {name: number for number, name in enumerate(book)}

    def in_order(rows: Iterable[TableDay]) -> tuple[TableDay, ...]:
        return tuple(sorted(rows, key=lambda each: (place.get(each.table, len(place)), each.row.business_day)))

    if what is None:
        return LedgerView("", "all", in_order(newest_rows(open_ledger(settings.lake_root))))
    if is_day(what):
        day = day_named(settings, what)
        rows = in_order(newest_rows(open_ledger(settings.lake_root), day=day))
        return LedgerView(str(day), "day", rows, tuple(str(name) for name in book if name not in {each.table for each in rows}) if rows else ())
    name = table_named(book, what).name
    return LedgerView(str(name), "table", in_order(newest_rows(open_ledger(settings.lake_root), name)))


def show(view: LedgerView, out: Console, *, is_whole: bool = False) -> None:
    """Print it: figures, then every day that was not published with its reason, then what to do."""
    if not view.rows:
        out.print(f"Nothing was ever loaded for {view.asked}.")
        next_steps(out, [f"`globalbev backfill {view.asked} {view.asked}`" if view.kind == "day" else "`globalbev backfill FROM TO`"])
        return
    {"all": _show_all, "day": _show_day, "table": _show_table}[view.kind](view, out, is_whole)
    _show_troubled(view, out)


def _show_day(view: LedgerView, out: Console, _: bool) -> None:
    told = [each for each in view.rows if each.row.state != "no_source_data"]
    quiet = [each.row.table_name for each in view.rows if each.row.state == "no_source_data"]
    figures_of = _columns(told)
    shown = table(
        ("table", False), ("state", False), *[(_head(name), True) for name in figures_of], ("version", True), ("run", False), ("recorded", False)
    )
    for each in told:
        row = each.row
        figures = [f"{getattr(row, name):,}" for name in figures_of]
        cells = [row.table_name, row.state, *figures, str(row.delta_version or ""), short(row.run_id), moment(row.recorded_at)]
        shown.add_row(*cells, style=_style(each))
    out.print(f"{view.asked}, {count(len(told), 'table')} with source data:")
    if told:
        out.print(shown)
    for title, names in (("no source data that day", quiet), ("never loaded for that day", view.never_loaded)):
        if names:
            out.print(f"{title}: {', '.join(names)}", soft_wrap=True)


def _show_table(view: LedgerView, out: Console, is_whole: bool) -> None:
    newest = view.rows if is_whole else view.rows[-SHOWN_DAYS:]
    names = _columns(newest)
    shown = table(("day", False), ("state", False), *[(_head(name), True) for name in names], ("version", True), ("run", False), ("recorded", False))
    for each in newest:
        row = each.row
        figures = [f"{getattr(row, name):,}" for name in names]
        cells = [str(row.business_day), row.state, *figures, str(row.delta_version or ""), short(row.run_id), moment(row.recorded_at)]
        shown.add_row(*cells, style=_style(each))
    left = len(view.rows) - len(newest)
    out.print(f"{view.asked}, {count(len(view.rows), 'day')}{f', the newest {len(newest)}; --all shows the other {left:,}' if left else ''}:")
    out.print(shown)


def _show_all(view: LedgerView, out: Console, _: bool) -> None:
    names = _columns(view.rows)
    shown = table(("table", False), ("days", True), ("not published", True), *[(_head(name), True) for name in names], ("last day with rows", False))
    for name in dict.fromkeys(each.row.table_name for each in view.rows):
        own = [each for each in view.rows if each.row.table_name == name]
        bad = [each for each in own if not each.row.is_readable]
        figures = [f"{sum(getattr(each.row, column) for each in own):,}" for column in names]
        last = max((each.row.business_day for each in own if each.row.rows_in), default=None)
        style = "red" if any(not each.is_in_order for each in own) else None
        shown.add_row(name, f"{len(own):,}", f"{len(bad):,}" if bad else "", *figures, str(last or ""), style=style)
    out.print(f"{DayRange.around(each.row.business_day for each in view.rows)}, in source rows:")
    out.print(shown)


def _show_troubled(view: LedgerView, out: Console) -> None:
    troubled = view.troubled
    if not troubled:
        return
    out.print(f"{count(len(troubled), 'day of a table is', 'days of tables are')} not in order:")
    for each in troubled[-SHOWN_HELD:]:
        out.print(f"  {each.row.business_day} {each.row.table_name} {each.row.state}: {_why(each)}", soft_wrap=True)
        out.print(f"    {_standing(each)}", soft_wrap=True)
    if len(troubled) > SHOWN_HELD:
        out.print(f"  and {len(troubled) - SHOWN_HELD:,} earlier ones; --json has them all")
    next_steps(out, _next(troubled))


def _next(troubled: Sequence[TableDay]) -> Iterator[str]:
    """The commands: look at what held the newest day; then, the cause mended, the days again."""
    newest = troubled[-1]
    if newest.row.state == "held":
        yield f"`globalbev checks {newest.table} --day {newest.row.business_day} --failed` says which limit holds it"
    days = DayRange.around(each.row.business_day for each in troubled)
    tables = dict.fromkeys(str(each.table) for each in troubled)
    chosen = "".join(f" --select {name.replace('.', '/')}" for name in tables) if len(tables) <= 3 else ""
    yield f"when the cause is mended: `globalbev backfill {days.first} {days.last}{chosen}`"


def _why(each: TableDay) -> str:
    row = each.row
    return row.reason or (f"{count(abs(row.unaccounted), 'row')} without an outcome" if row.unaccounted else "no reason was recorded")


def _standing(each: TableDay) -> str:
    before = each.standing
    if before is None:
        return "readers see nothing of that day" if not each.row.is_readable else "the day was published"
    version = f"version {before.delta_version}, " if before.delta_version is not None else ""
    return (
        f"readers see what was published before: {count(before.published, 'row')}, {version}run {short(before.run_id)}, {moment(before.recorded_at)}"
    )


def _columns(rows: Sequence[TableDay]) -> list[str]:
    """The outcomes that occur; those that never do would only be zeros."""
    return [name for name in COUNTS if name in ("rows_in", "published") or any(getattr(each.row, name) for each in rows)]


def _head(name: str) -> str:
    return name.replace("_", " ")


def _style(each: TableDay) -> str | None:
    return None if each.is_in_order else "red"
