"""The words that a contract may use and that code elsewhere gives their meaning: a misspelt one would silently do nothing."""

from __future__ import annotations

METRICS = frozenset({"rows_in", "published", "quarantined_ratio", "unaccounted", "duplicate_keys", "source_difference", "volume_ratio"})
METRICS_OF = frozenset({"null_ratio", "sum_difference", "rule"})
"""Metrics of a column or a rule: ``null_ratio:<column>``, ``sum_difference:<column>``, ``rule:<rule id>``."""

CLEANERS = frozenset(
    "upper lower title single_spaced flag code_flag order_status payment_status phone email date region postal_code street city person_name country".split()  # noqa: SIM905
) | {"day_first_date", "month_first_date", "epoch_time", "decimal_comma", "digit_groups"}

MASKS = {
    "redact": "three asterisks instead of the value",
    "sha256_salted": "a salted hash, the same for the same value, so that rows can still be joined",
    "year": "the first day of the date's year",
    "prefix3": "the first three characters",
}

DUPLICATE_KEY = "duplicate_key"
"""What every table calls a second row of a key in one read; no contract declares it."""
