"""Products, their package sizes and their nutrition."""

from __future__ import annotations

from itertools import chain

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from globalbev_assets.transforms.registry import References, Transform

VOLUME = "decimal(18,4)"
MILLILITRES = {
    **dict.fromkeys(("ml", "mls"), "1"),
    "cl": "10",
    "dl": "100",
    **dict.fromkeys(("l", "lt", "ltr", "lit", "liter", "litre"), "1000"),
    **dict.fromkeys(("oz", "floz", "foz", "z"), "29.5735"),
    "pt": "473.1765",
    "qt": "946.3529",
    **dict.fromkeys(("ga", "gal", "gl"), "3785.4118"),
}
COUNT_UNITS = ("pk", "pack", "ct", "count", "pc", "ea", "each")
_MULTIPLE = r"^(\d+)\s*(?:(?:pk|pack|ct)\s*[/x]?|[/x])\s*(\d+(?:\.\d+)?|\.\d+)\s*([a-z][a-z\. ]*)$"
_FRACTION = r"^([1-3])\s*/\s*([2-4])\s*(l|lt|ltr|liter|litre|pt|qt|ga|gal)$"
_SINGLE = r"^(\d+(?:\.\d+)?|\.\d+)\s*([a-z][a-z\. ]*)$"

ENERGY_UNITS = {"energy-kj": "kJ", "energy-kcal": "kcal", "energy": "kJ"}
NUTRITION_SCHEMA = (
    "sku string, nutrition struct<basis:string, nutriments:map<string,string>, "
    "aggregated_set:struct<nutrients:map<string,struct<value:string,unit:string,modifier:string>>>>"
)


def with_package(products: DataFrame, refs: References) -> DataFrame:  # noqa: ARG001  every prepare step takes the references
    """Read ``package_size`` into ``_unit_count`` and ``_unit_volume_ml``; NULL where the text says neither.

    ``12/12 OZ`` and ``12 PK/12 OZ`` are twelve of 12 fl oz; ``1/2 GAL`` is half a gallon, not one of two gallons.
    """
    text = F.lower(F.trim(F.col("package_size")))
    count, size, unit = (F.regexp_extract(text, _MULTIPLE, group) for group in (1, 2, 3))
    single_size, single_unit = (F.regexp_extract(text, _SINGLE, group) for group in (1, 2))
    part, whole, whole_unit = (F.regexp_extract(text, _FRACTION, group) for group in (1, 2, 3))
    is_fraction = part < whole
    is_count = _plain(single_unit).isin(list(COUNT_UNITS))
    unit_count = (
        F.when(is_fraction, F.lit(1))
        .when(count != "", count.try_cast("int"))
        .when(is_count, single_size.try_cast("int"))
        .when(_factor(single_unit).isNotNull(), F.lit(1))
    )
    fraction = F.when(is_fraction, part.try_cast(VOLUME) * _factor(whole_unit) / whole.try_cast(VOLUME))
    volume = F.coalesce(fraction, size.try_cast(VOLUME) * _factor(unit), single_size.try_cast(VOLUME) * _factor(single_unit))
    return products.withColumn("_unit_count", unit_count).withColumn("_unit_volume_ml", volume.try_cast(VOLUME))


def _plain(unit: SparkColumn) -> SparkColumn:
    return F.regexp_replace(unit, r"[\. ]", "")


def _factor(unit: SparkColumn) -> SparkColumn:
    factors = F.create_map(*[F.lit(text) for text in chain.from_iterable(MILLILITRES.items())])
    return F.try_element_at(factors, _plain(unit)).cast(VOLUME)


