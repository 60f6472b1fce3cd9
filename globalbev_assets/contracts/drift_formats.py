"""How a text is written, never what it says: the form of a date or a number, found by its shape alone.

A sample of values becomes counts by form, so that no value leaves the module that read it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

DOMINANT, LEAST_VALUES = 0.8, 3
_DATE_TIME = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(?:Z|[-+]\d{2}(?::?\d{2})?)?)?"
_ORDERED = re.compile(rf"(\d{{1,2}})([/.\-])(\d{{1,2}})\2(\d{{4}}|\d{{2}}){_DATE_TIME}\Z")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("epoch_milliseconds", re.compile(r"1\d{12}\Z")),
    ("epoch_seconds", re.compile(r"1\d{9}\Z")),
    ("compact_date", re.compile(r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\Z")),
    ("integer", re.compile(r"[-+]?\d+\Z")),
    ("decimal_point", re.compile(r"[-+]?(?:\d+\.\d*|\.\d+)(?:[eE][-+]?\d+)?\Z")),
    ("decimal_point_grouped", re.compile(r"[-+]?\d{1,3}(?:,\d{3})+\.\d+\Z")),
    ("decimal_comma_grouped", re.compile(r"[-+]?\d{1,3}(?:[. ]\d{3})+,\d+\Z")),
    ("comma_ambiguous", re.compile(r"[-+]?\d{1,3}(?:,\d{3})+\Z")),
    ("decimal_comma", re.compile(r"[-+]?\d*,\d+\Z")),
    ("with_currency", re.compile(r"[-+]?(?:[$€£]\s*[-+]?\d[\d.,]*|\d[\d.,]*\s*(?:[$€£]|[A-Z]{3}))\Z")),
    ("iso_date", re.compile(r"\d{4}-\d{1,2}-\d{1,2}\Z")),
    ("iso_time", re.compile(r"\d{4}-\d{1,2}-\d{1,2}[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?\Z")),
    ("iso_time_with_zone", re.compile(r"\d{4}-\d{1,2}-\d{1,2}[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s*(?:Z|[-+]\d{2}(?::?\d{2})?)\Z")),
    ("year_first_slashes", re.compile(rf"\d{{4}}[/.]\d{{1,2}}[/.]\d{{1,2}}{_DATE_TIME}\Z")),
    ("month_name", re.compile(rf"(?:\d{{1,2}}[ \-.]+{_MONTH}|{_MONTH}[ \-.]+\d{{1,2}},?)[ \-.,]+\d{{2,4}}{_DATE_TIME}\Z", re.IGNORECASE)),
    ("boolean", re.compile(r"(?:true|false|t|f|yes|no|y|n)\Z", re.IGNORECASE)),
    ("json_object", re.compile(r"\{.*\}\Z", re.DOTALL)),
    ("json_array", re.compile(r"\[.*\]\Z", re.DOTALL)),
)
DATES = frozenset(
    {"day_first", "month_first", "day_or_month_first", "iso_date", "iso_time", "iso_time_with_zone", "year_first_slashes", "month_name"}
    | {"compact_date", "epoch_seconds", "epoch_milliseconds"}
)
NUMBERS = frozenset({"decimal_point", "decimal_point_grouped", "decimal_comma", "decimal_comma_grouped", "comma_ambiguous", "with_currency"})
_WHOLE = frozenset({"integer", "epoch_seconds", "epoch_milliseconds", "compact_date"})
_ISO = frozenset({"iso_date", "iso_time", "iso_time_with_zone"})
_READABLE: dict[str, frozenset[str]] = {
    "whole": _WHOLE,
    "decimal": _WHOLE | {"decimal_point"},
    "date": _ISO,
    "timestamp": _ISO,
    "boolean": frozenset({"boolean", "integer"}),
}
# What a cleaner reads beside what its type reads without one.
_CLEANED: dict[str, frozenset[str]] = {
    "date": frozenset({"day_first", "month_first", "day_or_month_first"}),
    "day_first_date": frozenset({"day_first", "day_or_month_first"}),
    "month_first_date": frozenset({"month_first", "day_or_month_first"}),
    "epoch_time": frozenset({"epoch_seconds", "epoch_milliseconds"}),
    "decimal_comma": frozenset({"decimal_comma", "decimal_comma_grouped", "comma_ambiguous"}),
    "digit_groups": frozenset({"decimal_point_grouped", "comma_ambiguous"}),
}
CLEANER_OF: dict[tuple[str, str], str] = {
    ("date", "day_first"): "day_first_date", ("date", "month_first"): "month_first_date",
    ("timestamp", "day_first"): "day_first_date", ("timestamp", "month_first"): "month_first_date",
    ("timestamp", "epoch_seconds"): "epoch_time", ("timestamp", "epoch_milliseconds"): "epoch_time",
    ("date", "epoch_seconds"): "epoch_time", ("date", "epoch_milliseconds"): "epoch_time",
    ("decimal", "decimal_comma"): "decimal_comma", ("decimal", "decimal_comma_grouped"): "decimal_comma",
    ("decimal", "decimal_point_grouped"): "digit_groups",
}  # fmt: skip
"""The cleaner that reads a form for a kind of type; what has none is decided by hand."""


def form_of(text: str) -> str:
    """The form of one text; ``text`` for anything that is neither number, date, boolean nor JSON."""
    value = text.strip()
    ordered = _ORDERED.match(value)
    if ordered:
        return _order(int(ordered[1]), int(ordered[3]))
    return next((name for name, form in _FORMS if form.match(value)), "text")


def _order(first: int, second: int) -> str:
    if first > 12:
        return "day_first" if first <= 31 and second <= 12 else "text"
    if second > 12:
        return "month_first" if second <= 31 else "text"
    return "day_or_month_first"


def forms_of(values: Iterable[str | None]) -> dict[str, int]:
    """How many of the values have which form; empty ones are none."""
    counted = Counter(form_of(value) for value in values if value and value.strip())
    return dict(settled(counted))


def settled(counted: Mapping[str, int]) -> dict[str, int]:
    """The same counts, the ambiguous ones given to the form that alone can explain them: 03.04.2026 among 25.04.2026 has its day first."""
    found = dict(counted)
    for ambiguous, choices in (("day_or_month_first", ("day_first", "month_first")), ("comma_ambiguous", ("decimal_comma", "decimal_point_grouped"))):
        explained = [choice for choice in choices if found.get(choice)]
        if found.get(ambiguous) and len(explained) == 1:
            found[explained[0]] += found.pop(ambiguous)
    return found


def dominant(forms: Mapping[str, int]) -> str:
    """The form of four fifths of the values; empty where there are too few, or no such form."""
    total = sum(forms.values())
    name, count = max(forms.items(), key=lambda item: item[1], default=("", 0))
    return name if total >= LEAST_VALUES and count >= DOMINANT * total else ""


def readable_forms(type_kind: str, cleaner: str | None) -> frozenset[str] | None:
    """The forms that silver reads for a kind of type (whole, decimal, date, timestamp, boolean); None: every text will do."""
    if type_kind not in _READABLE:
        return None
    return _READABLE[type_kind] | _CLEANED.get(cleaner or "", frozenset())


def family_of(form: str) -> str:
    """Whether a form is one of a date or of a number, or of neither."""
    return "date" if form in DATES else "number" if form in NUMBERS or form in _WHOLE else ""
