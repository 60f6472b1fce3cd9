"""Named cleaners of text columns. A contract names one with ``clean``; NULL stays NULL.

Those that need a library (phone numbers, addresses) run over distinct values in :mod:`globalbev_assets.transforms.contact_values`.
"""

from __future__ import annotations

from collections.abc import Callable

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

ORDER_STATUSES = {
    "placed": ("placed", "new", "open", "received", "created", "pending", "plced"),
    "paid": ("paid", "payed", "payment received", "payment_received"),
    "shipped": ("shipped", "ship", "sent", "dispatched", "in transit", "in_transit", "shiped"),
    "delivered": ("delivered", "delivrd", "complete", "completed", "deliverd", "dlvrd"),
    "cancelled": ("cancelled", "canceled", "cancel", "void", "cxl"),
    "returned": ("returned", "return", "refunded", "retourned"),
}
PAYMENT_STATUSES = {
    "authorised": ("authorised", "authorized", "auth"),
    "captured": ("captured", "capture", "settled"),
    "refunded": ("refunded", "refund"),
    "failed": ("failed", "declined", "error"),
}


def folded(text: SparkColumn) -> SparkColumn:
    """Lower case, inner white space and hyphens as one blank."""
    return F.regexp_replace(F.lower(F.trim(text)), r"[\s\-]+", " ")


def _lookup(words: dict[str, tuple[str, ...]], otherwise: str) -> Callable[[SparkColumn], SparkColumn]:
    def apply(text: SparkColumn) -> SparkColumn:
        found = F.lit(otherwise)
        for status, spellings in words.items():
            found = F.when(folded(text).isin(list(spellings)), status).otherwise(found)
        return found

    return apply


COUNTRIES = {
    "US": ("US", "USA", "UNITED STATES", "UNITED STATES OF AMERICA", "U.S.", "U.S.A."),
    "GB": ("GB", "UK", "UNITED KINGDOM", "GREAT BRITAIN", "U.K.", "GBR", "ENGLAND", "SCOTLAND", "WALES"),
}
_EMAIL = r"\A[^@\s]+@[^@\s]+\.[A-Za-z]{2,}\z"


def _country(text: SparkColumn) -> SparkColumn:
    """Two capital letters; a country's name that we know becomes its code."""
    upper = F.upper(F.trim(text))
    found = F.when(upper.rlike(r"\A[A-Z]{2}\z"), upper)
    for code, names in COUNTRIES.items():
        found = F.when(upper.isin(list(names)), code).otherwise(found)
    return found


CLEANERS: dict[str, Callable[[SparkColumn], SparkColumn]] = {
    "upper": F.upper,
    "lower": F.lower,
    "title": lambda text: F.initcap(folded(text)),
    "single_spaced": lambda text: F.regexp_replace(text, r"\s+", " "),
    "email": lambda text: F.when(F.trim(text).rlike(_EMAIL), F.lower(F.trim(text))),
    "country": _country,
    "city": lambda text: F.initcap(F.regexp_replace(F.trim(text), r"\s*\d{5}(-\d{4})?\z|\s+[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\z", "")),
    "person_name": lambda text: F.regexp_replace(text, r"\s+", " "),
    "order_status": _lookup(ORDER_STATUSES, "unknown"),
    "payment_status": _lookup(PAYMENT_STATUSES, "unknown"),
    "flag": lambda text: F.when(F.lower(text).isin("true", "t", "1", "yes", "y"), "true").when(F.lower(text).isin("false", "f", "0", "no", "n"), "false"),
    "code_flag": lambda text: F.when(F.coalesce(text, F.lit("0")) == "0", "false").otherwise("true"),
}


def clean(name: str | None, text: SparkColumn) -> SparkColumn:
    """Apply the cleaner of that name; names that a domain's transform handles itself leave the text as it is."""
    return CLEANERS[name](text) if name in CLEANERS else text
