"""Row rules as one Spark expression, and the pandera model of the same contract."""

from __future__ import annotations

import pytest
from pyspark.sql import DataFrame, SparkSession

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.transforms.registry import Transform
from globalbev_assets.transforms.silver import judged
from tests.spark.conftest import bronze
from tests.spark.small_contracts import contract

pytestmark = pytest.mark.spark
COLUMNS = "id code amount state day"
GOOD = ("1", "AB-1", "1.5", "open", "2026-06-01")


def judge(spark: SparkSession, *rows: tuple[str | None, ...]) -> list[tuple[str, set[str], set[str]]]:
    """Outcome, broken rules and warnings of each row, in their order."""
    frame = judged(contract(), bronze(spark, COLUMNS, *rows), Transform(), {}, is_delivered=True)
    found = {
        int(row["_source_position"]): (row["_outcome"], {error["rule_id"] for error in row["_errors"]}, set(row["_warnings"]))
        for row in frame.collect()
    }
    return [found[place] for place in sorted(found)]


def with_(**values: str | None) -> tuple[str | None, ...]:
    return tuple((dict(zip(COLUMNS.split(), GOOD, strict=True)) | values).values())


def test_each_rule_says_what_null_means(spark: SparkSession) -> None:
    """Range, pattern and type let a missing value pass unless the contract says otherwise; length and accepted values here do not."""
    found = judge(
        spark,
        GOOD,
        with_(id="2", amount=None),
        with_(id="3", code=None),
        with_(id="4", state=None),
        with_(id="5", state=None, amount=None),
        with_(id=None),
        with_(id="6", state="closed", amount=None),
        with_(id="7", day=None),
        with_(id="8", amount="  "),
    )
    assert found == [
        ("published", set(), set()),
        ("published", set(), set()),
        ("quarantined", {"code_there"}, set()),
        ("published", set(), {"state_known"}),
        ("quarantined", {"closed_has_amount"}, {"state_known"}),
        ("quarantined", {"id_missing"}, set()),
        ("quarantined", {"closed_has_amount"}, set()),
        ("published", set(), set()),
        ("published", set(), set()),
    ]


def test_a_text_that_cannot_be_cast_breaks_the_type_rule_and_never_the_job(spark: SparkSession) -> None:
    found = judge(
        spark, with_(id="1", amount="n/a"), with_(id="2", amount="1,5"), with_(id="3", day="31/31/2026"), with_(id="4", amount=" 2.5 "), with_(id="x")
    )
    assert [outcome for outcome, _, _ in found] == ["quarantined", "quarantined", "published", "published", "quarantined"]
    assert [errors for _, errors, _ in found] == [{"type:amount"}, {"type:amount"}, set(), set(), {"id_missing"}]
    assert [warnings for _, _, warnings in found] == [set(), set(), {"type:day"}, set(), set()]


def test_a_pattern_is_about_the_whole_value(spark: SparkSession) -> None:
    r"""``$`` would let a trailing line break pass; a line in the middle and what stands before or behind do not pass either."""
    texts = ("AB-1", "AB-1\nX", "xAB-1", "AB-1x", "ab-1", "AB-12")
    found = judge(spark, *[with_(id=str(place), code=text) for place, text in enumerate(texts)])
    assert ["code_form" in errors for _, errors, _ in found] == [False, True, True, True, True, False]
    from globalbev_assets.transforms.rules import anchored  # noqa: PLC0415

    lines = spark.createDataFrame([("AB-1\n",), ("AB-1",), ("AB-1\r\n",), ("AB-1\u2028",)], "code string")
    assert [row[0] for row in lines.select(lines.code.rlike(anchored("^[A-Z]{2}-\\d+$"))).collect()] == [False, True, False, False]


def test_a_row_names_every_rule_that_it_breaks(spark: SparkSession) -> None:
    assert judge(spark, ("1", "a", "101", "gone", "x")) == [("quarantined", {"code_form", "code_there", "amount_range"}, {"state_known", "type:day"})]


def test_pandera_and_the_gate_reject_the_same_rows(spark: SparkSession) -> None:
    """pandera lets NULL pass in every check, so the rules about missing values are the gate's and ``nullable``'s."""
    from globalbev_assets.transforms.pandera_model import pandera_schema  # noqa: PLC0415

    schema = pandera_schema(contract(rules=tuple(rule for rule in contract().rules if rule.kind in ("pattern", "range", "length"))))
    good = [GOOD, with_(id="2", amount=None), with_(id="3", code="AB-123")]
    bad = [with_(id="4", code="AB-1\nX"), with_(id="5", code="x"), with_(id="6", amount="-1"), with_(id="7", amount="100.0001")]
    for rows, broken in ((good, set()), (bad, {"code_form", "code_there", "amount_range"})):
        typed = spark.createDataFrame(rows, "id string, code string, amount string, state string, day string")
        frame = typed.selectExpr("cast(id as bigint) id", "code", "cast(amount as decimal(18,4)) amount", "state", "cast(day as date) day")
        ours = set[str]().union(*[errors for _, errors, _ in judge(spark, *rows)])
        assert _rejected_by_pandera(schema, frame) == ours == broken


def _rejected_by_pandera(schema: object, frame: DataFrame) -> set[str]:
    errors = schema.validate(frame).pandera.errors  # type: ignore[attr-defined]
    listed = [line for kind in dict(errors).get("DATA", {}).values() for line in kind]
    return {line["check"] for line in listed}


def test_every_packaged_contract_has_a_pandera_schema(book: ContractBook) -> None:
    from globalbev_assets.transforms.pandera_model import pandera_schema  # noqa: PLC0415

    for name in book:
        schema = pandera_schema(book[name])
        assert set(schema.columns) == {column.name for column in book[name].business_columns}
