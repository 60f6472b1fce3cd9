"""Package sizes and nutrition documents."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from pyspark.sql import SparkSession

from globalbev_assets.transforms.catalog import one_row_a_nutrient, with_nutrients, with_package
from tests.spark.conftest import bronze

pytestmark = pytest.mark.spark

SIZES = {
    "12/12 OZ": (12, "354.8820"),
    "12 PK/12 OZ": (12, "354.8820"),
    "30 PK 12 OZ": (30, "354.8820"),
    "6 PK/.5 L": (6, "500.0000"),
    "6x330ml": (6, "330.0000"),
    "4/187 ML": (4, "187.0000"),
    "2 LTR": (1, "2000.0000"),
    "500ml": (1, "500.0000"),
    ".5 L": (1, "500.0000"),
    "1 GA": (1, "3785.4118"),
    "16.9 fl. oz": (1, "499.7922"),
    "1/2 GAL": (1, "1892.7059"),
    "3/4 L": (1, "750.0000"),
    "3/8 OZ": (3, "236.5880"),
    "6pk": (6, None),
    "20 CT": (20, None),
    "2 LB": (None, None),
    "ABC": (None, None),
    "": (None, None),
    None: (None, None),
}


def test_a_package_is_read_as_a_person_reads_it(spark: SparkSession) -> None:
    found = with_package(bronze(spark, "package_size", *[(size,) for size in SIZES]), {}).collect()
    assert {
        row["package_size"]: (row["_unit_count"], str(row["_unit_volume_ml"]) if row["_unit_volume_ml"] is not None else None) for row in found
    } == SIZES


def document(sku: str, **nutrition: object) -> tuple[str, str]:
    return (sku, json.dumps({"sku": sku, "nutrition": nutrition}))


def test_both_shapes_of_a_nutrition_document_become_the_same_rows(spark: SparkSession) -> None:
    frame = bronze(
        spark,
        "sku document",
        document("old", basis="per_100ml", nutriments={"energy-kj_100g": 180, "sugars_100g": "10.6", "sugars_unit": "g", "note": "x"}),
        document(
            "new",
            basis="per_100ml",
            aggregated_set={"nutrients": {"energy": {"value": 180, "unit": "kJ", "modifier": None}, "sugars": {"value": "10.6", "unit": "g"}}},
        ),
        document("kcal", basis="per_serving", nutriments={"energy-kcal_100g": "10"}),
        document("both", basis="per_100ml", nutriments={"energy-kcal_100g": "10", "energy-kj_100g": "42"}),
    )
    rows = one_row_a_nutrient(with_nutrients(frame, {})).collect()
    found = {(row["sku"], row["nutrient"]): (row["value"], row["unit"], row["value_per_100ml"]) for row in rows}
    energy, sugars = (Decimal("180.0000"), "kJ", Decimal("180.0000")), (Decimal("10.6000"), "g", Decimal("10.6000"))
    assert found == {
        ("old", "energy"): energy,
        ("old", "sugars"): sugars,
        ("new", "energy"): energy,
        ("new", "sugars"): sugars,
        ("kcal", "energy"): (Decimal("41.8400"), "kJ", None),
        ("both", "energy"): (Decimal("42.0000"), "kJ", Decimal("42.0000")),
    }


def test_a_value_that_is_no_number_is_told_and_an_empty_document_too(spark: SparkSession) -> None:
    frame = bronze(spark, "sku document", document("bad", nutriments={"sugars_100g": "lots"}), document("none"), ("broken", "{"))
    found = {row["sku"]: (row["_value_unreadable"], row["_has_nutrients"]) for row in with_nutrients(frame, {}).collect()}
    assert found == {"bad": (True, True), "none": (False, False), "broken": (False, False)}
