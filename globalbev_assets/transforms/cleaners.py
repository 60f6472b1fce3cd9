"""Named cleaners of text columns. A contract names one with ``clean``; NULL stays NULL.

Those that need a library (phone numbers, addresses) run over distinct values in :mod:`globalbev_assets.transforms.contact_values`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

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


def first_match(cases: Sequence[tuple[SparkColumn, SparkColumn]], otherwise: SparkColumn) -> SparkColumn:
    """The value of the first condition that holds, as one flat CASE: nested ones run into protobuf's depth of 100."""
    (condition, value), *others = cases
    found = F.when(condition, value)
    for condition, value in others:
        found = found.when(condition, value)
    return found.otherwise(otherwise)


def _lookup(words: dict[str, tuple[str, ...]], otherwise: str) -> Callable[[SparkColumn], SparkColumn]:
    def apply(text: SparkColumn) -> SparkColumn:
        return first_match([(folded(text).isin(list(spellings)), F.lit(status)) for status, spellings in words.items()], F.lit(otherwise))

    return apply


COUNTRIES = {
    "US": ("US", "USA", "UNITED STATES", "UNITED STATES OF AMERICA", "U.S.", "U.S.A."),
    "GB": ("GB", "UK", "UNITED KINGDOM", "GREAT BRITAIN", "U.K.", "GBR", "ENGLAND", "SCOTLAND", "WALES"),
}
_ORDERED_DATE = r"\A(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})(.*)\z"
_EMAIL = r"\A[^@\s]+@[^@\s]+\.[A-Za-z]{2,}\z"


def _country(text: SparkColumn) -> SparkColumn:
    """Two capital letters; a country's name that we know becomes its code."""
    upper = F.upper(F.trim(text))
    named = [(upper.isin(list(names)), F.lit(code)) for code, names in COUNTRIES.items()]
    return first_match([*named, (upper.rlike(r"\A[A-Z]{2}\z"), upper)], F.lit(None))


def _epoch_time(text: SparkColumn) -> SparkColumn:
    """Seconds or milliseconds since 1970 as a time; all else as it is."""
    number = F.trim(text).try_cast("bigint")
    return (
        F.when(F.trim(text).rlike(r"\A1\d{12}\z"), F.timestamp_millis(number).cast("string"))
        .when(F.trim(text).rlike(r"\A1\d{9}\z"), F.timestamp_seconds(number).cast("string"))
        .otherwise(text)
    )


def _decimal_comma(text: SparkColumn) -> SparkColumn:
    """1.234,50 and 1234,5 as 1234.50 and 1234.5; a text without a comma as it is."""
    return F.when(F.trim(text).rlike(r"\A[-+]?[\d. ]*,\d+\z"), F.regexp_replace(F.regexp_replace(text, r"[. ]", ""), ",", ".")).otherwise(text)


# The last five came with a change of a source's form: what had the old form before is still read as it was.
CLEANERS: dict[str, Callable[[SparkColumn], SparkColumn]] = {
    "upper": F.upper,
    "lower": F.lower,
    "title": lambda text: F.initcap(F.regexp_replace(F.trim(text), r"\s+", " ")),
    "single_spaced": lambda text: F.regexp_replace(text, r"\s+", " "),
    "email": lambda text: F.when(F.trim(text).rlike(_EMAIL), F.lower(F.trim(text))),
    "country": _country,
    "city": lambda text: F.initcap(F.regexp_replace(F.trim(text), r"(?i)\s*\d{5}(-\d{4})?\z|\s+[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\z", "")),
    "person_name": lambda text: F.regexp_replace(text, r"\s+", " "),
    "order_status": _lookup(ORDER_STATUSES, "unknown"),
    "payment_status": _lookup(PAYMENT_STATUSES, "unknown"),
    "flag": lambda text: F.when(F.lower(text).isin("true", "t", "1", "yes", "y"), "true").when(
        F.lower(text).isin("false", "f", "0", "no", "n"), "false"
    ),
    "code_flag": lambda text: F.when(F.coalesce(text, F.lit("0")) == "0", "false").otherwise("true"),
    "day_first_date": lambda text: F.regexp_replace(F.trim(text), _ORDERED_DATE, "$3-$2-$1$4"),
    "month_first_date": lambda text: F.regexp_replace(F.trim(text), _ORDERED_DATE, "$3-$1-$2$4"),
    "epoch_time": _epoch_time,
    "decimal_comma": _decimal_comma,
    "digit_groups": lambda text: F.when(F.trim(text).rlike(r"\A[-+]?\d{1,3}(,\d{3})+(\.\d+)?\z"), F.regexp_replace(text, ",", "")).otherwise(text),
}


def clean(name: str | None, text: SparkColumn) -> SparkColumn:
    """Apply the cleaner of that name; names that a domain's transform handles itself leave the text as it is."""
    return CLEANERS[name](text) if name in CLEANERS else text
