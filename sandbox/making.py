"""The making of a sandbox: everything that is generated once."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from . import crm, crm_files, customers, ledger, nutrition, panel, shop
from .layout import FEEDS, Layout
from .sales import Sales
from .state import State
from .stock import write_articles

Progress = Callable[[str], None]


def make(layout: Layout, state: State, dsn: str, progress: Progress) -> State:
    """Fill shop, landing zone, warehouse and ledger; what an interrupted making left behind is replaced."""
    layout.defects.unlink(missing_ok=True)
    for feed in FEEDS:
        shutil.rmtree(layout.landing / feed, ignore_errors=True)
    days = state.window.days
    sales = Sales(state)
    try:
        progress(f"Orders of {days.first} to {days.last}")
        sales.make(days)
        known = list(customers.customers(state.seed, sales.rows("home_sorted"), days.first))
        progress("Loading the shop")
        with shop.connect(dsn) as connection:
            shop.fill(connection, sales, (customer.row for customer in known), mark_of(layout))
        ledger.append(layout.defects, sales.defects("catalog_defect") + sales.defects("shop_defect"))
        ledger.append(layout.defects, (defect for customer in known for defect in customer.defects))
        progress("Landing files")
        _land(layout, state, sales, known)
        write_articles(layout.inventory, sales.rows("stocked"))
        next_order_id, next_payment_id = sales.next_ids()
    finally:
        sales.close()
    shop.analyse(dsn)
    return state.with_(is_loaded=True, next_order_id=next_order_id, next_payment_id=next_payment_id)


def mark_of(layout: Layout) -> str:
    """What the shop's schema says about who made it."""
    return f"made by the sandbox of {layout.home}"


def _land(layout: Layout, state: State, sales: Sales, known: list[customers.Customer]) -> None:
    days = state.window.days
    people = [customer for customer in known if customer.customer_id < customers.FIRST_REPLICA_END]
    found = crm.contacts(state.seed, people, days.first)
    crm.write_identities(layout.identities, found)
    best_sellers = [row[0] for row in sales.rows("best_seller")]
    ledger.append(layout.defects, crm_files.deliver_history(layout.landing, state.seed, found, days))
    ledger.append(layout.defects, panel.deliver(layout.landing, sales, days, is_history=True))
    ledger.append(layout.defects, nutrition.deliver_history(layout.landing, state.seed, best_sellers, days))
