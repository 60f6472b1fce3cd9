"""How often which defect is injected: shares of the orders that are whole in the real data."""

from __future__ import annotations

from collections.abc import Iterator

ORDER_DEFECTS: dict[str, float] = {
    "future_ordered_at": 0.0008,
    "missing_ordered_at": 0.0008,
    "unknown_store": 0.0010,
    "currency_missing": 0.0020,
    "currency_not_market": 0.0010,
    "status_unknown": 0.0020,
    "status_spelling": 0.0100,
    "unknown_sku": 0.0015,
    "manufactured_before_sold": 0.0015,
    "unknown_lot": 0.0020,
    "negative_quantity": 0.0012,
    "negative_price": 0.0008,
    "zero_price": 0.0008,
    "duplicate_line": 0.0030,
    "orphan_line": 0.0008,
    "orphan_payment": 0.0008,
    "second_capture": 0.0012,
    "amount_mismatch": 0.0020,
}


def bands() -> Iterator[tuple[str, float, float]]:
    """Each defect's band of the unit interval; a number drawn for an order falls into one at most."""
    low = 0.0
    for kind, rate in ORDER_DEFECTS.items():
        yield kind, low, low + rate
        low += rate
