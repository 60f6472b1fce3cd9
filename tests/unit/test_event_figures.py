"""What a step on a cluster tells by events is what the ledger would have said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import dagster as dg
import pytest

from globalbev_assets.contracts.loader import load_contracts
from globalbev_assets.contracts.names import TableName
from partitions.metadata import day_metadata
from resources.event_figures import EventLedger, figures_metadata, result_of, told
from resources.ledger import DqResult, LedgerRow
from resources.publishing import TableResult

DAY, NEXT = date(2026, 6, 1), date(2026, 6, 2)
AT = datetime(2026, 6, 3, 4, 5, 6, 789, tzinfo=UTC)
ROW = LedgerRow("silver.orders", DAY, "run-1", "published", AT, "1.2.0", 10, 7, 2, 1, warned=3, delta_version=4, content_hash="7:12", duration_s=0.25)
RESULT = DqResult(
    "silver.orders", "known_store", "row", "store_id", DAY, "run-1", "error", Decimal("2.5"), None, Decimal("0.05"), None, False, True, AT
)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def report(instance: dg.DagsterInstance, row: LedgerRow, *results: DqResult) -> None:
    metadata = day_metadata(row) | figures_metadata(row, results)
    kind = dg.AssetMaterialization if row.is_readable else dg.AssetObservation
    instance.report_runless_asset_event(kind(dg.AssetKey(row.table_name.split(".")), partition=str(row.business_day), metadata=metadata))


def test_a_row_and_its_results_come_back_as_they_were(instance: dg.DagsterInstance) -> None:
    report(instance, ROW, RESULT, replace(RESULT, business_day=NEXT))
    ledger = EventLedger(instance, [DAY, NEXT])
    assert ledger.latest(["silver.orders", "silver.payments"]) == {("silver.orders", DAY): ROW}
    assert ledger.results(["silver.orders"], "run-1") == [RESULT], "those of another day are that day's"
    assert ledger.results(["silver.orders"], "run-2") == []


def test_the_newest_event_of_a_day_counts_also_when_the_day_was_held_then(instance: dg.DagsterInstance) -> None:
    held = replace(ROW, run_id="run-2", state="held", reason="too few rows", delta_version=None)
    report(instance, ROW, RESULT)
    report(instance, held)
    assert EventLedger(instance, [DAY]).latest(["silver.orders"]) == {("silver.orders", DAY): held}
    again = replace(ROW, run_id="run-3", published=9)
    report(instance, again)
    assert EventLedger(instance, [DAY]).latest(["silver.orders"]) == {("silver.orders", DAY): again}


def test_days_that_nobody_asked_for_are_not_read(instance: dg.DagsterInstance) -> None:
    report(instance, ROW)
    assert EventLedger(instance, [NEXT]).latest(["silver.orders"]) == {}


def test_a_tables_result_survives_the_way_by_pipes() -> None:
    book = load_contracts()
    contract = book[TableName("silver", "orders")]
    result = TableResult(contract, [ROW, replace(ROW, business_day=NEXT, delta_version=None)], [RESULT], ValueError("the reason"))
    back = result_of(told(result), book)
    assert (back.contract, back.rows, back.results, str(back.error)) == (contract, result.rows, result.results, "the reason")
    assert result_of(told(replace(result, error=None)), book).error is None
