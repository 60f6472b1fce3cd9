"""The generated functions executed: what they show of a value is what the local SQL prompt shows, and who may see it is asked in the right place."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import duckdb
import pytest
from pyspark.errors import ParseException
from pyspark.sql import SparkSession

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.governance.masks import MASKS, filter_functions, guarded_function, mask_function
from globalbev_assets.governance.principals import Groups
from globalbev_assets.governance.scripts import HEAD, unity_scripts
from globalbev_assets.governance.sql import Sql, column
from globalbev_assets.operations.lake_masks import add_hash_function, masked

GROUPS, SALT = Groups("globalbev_dev"), "0123456789abcdef"
TEXTS = (None, "", "a", "ab", "jane.doe@example.com", "+16145550123", "Zürich ☃ 漢字", "it's \\ `quoted`", " 12 ")
DATES = (None, date(1984, 7, 31), date(2000, 1, 1), date(1999, 12, 31), date(1582, 10, 20))
TIMES = (None, datetime(1984, 7, 31, 23, 59, 59), datetime(2000, 1, 1))  # noqa: DTZ001  Spark takes and gives them so
CASES = [("redact", "redact", TEXTS), ("sha256_salted", "sha256_salted", TEXTS), ("prefix3", "prefix3", TEXTS),
         ("year", "year_date", DATES), ("year", "year_timestamp", TIMES)]  # fmt: skip
# Databricks' own; Spark's parser knows none of these.
ONLY_DATABRICKS = ("SET TAGS", "CREATE OR REPLACE POLICY", "GRANT ", "DROP PRIMARY KEY")


@pytest.fixture
def here(spark: SparkSession) -> Iterator[SparkSession]:
    """The session with what a workspace has: a salt, a list of markets, and a look at the reader's groups (a temporary function each)."""
    spark.sql(f"CREATE OR REPLACE TEMPORARY VIEW mask_salt AS SELECT '{SALT}' AS salt")
    spark.sql("CREATE OR REPLACE TEMPORARY VIEW market_access AS SELECT current_user() AS principal, 'US-1' AS market_id")
    in_groups(spark)
    names = column
    for statement in (*(mask_function(mask, names) for mask in MASKS.values()), *(guarded_function(mask, names, GROUPS) for mask in MASKS.values()),
                      *filter_functions(names, GROUPS)):  # fmt: skip
        spark.sql(temporary(statement))
    yield spark
    for view in ("mask_salt", "market_access"):
        spark.catalog.dropTempView(view)


def temporary(statement: Sql) -> str:
    """The generated statement as it is, but for a function of the session."""
    text = str(statement)
    assert text.startswith("CREATE OR REPLACE FUNCTION ")
    return text.replace("CREATE OR REPLACE FUNCTION ", "CREATE OR REPLACE TEMPORARY FUNCTION ", 1)


def in_groups(spark: SparkSession, *names: str) -> None:
    """Let the reader be a member of these groups."""
    listed = ", ".join(f"'{name}'" for name in names) or "''"
    spark.sql(f"CREATE OR REPLACE TEMPORARY FUNCTION is_account_group_member(name STRING) RETURNS BOOLEAN RETURN name IN ({listed})")


def shown(spark: SparkSession, function: str, values: tuple[Any, ...]) -> list[Any]:
    kind = {"year_date": "date", "year_timestamp": "timestamp"}.get(function.partition("_")[2], "string")
    frame = spark.createDataFrame(list(enumerate(values)), f"n int, v {kind}")
    return [row[1] for row in sorted(frame.selectExpr("n", f"{function}(v) as shown").collect())]


def locally(mask: str, values: tuple[Any, ...]) -> list[Any]:
    """What ``globalbev sql`` shows of them."""
    first = next((value for value in values if value is not None), "")
    kind = {date: "DATE", datetime: "TIMESTAMP"}.get(type(first), "VARCHAR")
    connection = duckdb.connect()
    add_hash_function(connection, SALT)
    connection.execute(f"CREATE TABLE t (n INTEGER, v {kind})")
    connection.executemany("INSERT INTO t VALUES (?, ?)", list(enumerate(values)))
    relation = connection.table("t").select(duckdb.ColumnExpression("n"), masked("v", kind, mask))
    return [row[1] for row in sorted(relation.fetchall())]


@pytest.mark.parametrize(("mask", "function", "values"), CASES)
def test_a_value_is_masked_as_the_local_prompt_masks_it(here: SparkSession, mask: str, function: str, values: tuple[Any, ...]) -> None:
    expected = locally(mask, values)
    assert shown(here, f"mask_{function}", values) == expected
    assert shown(here, f"guarded_{function}", values) == expected
    assert expected != list(values)


@pytest.mark.parametrize("role", ["pii-readers", "etl"])
def test_who_may_see_it_sees_it(here: SparkSession, role: str) -> None:
    in_groups(here, GROUPS.role(role))
    define_guarded(here)
    for _, function, values in CASES:
        assert shown(here, f"guarded_{function}", values) == list(values)


@pytest.mark.parametrize("others", ["globalbev-prod-pii-readers", "globalbev-dev-analysts"])
def test_another_group_sees_the_mask(here: SparkSession, others: str) -> None:
    in_groups(here, others)
    define_guarded(here)
    assert shown(here, "guarded_redact", ("secret", None)) == ["***", None]


def test_without_a_salt_nothing_is_shown(here: SparkSession) -> None:
    here.sql("CREATE OR REPLACE TEMPORARY VIEW mask_salt AS SELECT cast(null as string) AS salt WHERE false")
    here.sql(temporary(mask_function(MASKS["sha256_salted"], column)))
    assert shown(here, "mask_sha256_salted", ("secret", None)) == [None, None]


def test_rows_of_other_markets_are_hidden(here: SparkSession) -> None:
    markets = here.createDataFrame([("US-1",), ("US-2",), (None,)], "market_id string")
    assert [row[0] for row in markets.where("row_of_market(market_id)").collect()] == ["US-1"]
    assert [row[0] for row in markets.where("guarded_row_of_market(market_id)").collect()] == ["US-1"]
    in_groups(here, GROUPS.role("all-markets"))
    define_guarded(here)
    assert markets.where("guarded_row_of_market(market_id)").count() == 3


def define_guarded(spark: SparkSession) -> None:
    """A function keeps the shim that it was made with."""
    for mask in MASKS.values():
        spark.sql(temporary(guarded_function(mask, column, GROUPS)))
    for statement in filter_functions(column, GROUPS):
        spark.sql(temporary(statement))


def test_sparks_parser_takes_all_that_is_not_databricks_own(spark: SparkSession, book: ContractBook) -> None:
    parser: Any = spark._jsparkSession.sessionState().sqlParser()  # type: ignore[attr-defined]
    statements = [one for body in unity_scripts(book, "globalbev_dev").values() for one in body.removeprefix(HEAD).split(";\n") if one.strip()]
    taken = [one for one in statements if not any(words in one for words in ONLY_DATABRICKS)]
    refused = []
    for statement in taken:
        try:
            parser.parsePlan(statement)
        except ParseException as error:
            refused.append(f"{statement[:120]}: {error}")
    assert refused == []
    assert len(taken) > 150
