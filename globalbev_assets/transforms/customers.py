"""Customers of the shop and contacts of the CRM: the same cleaning for both."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

import pandas as pd
from pyspark import cloudpickle
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf
from pyspark.sql.types import StringType
from scourgify.address_constants import STATE_ABBREVIATIONS

from globalbev_assets.transforms import contact_values
from globalbev_assets.transforms.cleaners import first_match
from globalbev_assets.transforms.registry import References, Transform
from globalbev_assets.transforms.rules import RAW

# By value: the workers of a cluster have the libraries, and not this project, whose code lies where the driver unpacked it.
cloudpickle.register_pickle_by_value(contact_values)  # type: ignore[no-untyped-call]

YOUNGEST, OLDEST = 13, 110
POSTAL_CODES = {"US": r"\A\d{5}(-\d{4})?\z", "GB": r"\A[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}\z"}
POSTAL_CODE_IN_CITY = r"(?:\A|\s)(\d{5}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2})\z"
_DAY_MONTH_YEAR = r"\A(\d{1,2})([/.\-])(\d{1,2})[/.\-](\d{4}|\d{2})\z"


def with_birth_date(customers: DataFrame, refs: References) -> DataFrame:  # noqa: ARG001  every prepare step takes the references
    """Add ``_birth_date`` (ISO text) and ``_birth_date_status``: ok, ambiguous, unreadable or missing.

    The year of four digits first is read as it stands. Else one of the two first numbers must be no month, or both the same: 03/04/1985 is
    ambiguous. A year of two digits is the one that makes a person of 13 to 110 years, if just one does.
    """
    text = F.trim(F.col("birth_date"))
    first, second = (F.regexp_extract(text, _DAY_MONTH_YEAR, group).try_cast("int") for group in (1, 3))
    year = _year(F.regexp_extract(text, _DAY_MONTH_YEAR, 4))
    day_first, month_first = _iso(year, second, first), _iso(year, first, second)
    is_iso = text.rlike(r"\A\d{4}-\d{2}-\d{2}\z")
    readable = (
        F.when(is_iso, text.try_cast("date"))
        .when(day_first.isNotNull() & month_first.isNotNull() & (first != second), F.lit(None))
        .otherwise(F.coalesce(day_first, month_first))
    )
    ambiguous = ~is_iso & day_first.isNotNull() & month_first.isNotNull() & (first != second)
    status = F.when(text.isNull() | (text == ""), "missing").when(ambiguous, "ambiguous").when(readable.isNull(), "unreadable").otherwise("ok")
    return customers.withColumns({"_birth_date": readable.cast("string"), "_birth_date_status": status})


def _year(digits: SparkColumn) -> SparkColumn:
    number = digits.try_cast("int")
    read_in = F.year("_ingested_at")
    this, last = F.lit(2000) + number, F.lit(1900) + number
    plausible = [(read_in - year).between(YOUNGEST, OLDEST) for year in (this, last)]
    short = F.when(plausible[0] & ~plausible[1], this).when(plausible[1] & ~plausible[0], last)
    return F.when(F.length(digits) == 4, number).when(F.length(digits) == 2, short)


def _iso(year: SparkColumn, month: SparkColumn, day: SparkColumn) -> SparkColumn:
    return F.concat_ws("-", F.lpad(year.cast("string"), 4, "0"), F.lpad(month.cast("string"), 2, "0"), F.lpad(day.cast("string"), 2, "0")).try_cast(
        "date"
    )


def with_birth_date_set(customers: DataFrame, refs: References) -> DataFrame:
    """Set ``birth_date`` to what was read, then clean the contact columns."""
    return with_contact(customers.withColumn("birth_date", F.col("_birth_date").try_cast("date")), refs)


def with_contact(people: DataFrame, refs: References) -> DataFrame:  # noqa: ARG001
    """Phone, street, region and postal code by the rules of the row's country; NULL where they cannot be read."""
    cleaned = _by_distinct(people, "phone_e164", contact_values.phones)
    cleaned = _by_distinct(cleaned, "street", contact_values.streets)
    return cleaned.withColumns({"region": _region(), "postal_code": _postal_code()})


def _by_distinct(people: DataFrame, column: str, function: Callable[[pd.Series, pd.Series], pd.Series]) -> DataFrame:
    """Run a Python function over the column's distinct (country, text) only, and join the results back."""
    text, land, value = f"_text_{column}", f"_country_{column}", f"_value_{column}"
    values = people.select(F.col("country_code").alias(land), F.col(column).alias(text)).where(F.col(text).isNotNull()).distinct()
    # made here, not at import: whether it is Spark Connect's kind or the classic one depends on the session
    udf = pandas_udf(function, StringType())  # type: ignore[call-overload]
    done = values.withColumn(value, udf(text, land))
    same = F.col("country_code").eqNullSafe(F.col(land)) & (F.col(column) == F.col(text))
    return people.join(F.broadcast(done), same, "left").withColumn(column, F.col(value))


def _region() -> SparkColumn:
    """US: the two letters, also of a state that is spelt out; elsewhere the text with one capital a word."""
    upper = F.upper(F.trim(F.col("region")))
    states = F.create_map(*[F.lit(text) for text in chain.from_iterable(STATE_ABBREVIATIONS.items())])
    is_code = upper.isin(sorted(set(STATE_ABBREVIATIONS.values())))
    return F.when(F.col("country_code") == "US", F.when(is_code, upper).otherwise(F.try_element_at(states, upper))).otherwise(F.initcap("region"))


def _postal_code() -> SparkColumn:
    """The country's own form: of its own field, else of the end of the city's, where people write it too; NULL where neither has it.

    Countries whose form we do not know keep what their field has.
    """
    in_city = F.nullif(F.regexp_extract(F.upper(F.trim(F.col(f"{RAW}.city"))), POSTAL_CODE_IN_CITY, 1), F.lit(""))
    own = _formed(F.col("postal_code"))
    has_form = F.col("country_code").isin(list(POSTAL_CODES))
    return F.when(has_form, F.coalesce(own, _formed(in_city))).otherwise(own)


def _formed(code: SparkColumn) -> SparkColumn:
    text = F.upper(F.regexp_replace(F.trim(code), r"\s+", ""))
    british = F.regexp_replace(text, r"\A(.+)(\d[A-Z]{2})\z", "$1 $2")
    formed = F.when(F.col("country_code") == "GB", british).otherwise(text)
    wrong = [((F.col("country_code") == country) & ~formed.rlike(pattern), F.lit(None)) for country, pattern in POSTAL_CODES.items()]
    return first_match(wrong, formed)


TRANSFORMS: dict[str, Transform] = {
    "customers": Transform(prepare=with_birth_date, finish=with_birth_date_set),
    "crm_contacts": Transform(finish=with_contact),
}
