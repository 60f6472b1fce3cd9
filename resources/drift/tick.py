"""One tick: a glance at every source, a whole look where something changed, and what is to be told of it.

The cursor holds, by table, the stamp of the source and what was last told; without it everything is looked at and told again, and the record
stays as it is: the same difference twice is one row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from globalbev_assets.contracts.model import Contract
from partitions.days import now
from resources.drift.comparing import Comparison
from resources.drift.proposals import write_patches
from resources.drift.record import DriftRow
from resources.drift.settling import Look
from resources.drift.sources import Silent, Sources

VERSION = 1


@dataclass(frozen=True)
class Known:
    """What the last tick knew of a table: the source's stamp, and the differences that were told."""

    stamp: str
    told: str


@dataclass(frozen=True)
class Cursor:
    """What the last tick left, by table."""

    tables: Mapping[str, Known] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str | None) -> Cursor:
        """Read a cursor; anything else than one of ours is an empty one."""
        try:
            kept = json.loads(text or "{}")
            if kept.get("version") != VERSION:
                return cls()
            return cls({str(table): Known(str(stamp), str(told)) for table, (stamp, told) in kept["tables"].items()})
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return cls()

    def text(self) -> str:
        """As Dagster keeps it."""
        return json.dumps({"version": VERSION, "tables": {table: [one.stamp, one.told] for table, one in sorted(self.tables.items())}})


@dataclass(frozen=True)
class Told:
    """A table of which something is to be told: its open differences, none when all is well."""

    contract: Contract
    open_rows: tuple[DriftRow, ...]


@dataclass(frozen=True)
class Tick:
    """What a tick came to."""

    told: tuple[Told, ...]
    changed: tuple[DriftRow, ...]
    silent: tuple[Silent, ...]
    cursor: Cursor
    looked_at: int


def run_tick(comparison: Comparison, sources: Sources, cursor: Cursor) -> Tick:
    """Look at all sources; record what is new and what is over, and write the patches of what is open."""
    contracts = {str(contract.name): contract for contract in comparison.book.layer("bronze")}
    recorded = comparison.drifts.rows()
    looks, silent, stamps = _looks(comparison, sources, cursor, recorded)
    changed = comparison.record(looks)
    rows = comparison.drifts.rows() if changed else recorded
    reached = {table: Known(stamp, _said(rows, table)) for table, stamp in stamps.items()}
    told = [Told(contracts[table], _open(rows, table)) for table, one in reached.items() if _is_news(cursor.tables.get(table), one)]
    write_patches(comparison, {*(row.table_name for row in changed), *(str(one.contract.name) for one in told)})
    kept = {table: one for table, one in cursor.tables.items() if table in contracts and table not in reached}
    return Tick(tuple(told), tuple(changed), tuple(silent), Cursor({**kept, **reached}), len(looks))


def _looks(comparison: Comparison, sources: Sources, cursor: Cursor, recorded: Sequence[DriftRow]) -> tuple[list[Look], list[Silent], dict[str, str]]:
    looks, silent, stamps = list[Look](), list[Silent](), dict[str, str]()
    due = {row.table_name for row in recorded if row.is_open and _is_due(row, now())}
    for one in sources.glances(comparison.book.layer("bronze"), comparison.readers, _held_days(recorded)):
        if isinstance(one, Silent):
            silent.append(one)
            continue
        table = str(one.contract.name)
        stamps[table] = f"{one.stamp}-{_contract_stamp(comparison, one.contract)}"
        known = cursor.tables.get(table)
        if known is None or known.stamp != stamps[table] or table in due:
            looks.append(comparison.look(one.contract, one.observe(), one.days))
    return looks, silent, stamps


def _held_days(rows: Sequence[DriftRow]) -> dict[str, set[date]]:
    """The days of delivery that open differences are about: their files are looked at again, for they may be replaced."""
    found: dict[str, set[date]] = {}
    for row in rows:
        if row.is_open and row.is_breaking:
            found.setdefault(row.table_name, set()).update(row.delivery_days)
    return found


def _is_due(row: DriftRow, at: datetime) -> bool:
    """Whether an open difference was last seen so long ago that it should be seen again."""
    return at - row.last_seen_at >= timedelta(hours=1)


def _contract_stamp(comparison: Comparison, contract: Contract) -> str:
    text = f"{contract!r}{sorted(comparison.readers(contract).items())!r}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _open(rows: Sequence[DriftRow], table: str) -> tuple[DriftRow, ...]:
    return tuple(row for row in rows if row.is_open and row.table_name == table)


def _said(rows: Sequence[DriftRow], table: str) -> str:
    return ",".join(sorted(f"{row.drift_id}{'!' if row.is_breaking else ''}" for row in _open(rows, table)))


def _is_news(before: Known | None, after: Known) -> bool:
    return before is None or before.told != after.told
