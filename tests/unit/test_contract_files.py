"""Contract files: what is read, what is refused and how that is said, what is remembered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globalbev_assets.contracts import validation
from globalbev_assets.contracts.documents import load_document
from globalbev_assets.contracts.form import parse_contract
from globalbev_assets.contracts.lint import contract_problems
from globalbev_assets.contracts.loader import PACKAGED, PATTERN, load_contracts, read_contracts
from globalbev_assets.contracts.problems import ProblemError, raise_problems
from globalbev_assets.contracts.validation import ValidationCache
from globalbev_assets.errors import TerminalError
from tests.unit.contract_files import broken, draft, load, only, packaged, problems_of, seen, write


def test_packaged_contracts_are_all_in_order() -> None:
    assert len(packaged()) == len(list(PACKAGED.rglob(PATTERN)))


def test_misspelt_classification_is_rejected_with_the_right_word(tmp_path: Path) -> None:
    """The standard's own Python model reads it as no classification at all: an unmasked column."""
    problem = only(broken(tmp_path, "classification: restricted", "classificaton: restricted"))
    assert (problem.code, problem.got, problem.valid) == ("GB-1021", "classificaton", "do you mean classification?")
    assert problem.where.endswith("silver/refunds.odcs.yaml: schema.refunds.properties.email")


@pytest.mark.parametrize(
    ("old", "new", "code", "got", "valid"),
    [
        ("property: masking", "property: maskin", "GB-1022", "maskin", "do you mean masking?"),
        ("property: business", "property: busines", "GB-1022", "busines", "do you mean business?"),
        ("metric: unaccounted, minimum: 0", "metric: unaccounted, minimun: 0", "GB-1022", "minimun", "do you mean minimum?"),
        ("kind: by_key, table:", "kind: by_key, tabel: x, table:", "GB-1022", "tabel", "do you mean table?"),
        ("kind: by_key", "kind: bykey", "GB-1023", "'bykey'", "database, file_feed, json_api, by_day, by_key, aggregate"),
        ("logicalType: integer", "logicalType: integr", "GB-1021", "'integr' is not one of", ""),
        ("blocking: true", "blocking: perhaps", "GB-1023", "'perhaps'", "true, false"),
        ("value: 30, unit: h", "value: 30, unit: fortnights", "GB-1023", "30 fortnights", "a whole number of h, hours, d, days"),
        ("metric: unaccounted, minimum: 0", "metric: unaccounted, minimum: none", "GB-1023", "'none'", ""),
        ("physicalName: silver.refunds", "physicalName: silvr.refunds", "GB-1023", "'silvr'", "bronze, silver, gold, quarantine, ops"),
        ("physicalName: silver.refunds", "physicalName: silver.Refunds", "GB-1023", "'Refunds'", "lower-case letters"),
        ("engine: globalbev", "engine: soda", "GB-1023", "custom", ""),
    ],
)
def test_a_slip_is_named_with_what_would_be_right(tmp_path: Path, old: str, new: str, code: str, got: str, valid: str) -> None:
    problem = only(broken(tmp_path, old, new))
    assert problem.code == code
    assert problem.got.startswith(got)
    assert problem.valid.startswith(valid)
    assert "refunds.odcs.yaml" in problem.where


def test_missing_version_is_named(tmp_path: Path) -> None:
    assert "'version' is a required property" in only(broken(tmp_path, 'version: "1.0.0"\n', "")).valid


def test_all_files_are_looked_at_before_anything_is_said(tmp_path: Path) -> None:
    bronze, silver = write(tmp_path, draft())
    bronze.write_text(bronze.read_text().replace("status: draft", "status: draft\nstatsu: draft"))
    silver.write_text("a: [")
    with pytest.raises(TerminalError) as raised:
        raise_problems(problems_of(tmp_path))
    assert "2 things are wrong with the contracts." in str(raised.value)
    assert "GB-1021" in str(raised.value)
    assert "GB-1020" in str(raised.value)


