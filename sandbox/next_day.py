"""The next day happens: new sales and deliveries, and late news of older orders."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from globalbev_assets.errors import TerminalError
from partitions.days import DayRange

from . import crm, crm_files, customers, ledger, panel, services, shop
from .layout import Layout
from .lifecycle import Progress, changing, status_of
from .sales import SQL, Sales
from .state import State, Status, load_secrets, load_state, save_state


def advance(home: Path, days: int = 1, *, progress: Progress | None = None) -> Status:
    """Let so many further days happen.

    A day that is still going on has its sales up to this moment. A day that is yet to come is made whole; read before its time, its
    orders lie in the future.

    Raises:
        TerminalError: GB-6008, when the sandbox is not up.
    """
    layout = Layout(home.resolve())
    with changing(layout):
        state = load_state(layout)
        if state is None or not state.is_loaded or not services.is_shop_running(layout, state, load_secrets(layout)):
            raise TerminalError(
                "GB-6008", "The sandbox is not up.", got="no running shop", valid="a running sandbox", todo="Run `globalbev sandbox up`."
            )
        for _ in range(days):
            day = state.last + timedelta(days=1)
            if progress:
                progress(f"{day}")
            state = _next_day(layout, state, day)
            save_state(layout, state)
        return status_of(layout, changed=days > 0)


def _next_day(layout: Layout, state: State, day: date) -> State:
    ahead = state.with_(last=day)
    dsn = services.shop_dsn(layout, state, load_secrets(layout))
    sales = Sales(ahead)
    try:
        sales.make(DayRange(day, day))
        _load(layout, ahead, sales, dsn)
        homes = [home for home in sales.rows("home_sorted") if home[0] < customers.FIRST_REPLICA_END]
        people = list(customers.customers(state.seed, homes, state.days.first))
        found = crm.contacts(state.seed, people, state.days.first)
        defects = sales.defects("shop_defect")
        defects += crm_files.deliver_day(layout.landing, state.seed, found, day)
        defects += panel.deliver(layout.landing, sales, DayRange(day, day), is_history=False)
        next_order_id, next_payment_id = sales.next_ids()
    finally:
        sales.close()
    ledger.append(layout.defects, defects)
    return ahead.with_(next_order_id=next_order_id, next_payment_id=next_payment_id)


def _load(layout: Layout, state: State, sales: Sales, dsn: str) -> None:
    """Load the day in one transaction; a day whose loading was done before a crash is not loaded again."""
    with shop.connect(dsn) as connection:
        newest = connection.execute("select max(order_id) from shop.orders where order_id < 9000000000").fetchone()
        if newest and newest[0] >= state.next_order_id:
            return
        connection.execute(
            "create temporary table spared_orders on commit drop as select unnest(%s::bigint[]) as order_id", [_spared(layout, sales, "order_id")]
        )
        connection.execute(
            "create temporary table spared_payments on commit drop as select unnest(%s::bigint[]) as payment_id",
            [_spared(layout, sales, "payment_id")],
        )
        shop.load(connection, sales, ("new_lots", "shop_orders", "shop_order_lines", "shop_payments"))
        moment = sales.variable("read_end")
        for statement in (SQL / "late.sql").read_text(encoding="utf-8").split(";\n"):
            if statement.strip():
                connection.execute(statement.encode(), {"moment": moment, "first_new": state.next_order_id})


def _spared(layout: Layout, sales: Sales, name: str) -> list[int]:
    """Orders and payments that carry a defect: they are left as they are."""
    listed = [defect.key[name] for defect in ledger.read(layout.defects) if name in defect.key]
    return listed + [defect.key[name] for defect in sales.defects("shop_defect") if name in defect.key]
