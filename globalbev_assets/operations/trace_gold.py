"""Where a key shows in gold: tables that have its column, and the figures that its published rows are counted in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import TableName
from globalbev_assets.operations.trace_keys import Key
from globalbev_assets.operations.trace_rows import IN_LIST, Row, TracedLake, fetched

if TYPE_CHECKING:
    from globalbev_assets.operations.trace_read import Stop

ORDERS, LINES, PAYMENTS = (TableName("silver", table) for table in ("orders", "order_lines", "payments"))
# As transforms/gold_sales.py has it, which a command cannot import without PySpark; tests/unit/test_cli_trace.py holds both against each other.
SALES = frozenset({"sale_date", "market_id", "channel", "currency", "sku"})
OUT_OF_SCOPE = ("cancelled", "unknown")


@dataclass(frozen=True)
class GoldRow:
    """A row of gold, the run and version that brought it, and the day's silver tables that have changed since."""

    row: Row
    run_id: str
    version: int | None
    older_than: tuple[TableName, ...] = ()


@dataclass(frozen=True)
class GoldStop:
    """A gold table: the rows that the key is counted in, or why there are none."""

    contract: Contract
    rows: tuple[GoldRow, ...] = ()
    why_not: str = ""


def gold_of(lake: TracedLake, key: Key, stops: Sequence[Stop]) -> tuple[GoldStop, ...]:
    """The gold tables that the key reaches."""
    published = {stop.place.silver.name: _published(stop) for stop in stops}
    facts, why_not = _facts(lake, published)
    found = []
    for contract in lake.book.layer("gold"):
        if contract.name not in lake.views.shown:
            continue
        if key.column in contract.column_names:
            found.append(GoldStop(contract, _rows(lake, contract, lake.rows(contract.name, key.column, key.texts))))
            continue
        wanted = list({tuple(fact[name] for name in contract.key): fact for fact in facts if _fits(contract, fact)}.values())
        if wanted:
            found.append(GoldStop(contract, _rows(lake, contract, _counted_in(lake, contract, wanted))))
        elif why_not and ORDERS in contract.upstream and key.column == "order_id" and set(contract.key) <= SALES:
            found.append(GoldStop(contract, (), why_not))
    return tuple(found)


def _published(stop: Stop) -> list[Row]:
    return [*(each.fate.silver for each in stop.rows if each.fate.silver is not None), *stop.only_silver]


def _facts(lake: TracedLake, published: Mapping[TableName, Sequence[Row]]) -> tuple[list[Row], str]:
    """By what gold counts the rows: day, market, channel, currency of orders in scope, with each line's product; day, currency, method of payments."""
    orders = {row["order_id"]: row for row in published.get(ORDERS, ())}
    in_scope = {number: row for number, row in orders.items() if row["status"] not in OUT_OF_SCOPE and row["market_id"] is not None}
    lines = list(published.get(LINES, ()))
    if in_scope and LINES not in published:
        lines = lake.rows(LINES, "order_id", list(in_scope)[:IN_LIST])
    facts = [{**_dimensions(in_scope[line["order_id"]]), "sku": line["sku"]} for line in lines if line["order_id"] in in_scope]
    facts += [{name: row[name] for name in ("paid_date", "currency", "method")} for row in published.get(PAYMENTS, ())]
    return facts, _why_not(orders, in_scope, lines)


def _why_not(orders: Mapping[Any, Row], in_scope: Mapping[Any, Row], lines: Sequence[Row]) -> str:
    if not orders:
        return "the order is not in silver, and gold counts only what is"
    if not in_scope:
        return f"the order is {next(iter(orders.values()))['status']}, and gold counts no such order"
    return "" if lines else "no line of the order is in silver, and gold counts lines"


def _dimensions(order: Row) -> Row:
    return {"sale_date": order["order_date"], "market_id": order["market_id"], "channel": order["channel"], "currency": order["currency"]}


def _fits(contract: Contract, fact: Row) -> bool:
    """Whether the fact says which row of the table counts it. A payment has no order's day, a sale no payment's."""
    return bool(contract.key) and set(contract.key) <= fact.keys()


def _counted_in(lake: TracedLake, contract: Contract, facts: Sequence[Row]) -> list[Row]:
    """The table's rows of these facts: chosen by day in the files, by the other columns here."""
    from duckdb import ColumnExpression, ConstantExpression  # noqa: PLC0415

    relation = lake.relation(contract.name)
    day = contract.date_column
    if relation is None or day is None:
        return []
    days = sorted({fact[day] for fact in facts})
    rows = fetched(relation.filter(ColumnExpression(day).isin(*[ConstantExpression(each) for each in days])))
    wanted = {tuple(fact[name] for name in contract.key) for fact in facts}
    return [row for row in rows if tuple(row[name] for name in contract.key) in wanted]


def _rows(lake: TracedLake, contract: Contract, rows: Sequence[Row]) -> tuple[GoldRow, ...]:
    return tuple(_as_gold(lake, contract, rows))


def _as_gold(lake: TracedLake, contract: Contract, rows: Sequence[Row]) -> Iterator[GoldRow]:
    for row in sorted(rows, key=lambda each: tuple(str(each[name]) for name in contract.key)):
        day = row.get(contract.date_column) if contract.date_column else None
        yield GoldRow(row, row["_run_id"], lake.version(contract.name, row["_run_id"], day), _older_than(lake, contract, day))


def _older_than(lake: TracedLake, contract: Contract, day: date | None) -> tuple[TableName, ...]:
    """The sales tables of the day that a run has changed since gold was made of them."""
    made_at = lake.looked_at(contract.name, day) if day is not None else None
    if day is None or made_at is None:
        return ()
    sources = [name for name in contract.upstream if name in (ORDERS, LINES, PAYMENTS)]
    return tuple(name for name in sources if (changed := lake.changed_at(name, day)) is not None and changed > made_at)
