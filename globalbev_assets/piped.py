"""A step that came by Pipes: the same tables, published by the same code, told message by message."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from globalbev_assets.domains import published
from resources.databricks_pipes import DONE, LOGGED
from resources.event_figures import told
from resources.lakehouse_resource import LakehouseResource, book_of
from resources.logs.relay import handed_over
from resources.telemetry import configure_telemetry

if TYPE_CHECKING:
    from dagster_pipes import PipesContext


def publish(pipes: PipesContext) -> None:
    """Publish the tables that the context names, and tell what became of each, and what was logged."""
    order, lakehouse = pipes.extras, LakehouseResource()
    configure_telemetry(lakehouse.settings, with_dagster=False)  # what is to be logged at all, and what is secret
    book = book_of(lakehouse.settings)
    contracts = [book.parse(name) for name in order["tables"]]
    days = [date.fromisoformat(day) for day in order["days"]]
    with handed_over(lambda event: pipes.report_custom_message({LOGGED: event}), pipes.run_id):
        for result in published(lakehouse, pipes.run_id, order["layer"], contracts, days):
            pipes.report_custom_message(told(result))
    pipes.report_custom_message(DONE)
