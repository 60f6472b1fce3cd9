"""``globalbev trace``: a key from its source row or file through bronze, quarantine and silver into gold, with run and Delta version of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.names import TableName
from globalbev_assets.errors import TerminalError
from globalbev_assets.operations.quarantine_read import Chosen, QuarantinedRow, read_quarantine
from globalbev_assets.operations.trace_fate import Fate, Surroundings, fate_of
from globalbev_assets.operations.trace_gold import GoldStop, gold_of
from globalbev_assets.operations.trace_keys import Key, Place, parse_key, places
from globalbev_assets.operations.trace_rows import Row, TracedLake, open_traced, place_of
from resources.settings import Settings


@dataclass(frozen=True)
class Followed:
    """One source row, as bronze has it, and its fate."""

    bronze: Row
    bronze_version: int | None
    fate: Fate
    fate_run: str
    fate_version: int | None


@dataclass(frozen=True)
class Stop:
    """The key's rows in one pair of bronze and silver tables; ``only_silver``: rows of silver whose bronze row is no longer there."""

    place: Place
    rows: tuple[Followed, ...]
    only_silver: tuple[Row, ...] = ()

    @property
    def outcomes(self) -> dict[str, int]:
        """How many source rows met which outcome."""
        found: dict[str, int] = {}
        for each in self.rows:
            found[each.fate.outcome] = found.get(each.fate.outcome, 0) + 1
        return found


@dataclass(frozen=True)
class Trace:
    """All of it."""

    key: Key
    stops: tuple[Stop, ...]
    gold: tuple[GoldStop, ...]


def trace(settings: Settings, book: ContractBook, text: str) -> Trace:
    """Follow the key.

    Raises:
        TerminalError: GB-2310 to GB-2312 for what is no key, GB-2313 where several things have it, GB-2314 where nothing has.
    """
    keys = parse_key(book, text)
    tables = {name for key in keys for place in places(book, key) for name in (place.silver.name, place.bronze.name)}
    lake = open_traced(settings, book, {*tables, *(contract.name for contract in book.layer("gold"))})
    key = keys[0] if len(keys) == 1 and ":" in text else _meant(lake, keys, text)
    stops = tuple(stop for place in places(book, key) if (stop := _stop(lake, place, key)).rows or stop.only_silver)
    if not stops:
        raise _nowhere(lake, [key], text)
    return Trace(key, stops, gold_of(lake, key, stops))


def _meant(lake: TracedLake, keys: Sequence[Key], text: str) -> Key:
    """The one key that a bare value names: looked for in each kind's own tables."""
    found = [key for key in keys if _is_there(lake, key)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise _nowhere(lake, keys, text)
    raise TerminalError(
        "GB-2313",
        "Several things have that key. Which one is meant?",
        got=text[:80],
        valid=", ".join(map(str, found)),
        todo=f"Ask for one of them: `globalbev trace {found[0]}`.",
    )


def _is_there(lake: TracedLake, key: Key) -> bool:
    home = next((place for place in places(lake.book, key) if place.silver.name == key.home), None)
    return home is not None and bool(lake.rows(home.bronze.name, home.bronze_column, key.texts) or _silver_rows(lake, home, key))


def _nowhere(lake: TracedLake, keys: Sequence[Key], text: str) -> TerminalError:
    looked = dict.fromkeys(str(name) for key in keys for place in places(lake.book, key) for name in (place.bronze.name, place.silver.name))
    shown = {str(name) for name in lake.views.shown}
    loaded, absent = [name for name in looked if name in shown], [name for name in looked if name not in shown]
    missing = f"; not loaded yet: {', '.join(absent)}" if absent else ""
    return TerminalError(
        "GB-2314",
        "That key is nowhere in the lake.",
        got=text[:80],
        valid=f"a key that one of these has: {', '.join(loaded) or 'none'}{missing}",
        todo="Check the key. A row that came after the last run is not here yet: `globalbev ledger bronze.<table>` shows the last day.",
    )


def _stop(lake: TracedLake, place: Place, key: Key) -> Stop:
    bronze = lake.rows(place.bronze.name, place.bronze_column, key.texts)
    bronze.sort(key=lambda row: (row["_partition_date"], row["_source"], row["_source_position"].zfill(20)))
    silver = {place_of(row): row for row in _silver_rows(lake, place, key)}
    rejected = _rejected(lake, place, bronze)
    around = Surroundings(lake, place, bronze, silver, rejected, _replaced(lake, place, bronze))
    rows = tuple(_followed(around, row) for row in bronze)
    there = {place_of(row) for row in bronze}
    return Stop(place, rows, tuple(row for where, row in silver.items() if where not in there))


def _followed(around: Surroundings, row: Row) -> Followed:
    lake, place, fate = around.lake, around.place, fate_of(row, around)
    run, version = "", None
    if fate.silver is not None:
        run = fate.silver["_run_id"]
        version = lake.version(place.silver.name, run, row["_partition_date"])
    elif fate.rejected is not None:
        run, version = fate.rejected.run_id, quarantine_version(lake, fate.rejected)
    return Followed(row, lake.version(place.bronze.name, row["_run_id"], row["_partition_date"]), fate, run, version)


def _silver_rows(lake: TracedLake, place: Place, key: Key) -> list[Row]:
    values = [int(key.value)] if key.is_number and key.value.isdecimal() else key.texts
    return lake.rows(place.silver.name, place.silver_column, values)


def _rejected(lake: TracedLake, place: Place, bronze: Sequence[Row]) -> dict[tuple[str, str], QuarantinedRow]:
    """The rejected rows among these, by source and position; a bronze row of another day at that place is another read of it."""
    if not bronze:
        return {}
    days: set[date] = {row["_partition_date"] for row in bronze}
    chosen = Chosen(day=next(iter(days))) if len(days) == 1 else Chosen()
    there = {place_of(row)[1:] for row in bronze}
    rows = read_quarantine(lake.settings.lake_root, [place.silver], lake.book, chosen)
    return {(row.source, row.source_position): row for row in rows if (row.source, row.source_position) in there and row.partition in days}


def _replaced(lake: TracedLake, place: Place, bronze: Sequence[Row]) -> dict[str, str]:
    """Of the files that these rows came from: those that a later delivery of the same name replaced, with that one."""
    if place.bronze.source.kind != "file_feed" or not bronze:
        return {}
    newest: dict[str, tuple[date, str]] = {}
    for source, day in lake.sources(place.bronze):
        name = source.rsplit("/", 1)[-1]
        newest[name] = max(newest.get(name, (date.min, "")), (day, source))
    own = {row["_source"] for row in bronze}
    return {source: newest[source.rsplit("/", 1)[-1]][1] for source in own if newest[source.rsplit("/", 1)[-1]][1] != source}


def quarantine_version(lake: TracedLake, row: QuarantinedRow) -> int | None:
    """The version of the quarantine that brought the row as it is: one writer at a time, so the first commit since its run looked at it."""
    name = TableName("quarantine", TableName.parse(row.table_name).table)
    seen_ms = int(row.last_seen.timestamp() * 1000)
    return min((version for version, at_ms in lake.commits(name) if at_ms >= seen_ms), default=None)
