"""What a look at a source changes in the record: new differences are opened, those that are there are renewed, those that are over are closed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from resources.drift.record import MUST_BE_READ_AGAIN, DriftRow, Seen


@dataclass(frozen=True)
class Look:
    """What one look at one table's source came to.

    Attributes:
        table: the bronze table.
        seen: the differences.
        contract_version: the version compared with.
        days: days whose deliveries were looked at; None where the source is no files.
        is_whole: whether a difference that was not seen may be over. A look at nothing, or at too few documents, does not say so.
    """

    table: str
    seen: tuple[Seen, ...]
    contract_version: str
    days: frozenset[date] | None = None
    is_whole: bool = True


def settled(look: Look, rows: Sequence[DriftRow], at: datetime) -> list[DriftRow]:
    """The rows that are new or changed."""
    open_rows = {row.drift_id: row for row in rows if row.is_open and row.table_name == look.table}
    return [*_opened_or_renewed(look, open_rows, at), *_closed(look, open_rows, at)]


def _opened_or_renewed(look: Look, open_rows: dict[str, DriftRow], at: datetime) -> Iterator[DriftRow]:
    for seen in look.seen:
        row = open_rows.get(seen.difference.drift_id)
        newer = seen.row(at) if row is None else seen.renew(_still_wrong(look, row), at)
        if newer != row:
            yield newer


def _closed(look: Look, open_rows: dict[str, DriftRow], at: datetime) -> Iterator[DriftRow]:
    there = {seen.difference.drift_id for seen in look.seen}
    for row in open_rows.values():
        if row.drift_id in there:
            continue
        if _is_over(look, row):
            by = "contract" if row.contract_version != look.contract_version else "source"
            yield replace(row, closed_at=at, closed_by=by, last_seen_at=row.last_seen_at)
        elif (left := _still_wrong(look, row)) != row:
            yield left


def _still_wrong(look: Look, row: DriftRow) -> DriftRow:
    """The row without the days whose files were found sound. Where bronze must read them again, they stay until all are: they are held till then."""
    if not look.is_whole or not look.days or not row.is_breaking or row.kind in MUST_BE_READ_AGAIN:
        return row
    left = row.delivery_days - look.days
    return row.on(left) if left != row.delivery_days else row


def _is_over(look: Look, row: DriftRow) -> bool:
    """A later delivery that is sound makes an earlier one no better: what holds days is over when those days' own files are looked at again."""
    if not look.is_whole:
        return False
    if row.last_day is None or look.days is None:
        return True
    if not row.is_breaking:
        return max(look.days, default=date.min) >= row.last_day
    return row.delivery_days <= look.days