def test_a_single_problem_is_the_whole_message(tmp_path: Path) -> None:
    _, silver = write(tmp_path, draft())
    silver.write_text(silver.read_text().replace("metric: unaccounted", "metric: unacounted"))
    with pytest.raises(TerminalError) as raised:
        raise_problems(problems_of(tmp_path))
    error = raised.value
    assert (error.code, error.got, error.valid) == ("GB-1036", "unacounted", "do you mean unaccounted?")
    assert error.todo


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"a: [", "The contract is not YAML."),
        (b"\xff\xfe\x00", "The contract is not YAML."),
        (b"", "The contract is empty, or not a mapping."),
        (b"- 1\n", "The contract is empty, or not a mapping."),
        (b"a: 1\nb: {c: 1, c: 2}\n", "A key stands twice in one mapping."),
        (b"a: !!python/object/apply:os.system [ls]\n", "The contract is not YAML."),
    ],
)
def test_what_is_no_contract_is_one_clear_error(content: bytes, what: str) -> None:
    with pytest.raises(ProblemError) as raised:
        load_document(content, "x.odcs.yaml")
    assert (raised.value.problem.code, raised.value.problem.what) == ("GB-1020", what)


JUNK = st.sampled_from([None, 5, -1.5, True, "x", "", "a.b.c", "silver.nope", [], {}, [1], ["x"], [None], [[1]], {"a": 1}])
TABLES = st.sampled_from(
    ["bronze/inventory", "bronze/order_lines", "silver/order_lines", "silver/customers", "silver/nutrition", "gold/executive_kpis"]
)


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


@settings(max_examples=40)
@given(st.data())
def test_any_value_anywhere_is_read_or_refused_but_never_a_crash(data: st.DataObject) -> None:
    name = data.draw(TABLES)
    document = load_document((PACKAGED / f"{name}.odcs.yaml").read_bytes(), name)
    *path, last = data.draw(st.sampled_from(list(places(document))))
    node = document
    for step in path:
        node = node[step]
    node[last] = data.draw(JUNK)
    try:
        contract = parse_contract(document, f"{name}.odcs.yaml")
        list(contract_problems(contract, {**packaged(), contract.name: contract}))
    except ProblemError as error:
        assert error.problem.code.startswith("GB-10")
    except Exception:  # noqa: BLE001  what the standard's schema refuses is never parsed
        assert list(validation.schema_problems(document, name))


def test_yaml_keeps_what_is_written() -> None:
    """YAML 1.1 reads these as True, False, a day and 390 minutes."""
    assert load_document("{on: NO, day: 2026-01-01, due: 06:30, n: 0x10, yes: y}", "x") == {
        "on": "NO",
        "day": "2026-01-01",
        "due": "06:30",
        "n": "0x10",
        "yes": "y",
    }


def test_same_table_twice_and_missing_folder_are_named(tmp_path: Path) -> None:
    copy = tmp_path / "orders.odcs.yaml"
    copy.write_text((PACKAGED / "silver" / "orders.odcs.yaml").read_text())
    _, problems = read_contracts([tmp_path, tmp_path / "nowhere"], known=packaged())
    assert sorted((problem.code, problem.where) for problem in problems) == [("GB-1024", str(copy)), ("GB-1025", str(tmp_path / "nowhere"))]


def test_unreadable_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder.odcs.yaml").mkdir()
    assert only(problems_of(tmp_path)).code == "GB-1020"


def test_what_passed_is_not_validated_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, draft())
    first = load(tmp_path)
    monkeypatch.setattr(validation, "_validator", lambda: pytest.fail("validated again"))
    assert dict(load(tmp_path)) == dict(first)
    assert dict(load_contracts(cache=seen())) == dict(packaged())


def test_a_changed_file_is_validated_again(tmp_path: Path) -> None:
    _, silver = write(tmp_path, draft())
    load(tmp_path)
    silver.write_text(silver.read_text().replace("classification: restricted", "classificaton: restricted"))
    assert only(problems_of(tmp_path)).code == "GB-1021"


def test_the_cache_keeps_hashes_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "state" / "contracts.json"
    cache = ValidationCache(path)
    cache.add("b")
    cache.add("a")
    cache.save()
    assert json.loads(path.read_text()) == {"schema": validation.schema_digest(), "valid": ["a", "b"]}
    assert [ValidationCache(path).holds(digest) for digest in ("a", "c")] == [True, False]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": "of another release", "valid": ["a"]}', '{"valid": 1}'])
def test_a_cache_that_is_worthless_is_written_anew(tmp_path: Path, content: str) -> None:
    path = tmp_path / "contracts.json"
    path.write_text(content)
    cache = ValidationCache(path)
    assert not cache.holds("a")
    cache.add("a")
    cache.save()
    assert ValidationCache(path).holds("a")


def test_a_cache_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = ValidationCache(tmp_path / "file" / "contracts.json")
    cache.add("a")
    cache.save()
    assert ValidationCache(None).holds("a") is False