def with_nutrients(documents: DataFrame, refs: References) -> DataFrame:  # noqa: ARG001
    """Parse a document of either shape into ``_nutrients``: an array of ``(nutrient, basis, raw, value, unit)``.

    Older documents hold ``nutriments{"sugars_100g": "10.6"}`` and the unit, if any, under ``sugars_unit``; newer ones
    ``aggregated_set.nutrients{"sugars": {value, unit, modifier}}``. ``_value_unreadable`` is true where any value is no number.
    """
    parsed = documents.withColumn("_document", F.from_json("document", NUTRITION_SCHEMA))
    basis = F.coalesce(F.lower(F.col("_document.nutrition.basis")), F.lit("per_100ml"))
    newer = F.transform(
        F.map_entries("_document.nutrition.aggregated_set.nutrients"),
        lambda entry: _nutrient(entry["key"], basis, entry["value"]["value"], entry["value"]["unit"]),
    )
    older_values = F.map_filter("_document.nutrition.nutriments", lambda key, _: key.rlike(r"_(100g|100ml)\z"))
    older = F.transform(
        F.map_entries(older_values),
        lambda entry: _nutrient(F.regexp_replace(entry["key"], r"_(100g|100ml)$", ""), basis, entry["value"], _older_unit(entry["key"])),
    )
    nutrients = F.coalesce(newer, older, F.array().cast("array<struct<nutrient:string,basis:string,raw:string,value:decimal(18,4),unit:string>>"))
    with_all = parsed.withColumn("_nutrients", nutrients)
    unreadable = F.exists("_nutrients", lambda item: item["raw"].isNotNull() & item["value"].isNull())
    return with_all.withColumn("_value_unreadable", unreadable).withColumn("_has_nutrients", F.size("_nutrients") > 0).drop("_document")


def _older_unit(key: SparkColumn) -> SparkColumn:
    return F.element_at(F.col("_document.nutrition.nutriments"), F.regexp_replace(key, r"_(100g|100ml)$", "_unit"))


def _nutrient(name: SparkColumn, basis: SparkColumn, raw: SparkColumn, unit: SparkColumn) -> SparkColumn:
    """One nutrient under its common name: ``energy-kj`` and ``energy`` (kJ) are one, ``energy-kcal`` is converted to kJ (4.184)."""
    lower = F.lower(F.trim(name))
    is_energy = lower.isin(list(ENERGY_UNITS))
    is_kcal = (lower == "energy-kcal") | (is_energy & (F.lower(unit) == "kcal"))
    number = F.trim(raw).try_cast(VOLUME)
    value = F.when(is_kcal, (number * F.lit("4.184").cast("decimal(6,3)")).cast(VOLUME)).otherwise(number)
    common = F.when(is_kcal & (lower == "energy-kcal"), F.lit("energy-from-kcal")).when(is_energy, F.lit("energy")).otherwise(lower)
    shown = F.when(is_energy, F.lit("kJ")).otherwise(F.coalesce(unit, F.lit("g")))
    return F.struct(common.alias("nutrient"), basis.alias("basis"), F.trim(raw).alias("raw"), value.alias("value"), shown.alias("unit"))


def one_row_a_nutrient(documents: DataFrame) -> DataFrame:
    """Explode published documents: ``nutrient, basis, value, unit, value_per_100ml``; two names of one nutrient keep the first.

    ``energy-from-kcal`` serves as ``energy`` where a document has no figure in kJ.
    """
    has_kilojoules = F.exists("_nutrients", lambda item: item["nutrient"] == "energy")
    usable = F.filter("_nutrients", lambda item: item["value"].isNotNull() & ~((item["nutrient"] == "energy-from-kcal") & has_kilojoules))
    rows = documents.select("*", F.posexplode(usable).alias("_place", "_item")).drop("_nutrients")
    per_100ml = F.when(F.col("_item.basis").isin("per_100ml", "per_100g", "100ml", "100g"), F.col("_item.value"))
    named = F.when(F.col("_item.nutrient") == "energy-from-kcal", "energy").otherwise(F.col("_item.nutrient"))
    return (
        rows.withColumn("nutrient", named)
        .withColumn("basis", F.col("_item.basis"))
        .withColumn("value", F.col("_item.value"))
        .withColumn("unit", F.col("_item.unit"))
        .withColumn("value_per_100ml", per_100ml.cast(VOLUME))
        .withColumn("_first", F.min("_place").over(Window.partitionBy("sku", "nutrient")))
        .where("_place = _first")
        .drop("_place", "_first")
    )


TRANSFORMS: dict[str, Transform] = {
    "products": Transform(prepare=with_package),
    "nutrition": Transform(prepare=with_nutrients, output=one_row_a_nutrient),
}
