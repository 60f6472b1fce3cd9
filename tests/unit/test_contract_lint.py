"""The lint: what the standard does not ask and we do, each problem by its code and with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.contract_files import broken, draft, only, problems_of, write

MASKED = "customProperties: [{property: masking, value: redact}]"
RULE = (
    "quality:\n      - {name: extra, type: custom, engine: globalbev, severity: error, dimension: accuracy,"
    " implementation: {expression: %s, nulls: pass, action: quarantine, column: amount}}"
)


def test_a_rule_on_a_missing_column_is_rejected(tmp_path: Path) -> None:
    problem = only(broken(tmp_path, "quality:", RULE % "amuont >= 0"))
    assert (problem.code, problem.got, problem.valid) == ("GB-1032", "amuont", "do you mean amount?")
    assert problem.where.endswith("refunds.odcs.yaml: quality.extra.expression")


@pytest.mark.parametrize(
    ("old", "new", "code", "got"),
    [
        ("username: refunds@globalbev.example", "username: nobody", "GB-1026", "nobody"),
        ("primaryKey: true, primaryKeyPosition: 1, required: true, ", "", "GB-1027", ""),
        ("primaryKeyPosition: 1, required: true", "primaryKeyPosition: 1", "GB-1027", ""),
        ('  - {property: retention, value: 3, unit: "y"}\n', "", "GB-1028", ""),
        ('value: 3, unit: "y"', 'value: 0, unit: "y"', "GB-1028", ""),
        ("slaProperties:", "slaProperties:\n  - {property: due, value: 25:00}", "GB-1028", "25:00"),
        ("  - {property: erasure, value: The row is deleted by refund_id.}\n", "", "GB-1030", "email"),
        (MASKED, "deprecated: false", "GB-1031", ""),
        ("value: redact", "value: redcat", "GB-1031", "redcat"),
        ("classification: restricted", "classification: internal", "GB-1031", "internal"),
        ("quality:", RULE % "amount >= (0", "GB-1032", "a bracket is never closed"),
        ("quality:", RULE % "_raw.amuont is null", "GB-1032", "_raw.amuont"),
        ("column: amount", "column: amount", "GB-1032", "x"),
        ("table: bronze.refunds", "table: bronze.refnds", "GB-1033", "bronze.refnds"),
        ("customProperties:\n", "customProperties:\n  - {property: lookbackDays, value: -1}\n", "GB-1034", "-1"),
        ("customProperties:\n", "customProperties:\n  - {property: remindAfterHours, value: 0}\n", "GB-1034", "0"),
        ('physicalType: "decimal(18,4)"', 'physicalType: "decimal(48,4)"', "GB-1035", "decimal(48,4)"),
        ("metric: duplicate_keys", "metric: duplicates", "GB-1036", "duplicates"),
        ("metric: duplicate_keys", 'metric: "rule:unknown_thing"', "GB-1036", "unknown_thing"),
        ("metric: duplicate_keys", 'metric: "null_ratio:amuont"', "GB-1032", "amuont"),
        ("name: sku,", "name: sku, relationships: [{type: foreignKey, to: silver.products.skuu}],", "GB-1037", "silver.products.skuu"),
        ("name: sku,", "name: sku, transformSourceObjects: [silver.products.skuu],", "GB-1037", "silver.products.skuu"),
        ("{name: key_is_unique", "{name: nothing_unaccounted", "GB-1038", "nothing_unaccounted"),
        ('version: "1.0.0"', "version: latest", "GB-1040", "latest"),
        ("domain: sales\n", "", "GB-1040", ""),
        ("name: amount,", "name: amount, customProperties: [{property: onUnreadable, value: warn}],", "GB-1041", ""),
        ("name: sku,", "name: sku, customProperties: [{property: rawOf, value: amuont}],", "GB-1041", "amuont"),
        ("name: sku,", "name: sku, customProperties: [{property: clean, value: uper}],", "GB-1042", "uper"),
        ('description: "Amount, as the table shop.refunds has it."', 'description: ""', "GB-1043", ""),
        ("kind: by_key", "kind: by_day", "GB-1045", ""),
        ("name: sku,", "name: sku, customProperties: [{property: source, value: skuu}],", "GB-1045", "skuu"),
        ("name: sku,", "name: sku, logicalTypeOptions: {pattern: '[A-Z'},", "GB-1046", "[A-Z"),
        ("name: amount,", "name: amount, logicalTypeOptions: {minimum: 2, maximum: 1},", "GB-1046", "2 > 1"),
        ("metric: duplicate_keys, maximum: 0", "metric: duplicate_keys", "GB-1046", ""),
        ("table: bronze.refunds", "table: bronze.refunds, rowKey: [refnd_id]", "GB-1032", "refnd_id"),
        ("table: bronze.refunds", "table: bronze.refunds, dedupe: {columns: [sku]}", "GB-1023", "columns"),
    ],
)
def test_each_slip_has_a_code_and_names_what_was_got(tmp_path: Path, old: str, new: str, code: str, got: str) -> None:
    if got == "x":
        old, new = "quality:", (RULE % "amount > 0").replace("column: amount", "column: x")
    problems = broken(tmp_path, old, new)
    assert [(problem.code, problem.got) for problem in problems] == [(code, got)]
    assert "refunds.odcs.yaml" in problems[0].where
    assert str(problems[0]).startswith(f"{code} ")


def test_bronze_keeps_text(tmp_path: Path) -> None:
    assert (
        only(
            broken(
                tmp_path, "logicalType: string, physicalType: string, description", "logicalType: integer, physicalType: int, description", "bronze"
            )
        ).code
        == "GB-1035"
    )


def test_what_is_made_from_personal_data_is_personal_data(tmp_path: Path) -> None:
    """A column that reads a masked one would otherwise end the mask at the next layer."""
    problems = broken(tmp_path, "name: sku,", "name: sku, customProperties: [{property: source, value: email}],")
    assert [(problem.code, problem.got) for problem in problems] == [("GB-1031", "email")]


@pytest.mark.parametrize("made", ["{property: derive, value: lower(_raw.email)}", "{property: rawOf, value: email}"], ids=["raw", "rawOf"])
def test_what_keeps_or_reads_the_raw_text_of_personal_data_is_personal_data(tmp_path: Path, made: str) -> None:
    problems = broken(tmp_path, "name: sku,", f"name: sku, customProperties: [{made}],")
    assert ("GB-1031", "email") in [(problem.code, problem.got) for problem in problems]


def test_an_expression_may_only_use_what_stands_before_it(tmp_path: Path) -> None:
    problems = broken(tmp_path, "name: sku,", "name: sku, customProperties: [{property: derive, value: cast(amount as string)}],")
    assert [(problem.code, problem.got) for problem in problems] == [("GB-1032", "amount")]


def test_tables_in_a_circle_are_named(tmp_path: Path) -> None:
    for table, other in (("first", "second"), ("second", "first")):
        _, silver = write(tmp_path, draft(table))
        silver.write_text(
            silver.read_text().replace("customProperties:\n", f"customProperties:\n  - {{property: upstream, value: [silver.{other}]}}\n")
        )
    problem = only(problems_of(tmp_path))
    assert problem.code == "GB-1039"
    assert "silver.first" in problem.got
    assert "silver.second" in problem.got


def test_file_and_table_have_one_name(tmp_path: Path) -> None:
    _, silver = write(tmp_path, draft())
    silver.rename(silver.with_name("refund.odcs.yaml"))
    problem = only(problems_of(tmp_path))
    assert (problem.code, problem.got, problem.valid) == ("GB-1040", "refund.odcs.yaml", "refunds.odcs.yaml")
