"""Every row gets exactly one outcome, and which one does not depend on the order in which rows come."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from globalbev_assets.contracts.model import Rule
from globalbev_assets.transforms.registry import Transform
from globalbev_assets.transforms.silver import judged
from tests.spark.conftest import READ_AT
from tests.spark.small_contracts import contract

pytestmark = pytest.mark.spark

RULES = (Rule("amount_there", "not_null", "quarantine", "amount", passes_null=False),)
SCHEMA = (
    "id string, code string, amount string, state string, day string, updated_at string, "
    "_partition_date date, _source string, _source_position string, _is_replaced boolean"
)
Row = tuple[str, str | None, str, str, str, bool]
WORLD = st.lists(
    st.tuples(
        st.sampled_from("123"),
        st.sampled_from(["1", "2", None]),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["2026-06-01", "2026-06-02"]),
        st.sampled_from(["2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=9,
)


def outcomes(spark: SparkSession, kind: str, rows: list[tuple[int, Row]], held: dict[str, str] | None = None) -> dict[int, str]:
    """Outcome by position; a row's position is its own, whatever its place in the frame."""
    from datetime import date  # noqa: PLC0415

    listed = [
        (key, code, amount, "open", day, changed, date.fromisoformat(day), "shop.notes", str(place), replaced)
        for place, (key, amount, code, day, changed, replaced) in rows
    ]
    frame = spark.createDataFrame(listed, SCHEMA).withColumn("_ingested_at", F.lit(READ_AT))
    options = {"dedupe": {"columns": ["id", "amount"], "keep": "_source_position", "rule": "same_again"}} if kind == "by_day" else {}
    before = spark.createDataFrame([(int(key), version) for key, version in held.items()], "id long, _held_version string") if held else None
    found = judged(contract(kind, RULES, **options), frame, Transform(), {}, is_delivered=True, held=before)
    return {int(row["_source_position"]): row["_outcome"] for row in found.select("_source_position", "_outcome").collect()}


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(worlds=st.lists(WORLD, min_size=20, max_size=20), kind=st.sampled_from(["by_day", "by_key"]), seed=st.randoms(use_true_random=False))
def test_any_order_gives_the_same_winners(spark: SparkSession, worlds: list[list[Row]], kind: str, seed: Random) -> None:
    """Twenty small worlds an example, told apart by their keys, so that one job tries them all."""
    rows: list[Row] = [(f"{number}{row[0]}", *row[1:]) for number, world in enumerate(worlds, 1) for row in world]
    placed = list(enumerate(rows, 1))
    shuffled = placed[:]
    seed.shuffle(shuffled)
    first, second = outcomes(spark, kind, placed), outcomes(spark, kind, shuffled)
    assert first == second
    assert len(first) == len(rows)
    counted = Counter(first.values())
    assert set(counted) <= {"published", "quarantined", "deduplicated", "superseded"}
    assert counted["quarantined"] == sum(amount is None and not replaced for _, amount, _, _, _, replaced in rows)
    winners = [(rows[place - 1][0], rows[place - 1][3] if kind == "by_day" else "") for place, outcome in first.items() if outcome == "published"]
    good = {(row[0], row[3] if kind == "by_day" else "") for row in rows if row[1] is not None and not row[5]}
    if kind == "by_key":
        assert sorted(winners) == sorted(good)  # one row a key, and each key that has a good row has one
    else:
        assert set(winners) == good  # rows of one key and day that differ in nothing but their number are copies; of the others the newest stays
        assert len(winners) == len(good)


def test_the_latest_change_wins_then_the_highest_position(spark: SparkSession) -> None:
    old, new = "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z"
    rows: list[Row] = [
        ("1", "1", "a", "2026-06-01", new, False),
        ("1", "2", "a", "2026-06-01", old, False),
        ("2", "1", "a", "2026-06-01", old, False),
        ("2", "2", "a", "2026-06-01", old, False),
    ]
    assert outcomes(spark, "by_key", list(enumerate(rows, 1))) == {1: "published", 2: "deduplicated", 3: "deduplicated", 4: "published"}


def test_positions_are_numbers_not_texts(spark: SparkSession) -> None:
    row: Row = ("1", "1", "a", "2026-06-01", "2026-06-01T00:00:00Z", False)
    assert outcomes(spark, "by_key", [(9, row), (10, row)]) == {9: "deduplicated", 10: "published"}


def test_a_newer_version_in_the_table_supersedes(spark: SparkSession) -> None:
    row: Row = ("1", "1", "a", "2026-06-01", "2026-06-01T00:00:00Z", False)
    assert outcomes(spark, "by_key", [(1, row)], {"1": "2026-06-02|"}) == {1: "superseded"}
    assert outcomes(spark, "by_key", [(1, row)], {"1": "2026-05-31|"}) == {1: "published"}
    assert outcomes(spark, "by_key", [(1, row)], {"2": "2026-06-02|"}) == {1: "published"}


def test_a_copy_of_a_line_is_deduplicated_and_the_first_stays(spark: SparkSession) -> None:
    rows: list[Row] = [("1", "5", "a", "2026-06-01", "2026-06-01T00:00:00Z", False)] * 3
    assert outcomes(spark, "by_day", list(enumerate(rows, 1))) == {1: "published", 2: "deduplicated", 3: "deduplicated"}


def test_rows_of_a_replaced_file_are_superseded_also_when_they_are_bad(spark: SparkSession) -> None:
    rows: list[Row] = [("1", None, "a", "2026-06-01", "2026-06-01T00:00:00Z", True), ("1", "1", "a", "2026-06-01", "2026-06-01T00:00:00Z", False)]
    assert outcomes(spark, "by_key", list(enumerate(rows, 1))) == {1: "superseded", 2: "published"}


def test_of_two_full_reads_on_one_day_the_later_is_how_things_are(spark: SparkSession) -> None:
    """Both rows say the same of themselves and stand at the same place: the time of the reading is all that tells them apart."""
    from datetime import date, timedelta  # noqa: PLC0415

    changed = "2026-05-01T00:00:00Z"
    reads = [(date(2026, 6, 29), READ_AT, "1"), (date(2026, 6, 1), READ_AT + timedelta(hours=1), "2")]
    listed = [("1", "a", amount, "open", None, changed, day, "shop.notes", "7", False, read_at) for day, read_at, amount in reads]
    frame = spark.createDataFrame(listed, f"{SCHEMA}, _ingested_at timestamp")
    found = judged(contract("by_key", RULES), frame, Transform(), {}, is_delivered=False).select("amount", "_outcome").collect()
    assert {int(row["amount"]): row["_outcome"] for row in found} == {1: "superseded", 2: "published"}


def test_two_files_of_one_day_with_the_same_row_have_one_winner(spark: SparkSession) -> None:
    from datetime import date  # noqa: PLC0415

    listed = [("1", "a", "1", "open", None, "", date(2026, 6, 1), f"notes/2026-06-01/{name}.csv", "7", False) for name in ("b", "a", "c")]
    frame = spark.createDataFrame(listed, SCHEMA).withColumn("_ingested_at", F.lit(READ_AT))
    found = judged(contract("by_key", RULES), frame, Transform(), {}, is_delivered=True).select("_source", "_outcome").collect()
    assert [row["_source"][-5:] for row in found if row["_outcome"] == "published"] == ["c.csv"]
