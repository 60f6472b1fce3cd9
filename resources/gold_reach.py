"""Days of gold outside a step's whose rows depend on what came in the step's days. How far sums look back is the contract's to say, not this."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from globalbev_assets.contracts.names import TableName
from globalbev_assets.transforms.gold_sales import PANEL_DAYS, new_customers
from resources.delta_sql import days_predicate

if TYPE_CHECKING:
    from resources.steps import Step

PAYMENTS, ORDERS, LINES = (TableName("silver", table) for table in ("payments", "orders", "order_lines"))
SALES = ("silver.orders", "silver.order_lines", "silver.products")
KPIS = TableName("gold", "executive_kpis")
BRONZE_PANEL, PANEL = TableName("bronze", "market_panel"), TableName("silver", "market_panel")


def days_paid(step: Step) -> list[date]:
    """Days on which the orders that were placed, or paid too, in the step's days were paid.

    What is open of an order is booked on its last payment, and whether its payments count at all is said by its status.
    """
    from pyspark.sql import functions as F  # noqa: PLC0415

    payments = step.lake.read(PAYMENTS).select("order_id", "paid_date")
    ours = payments.where(days_predicate("paid_date", step.days)).select("order_id")
    for table in (ORDERS, LINES):  # an order whose lines were all rejected has none
        ours = ours.unionByName(step.lake.read(table, step.days).select("order_id"))
    ours = ours.distinct()
    elsewhere = payments.where(~F.expr(days_predicate("paid_date", step.days))).join(ours, "order_id", "left_semi")
    return sorted(row["paid_date"] for row in elsewhere.select("paid_date").distinct().collect())


def days_of_panel(step: Step) -> list[date]:
    """Days of the weeks whose panel was delivered in the step's days: it comes a week after them, and is corrected later still."""
    from pyspark.sql import functions as F  # noqa: PLC0415

    deliveries = step.lake.ledger.latest([str(BRONZE_PANEL)])
    if not any(row.published for (_, day), row in deliveries.items() if day in step.days):
        return []
    sources = step.lake.read(BRONZE_PANEL, step.days).select("_source").distinct()
    weeks = step.lake.read(PANEL).join(F.broadcast(sources), "_source", "left_semi").select("week_start").distinct().collect()
    return sorted({row["week_start"] + timedelta(days=offset) for row in weeks for offset in range(PANEL_DAYS)} - set(step.days))


def days_of_first_sales(step: Step) -> list[date]:
    """Later days that count a customer as new who has bought before by now, or the other way: an older sale came, went or changed its day."""
    from pyspark.sql import functions as F  # noqa: PLC0415

    if all(day <= min(step.days) for day in step.history(KPIS)):
        return []  # the newest day: there is no later one, and no job is needed to say so
    now = new_customers({name: step.lake.read(TableName.parse(name)) for name in SALES}).where(F.col("sale_date") > F.lit(min(step.days)))
    shown = (
        step.lake.read(KPIS).where(F.col("sale_date") > F.lit(min(step.days))).select("sale_date", "currency", F.col("new_customers").alias("_shown"))
    )
    differ = F.coalesce("new_customers", F.lit(0)) != F.coalesce("_shown", F.lit(0))
    found = now.join(shown, ["sale_date", "currency"], "full").where(differ).select("sale_date").distinct().collect()
    return sorted({row["sale_date"] for row in found} - set(step.days))
