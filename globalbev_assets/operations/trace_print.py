"""How ``globalbev trace`` prints: a block a table, a line a station, and what to do about what went astray."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Any

from globalbev_assets.contracts.model import Contract
from globalbev_assets.operations.lake_answers import text_of
from globalbev_assets.operations.printed import count, moment, next_steps, short
from globalbev_assets.operations.quarantine_print import origin
from globalbev_assets.operations.trace_gold import GoldRow, GoldStop
from globalbev_assets.operations.trace_read import Followed, Stop, Trace
from globalbev_assets.operations.trace_rows import Row, business

if TYPE_CHECKING:
    from rich.console import Console

    from globalbev_assets.contracts.book import ContractBook
    from resources.settings import Settings

IN_FULL = 10
GOLD_ROWS = 3
GOOD = ("published",)


def show(trace: Trace, book: ContractBook, settings: Settings, out: Console) -> None:
    """Print it from the source to gold."""
    out.print(str(trace.key))
    for stop in trace.stops:
        _show_stop(stop, book, settings, out)
    for gold in trace.gold:
        if gold.rows:
            _show_gold(gold, out)
    absent = [gold for gold in trace.gold if not gold.rows]
    for why in dict.fromkeys(gold.why_not for gold in absent):
        names = ", ".join(str(gold.contract.name) for gold in absent if gold.why_not == why)
        out.print(f"\nnot counted in {names}{f': {why}' if why else ''}", soft_wrap=True)
    next_steps(out, _next(trace))


def _show_stop(stop: Stop, book: ContractBook, settings: Settings, out: Console) -> None:
    counts = ", ".join(f"{number:,} {outcome.replace('_', ' ')}" for outcome, number in stop.outcomes.items())
    out.print(f"\n{stop.place.silver.table}: {count(len(stop.rows), 'source row')}{f', {counts}' if counts else ''}", soft_wrap=True)
    astray = [each for each in stop.rows if each.fate.outcome not in GOOD]
    chosen = stop.rows if len(stop.rows) <= IN_FULL else (*astray[-IN_FULL // 2 :], *[each for each in stop.rows if each.fate.outcome in GOOD][-2:])
    for _, alike in groupby(chosen, key=_way):
        _show_alike(list(alike), stop, book, settings, out)
    if len(chosen) < len(stop.rows):
        out.print(f"  and {len(stop.rows) - len(chosen):,} more; --json has them all")
    for row in stop.only_silver[:IN_FULL]:
        gone = "its bronze row is no longer kept" if row["_source_position"] else "its source is not known"
        out.print(f"  {stop.place.silver.name}  {row['_source']} {row['_source_position']}, run {short(row['_run_id'])}; {gone}", soft_wrap=True)


def _way(each: Followed) -> tuple[object, ...]:
    """What rows that went the same way share."""
    rejected = each.fate.rejected
    fate = (each.fate.outcome, each.fate.words, each.fate_run, each.fate_version, rejected.state if rejected else "")
    return (each.bronze["_partition_date"], each.bronze["_run_id"], each.bronze_version, *fate)


def _show_alike(rows: Sequence[Followed], stop: Stop, book: ContractBook, settings: Settings, out: Console) -> None:
    """Rows that went the same way: where each came from with its values as they are now, then the way, once."""
    silver, first = stop.place.silver, rows[0]
    for each in rows:
        row = each.bronze
        out.print(f"  {origin(row['_source'], row['_source_position'], silver, book, settings)}", soft_wrap=True)
        values = business(each.fate.silver, silver) if each.fate.silver is not None else business(row, stop.place.bronze)
        out.print(f"      {_values(values)}", soft_wrap=True)
    row, fate = first.bronze, first.fate
    read = f"{row['_partition_date']}, {_by(first.bronze_version, row['_run_id'])}, read {moment(row['_ingested_at'])}"
    out.print(f"    -> {stop.place.bronze.name}  {read}", soft_wrap=True)
    by = _by(first.fate_version, first.fate_run)
    if fate.silver is not None:
        out.print(f"    -> {silver.name}  published, {by}{f'; {fate.words}' if fate.words else ''}", soft_wrap=True)
    elif fate.rejected is not None:
        out.print(f"    -> quarantine.{silver.table}  {fate.rejected.state}, {by}; {fate.words}", style="yellow", soft_wrap=True)
    else:
        out.print(f"    -> not in {silver.name}: {fate.outcome.replace('_', ' ')}: {fate.words}", style="yellow", soft_wrap=True)


def _show_gold(gold: GoldStop, out: Console) -> None:
    name = gold.contract.name
    out.print(f"\n{name}: counted in {count(len(gold.rows), 'row')}", soft_wrap=True)
    shown = gold.rows if len(gold.rows) <= GOLD_ROWS else gold.rows[-GOLD_ROWS:]
    for each in shown:
        older = f"; older than {', '.join(map(str, each.older_than))}" if each.older_than else ""
        style = "yellow" if older else None
        out.print(f"  {_by(each.version, each.run_id)}{older}  {_values(business(each.row, gold.contract))}", style=style, soft_wrap=True)
    if len(shown) < len(gold.rows):
        out.print(f"  the newest {len(shown)}; --json has them all")


def _by(version: int | None, run_id: str) -> str:
    return f"version {version if version is not None else 'not in the ledger'}, run {short(run_id)}"


def _values(row: Row) -> str:
    """The values on one line; raw texts that a contract keeps beside an unreadable value are left to --json."""
    return ", ".join(f"{name} {_short(value)}" for name, value in row.items() if not name.startswith("raw_"))


def _short(value: Any) -> str:
    text = f"{value:f}".rstrip("0").rstrip(".") if isinstance(value, Decimal) and value != value.to_integral_value() else text_of(value)
    if isinstance(value, Decimal) and value == value.to_integral_value():
        text = f"{int(value)}"
    return text if len(text) <= 60 else f"{text[:57]}…"


def _next(trace: Trace) -> Iterator[str]:
    """A command for each way to go astray, once."""
    for stop in trace.stops:
        name, told = stop.place.silver, set[str]()
        for each in stop.rows:
            fate = each.fate
            if fate.outcome in told:
                continue
            told.add(fate.outcome)
            day = each.bronze["_partition_date"]
            if fate.rejected is not None:
                yield f"`globalbev quarantine show {name.table} {fate.rejected.position}`"
            elif fate.outcome == "held":
                yield f"`globalbev checks {name.name} --day {day} --failed`"
            elif fate.outcome in ("not_run", "unknown"):
                yield f"`globalbev backfill {day} {day} --select {str(name.name).replace('.', '/')}`"
    for gold in trace.gold:
        old = [each.row[gold.contract.date_column] for each in gold.rows if each.older_than and gold.contract.date_column]
        if old:
            yield f"`globalbev backfill {min(old)} {max(old)} --select gold/{gold.contract.table}`: its figures are older than silver"


def as_document(trace: Trace, book: ContractBook, settings: Settings) -> dict[str, Any]:
    """For a program: every row, masked as `globalbev sql` masks."""
    return {"key": str(trace.key), "tables": [_stop(stop, book, settings) for stop in trace.stops], "gold": [_gold(gold) for gold in trace.gold]}


def _stop(stop: Stop, book: ContractBook, settings: Settings) -> dict[str, Any]:
    silver = stop.place.silver
    return {
        "bronze": str(stop.place.bronze.name),
        "silver": str(silver.name),
        "outcomes": stop.outcomes,
        "rows": [_followed(each, stop, book, settings) for each in stop.rows],
        "only_silver": [_plain(business(row, silver)) for row in stop.only_silver],
    }


def _followed(each: Followed, stop: Stop, book: ContractBook, settings: Settings) -> dict[str, Any]:
    row, fate, silver = each.bronze, each.fate, stop.place.silver
    return {
        "source": row["_source"], "position": row["_source_position"], "origin": origin(row["_source"], row["_source_position"], silver, book, settings),
        "day": row["_partition_date"], "ingested_at": row["_ingested_at"],
        "bronze": {"run_id": row["_run_id"], "version": each.bronze_version, "row": _plain(business(row, stop.place.bronze))},
        "outcome": fate.outcome, "words": fate.words, "rules": fate.rules, "run_id": each.fate_run or None, "version": each.fate_version,
        "silver": _plain(business(fate.silver, silver)) if fate.silver else None, "quarantine": fate.rejected.as_dict(silver) if fate.rejected else None,
    }  # fmt: skip


def _gold(gold: GoldStop) -> dict[str, Any]:
    return {"table": str(gold.contract.name), "why_not": gold.why_not or None, "rows": [_gold_row(each, gold.contract) for each in gold.rows]}


def _gold_row(each: GoldRow, contract: Contract) -> dict[str, Any]:
    older = [str(name) for name in each.older_than]
    return {"run_id": each.run_id, "version": each.version, "older_than": older, "row": _plain(business(each.row, contract))}


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: text_of(value) if not isinstance(value, bool | int | str) else value for name, value in row.items()}
