"""A day's figures: what counts as the same content, and what does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from pyspark.sql import DataFrame, SparkSession

from resources.staging import DayFigures, figures
from tests.spark.small_contracts import contract

pytestmark = pytest.mark.spark

DAY = date(2026, 6, 1)
SCHEMA = (
    "id long, code string, amount decimal(18,4), state string, day date, _partition_date date, _source string, _source_position string, _outcome string, "
    "_errors array<struct<rule_id:string,severity:string,column:string>>, _warnings array<string>, _raw struct<document:string>"
)


def staged(spark: SparkSession, *rows: tuple[str, str, list[str]], document: str = "{}") -> DataFrame:
    """Rows by position, outcome and broken rules."""
    listed = [
        (1, "AB-1", None, "open", DAY, DAY, "notes.csv", place, outcome, [(rule, "error", "id") for rule in rules], [], (document,))
        for place, outcome, rules in rows
    ]
    return spark.createDataFrame(listed, SCHEMA)


def of_day(frame: DataFrame, **options: object) -> DayFigures:
    return figures(frame, contract(**options))[DAY]  # type: ignore[arg-type]


def test_other_rows_in_quarantine_are_other_content(spark: SparkSession) -> None:
    """As many rows, but others: the old ones would stay in quarantine, and the new ones would stand nowhere."""
    first = of_day(staged(spark, ("1", "published", []), ("2", "quarantined", ["code_form"])))
    same = of_day(staged(spark, ("2", "quarantined", ["code_form"]), ("1", "published", [])))
    other_row = of_day(staged(spark, ("1", "published", []), ("3", "quarantined", ["code_form"])))
    other_rule = of_day(staged(spark, ("1", "published", []), ("2", "quarantined", ["amount_range"])))
    assert first.content_hash == same.content_hash
    assert len({first.content_hash, other_row.content_hash, other_rule.content_hash}) == 3


def test_where_a_row_becomes_several_its_document_is_the_content(spark: SparkSession) -> None:
    """The table's columns are made after the figures, so they say nothing yet."""
    old, new = (staged(spark, ("1", "published", []), document=text) for text in ('{"sugars": "10"}', '{"sugars": "11"}'))
    options = {"kind": "by_key", "row_key": ["code"]}
    assert of_day(old, **options).content_hash != of_day(new, **options).content_hash
    assert of_day(old).content_hash == of_day(new).content_hash
    assert replace(of_day(old), content_hash="") == replace(of_day(new), content_hash="")
