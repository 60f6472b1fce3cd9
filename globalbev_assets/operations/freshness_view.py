"""Freshness as the command line shows it: a line a table, its source's answer beside it, and the older days that are owed still."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.calendar import due_at
from globalbev_assets.contracts.freshness import Freshness
from globalbev_assets.operations.output import duration
from globalbev_assets.operations.printed import count, next_steps
from resources.alerts.observations import FRESHNESS
from resources.alerts.outbox import Outbox
from resources.alerts.wording import blocks, ranges
from resources.freshness import FreshnessLog, assess, owed_days, promise_of
from resources.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console


SHOWN = 3


@dataclass(frozen=True)
class Line:
    """One table: its partition, its source if it has one, who owns it, the older days that never came, and those of them that a person accepted."""

    partition: Freshness
    source: Freshness | None
    owner: str
    late_s: float
    owed: tuple[date, ...] = ()
    accepted: tuple[date, ...] = ()

    @property
    def is_late(self) -> bool:
        """Whether the table or its source is late, or a day is owed."""
        return bool(self.owed) or self.partition.state == "late" or (self.source is not None and self.source.state == "late")

    @property
    def there(self) -> str:
        """Whether the day is there, in a word."""
        return {"fresh": "yes", "late": "no", "unknown": "-"}[self.partition.state]

    @property
    def at_source(self) -> str:
        """Whether the source has the day, in a word; a dash where there is none of its own."""
        return {"fresh": "yes", "late": "no", "unknown": "?"}[self.source.state] if self.source else "-"

    @property
    def why(self) -> str:
        """Why it is late; empty where it is not."""
        said = [one.reason for one in (self.partition, self.source) if one and one.state != "fresh"]
        return " ".join([*dict.fromkeys(said), *self._owed_words()])

    def _owed_words(self) -> Iterator[str]:
        if self.owed:
            newest = ", ".join(str(day) for day in reversed(self.owed[-SHOWN:]))
            more = len(self.owed) - SHOWN
            yield f"Owed still: {newest}" + (f" and {count(more, 'older day')}." if more > 0 else ".")
        if self.accepted:
            yield f"Accepted as missing: {ranges(map(str, self.accepted))}."


def look(settings: Settings, book: ContractBook, moment: datetime, table: str | None = None) -> list[Line]:
    """A line for each table, or for the one that is named.

    Raises:
        TerminalError: GB-1029, when no contract describes that table.
    """
    chosen = [book.parse(table)] if table else list(book.values())
    found = assess(settings, book, moment, FreshnessLog(settings.lake_root).latest(moment), chosen)
    sources = {one.table: one for one in found if one.subject == "source"}
    owed, accepted, lines = owed_days(settings, book, moment, chosen), _accepted_days(settings), []
    for one in found:
        if one.subject == "partition":
            source = sources.get(one.table)
            late_s = max(each.late_by(moment).total_seconds() for each in (one, source or one))
            due = promise_of(book[one.table], book, settings).due  # of the expected day, and those missing in a row before it, the judgement speaks
            own = [day for day in owed[one.table] if one.due_at is not None and due_at(day, due) < one.due_at]
            settled = accepted.get(str(one.table), frozenset())
            parted = [tuple(day for day in own if (day in settled) is is_settled) for is_settled in (False, True)]
            lines.append(Line(one, source, book[one.table].owner, late_s, *parted))
    return lines


def _accepted_days(settings: Settings) -> dict[str, frozenset[date]]:
    """By table: the days whose absence `globalbev alerts accept` has settled."""
    found: dict[str, frozenset[date]] = {}
    for incident in Outbox(settings.lake_root).load().incidents.values():
        for (table, rule), days in incident.broken.items() if incident.is_accepted else ():
            if rule == FRESHNESS:
                found[table] = found.get(table, frozenset()).union(date.fromisoformat(day) for day in days if day)
    return found


def as_document(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """The lines as JSON has them."""
    return [
        {
            "table": str(line.partition.table),
            "expected_day": line.partition.expected_day,
            "due_at": line.partition.due_at,
            "state": line.partition.state,
            "source": line.source.state if line.source else None,
            "late": line.is_late,
            "late_s": round(line.late_s),
            "why": line.why,
            "owed": [str(day) for day in line.owed],
            "accepted": [str(day) for day in line.accepted],
            "owner": line.owner,
        }
        for line in lines
    ]


def show(lines: Sequence[Line], everything: Sequence[Line], out: Console) -> None:
    """A table, and a sentence about all of them."""
    from rich.table import Table  # noqa: PLC0415

    if lines:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("table", "expected day", "there", "at source", "late by", "owner", "why"):
            table.add_column(name, no_wrap=name != "why")
        for line in lines:
            day = str(line.partition.expected_day or "-")
            late = duration(line.late_s) if line.late_s > 0 else ""
            style = "red" if line.is_late else "dim" if line.partition.state == "unknown" else ""
            table.add_row(str(line.partition.table), day, line.there, line.at_source, late, line.owner, line.why, style=style)
        out.print(table)
        owed = blocks(str(day) for line in lines for day in line.owed)
        next_steps(out, (f"`globalbev backfill {first} {last}`" for first, last in owed[-SHOWN:]))
    late_tables = [line for line in everything if line.is_late]
    unknown = sum(line.partition.state == "unknown" for line in everything)
    said = f"{len(late_tables)} of {len(everything)} tables late" if late_tables else "Nothing is late"
    out.print(f"{said}{f'; {unknown} never loaded, or nothing is due of them yet' if unknown else ''}. What to do: docs/runbooks/freshness.md")
