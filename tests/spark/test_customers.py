"""Dates of birth without guessing, and the contact values that Python libraries read."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pyspark import cloudpickle
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from globalbev_assets.transforms import contact_values
from globalbev_assets.transforms.customers import with_birth_date, with_contact
from tests.spark.conftest import bronze

pytestmark = pytest.mark.spark

WORKER = """
import pickle, sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("globalbev_assets", "resources"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Nothing())
import pandas as pd
print(pickle.loads(bytes.fromhex(sys.argv[1]))(pd.Series([sys.argv[2]]), pd.Series(["US"]))[0])
"""
DATES = {
    "1985-04-03": ("1985-04-03", "ok"),
    "03/04/1985": (None, "ambiguous"),
    "04/04/1985": ("1985-04-04", "ok"),
    "13/04/1985": ("1985-04-13", "ok"),
    "04/13/1985": ("1985-04-13", "ok"),
    "13.04.1985": ("1985-04-13", "ok"),
    "13/04/85": ("1985-04-13", "ok"),
    "13/04/20": ("1920-04-13", "ok"),
    "13/04/05": ("2005-04-13", "ok"),
    "31/31/1985": (None, "unreadable"),
    "1985-02-30": (None, "unreadable"),
    "soon": (None, "unreadable"),
    "": (None, "missing"),
    None: (None, "missing"),
}


def test_a_date_of_birth_is_read_or_said_to_be_ambiguous(spark: SparkSession) -> None:
    """Read in 2026: '20 can only be 1920 (six years old is no customer), '05 only 2005 (121 years is nobody)."""
    found = with_birth_date(bronze(spark, "birth_date", *[(text,) for text in DATES]), {}).collect()
    assert {row["birth_date"]: (row["_birth_date"], row["_birth_date_status"]) for row in found} == DATES


def test_phone_street_region_and_postcode_by_the_rules_of_the_country(spark: SparkSession) -> None:
    columns = "phone_e164 street region postal_code country_code"
    people = bronze(
        spark,
        columns,
        ("(614) 555-0123 ext. 9", "12 north main street apartment 4", "ohio", "43004", "US"),
        ("1-614-555-0123", "12 N MAIN ST", "oh", "4300", "US"),
        ("+44 20 7946 0958", "10 DOWNING STREET", "greater london", "sw1a1aa", "GB"),
        ("12345", None, "Nowhere", None, "US"),
        (None, "rue de l'eglise 3", "ile", "75001", "FR"),
    ).withColumn("_raw", F.struct(F.lit("Somewhere").alias("city")))
    rows = with_contact(people, {}).orderBy("_source_position").collect()
    assert [tuple(row[name] for name in columns.split()) for row in rows] == [
        ("+16145550123", "12 N Main St Apt 4", "OH", "43004", "US"),
        ("+16145550123", "12 N Main St", "OH", None, "US"),
        ("+442079460958", "10 Downing Street", "Greater London", "SW1A 1AA", "GB"),
        (None, None, None, None, "US"),
        (None, "Rue De L'eglise 3", "Ile", "75001", "FR"),
    ]


def test_a_postcode_that_stands_in_the_citys_field_is_found_there_unless_its_own_field_has_one(spark: SparkSession) -> None:
    columns = "phone_e164 street region postal_code country_code city"
    cases = [
        ("Columbus 43215", None, "US", "43215"),
        ("columbus 43215-1234", "Columbus", "US", "43215-1234"),
        ("43215", "Columbus", "US", "43215"),
        ("Columbus 43215", "43004", "US", "43004"),
        ("London sw1a 1aa", "London", "GB", "SW1A 1AA"),
        ("Area 51", "", "US", None),
        ("Paris 75001", None, "FR", None),
        (None, "n/a", "US", None),
    ]
    people = bronze(spark, columns, *[(None, None, None, code, country, city) for city, code, country, _ in cases])
    found = with_contact(people.withColumn("_raw", F.struct("city")), {}).orderBy("_source_position").collect()
    assert [row["postal_code"] for row in found] == [expected for *_, expected in cases]


def test_what_runs_in_a_worker_is_carried_there_whole() -> None:
    """A cluster's workers cannot import this project: what is pickled for them has to be read where it is not."""
    for function, text, expected in (
        (contact_values.phones, "(614) 555-0123", "+16145550123"),
        (contact_values.streets, "1 main street", "1 Main St"),
    ):
        sent = cloudpickle.dumps(function).hex()
        done = subprocess.run([sys.executable, "-I", "-c", WORKER, sent, text], capture_output=True, text=True, check=False)
        assert (done.stdout.strip(), done.returncode) == (expected, 0), done.stderr[-500:]
