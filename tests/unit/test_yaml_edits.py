"""A contract edited as text: the edit is in it, and everything else stands as it stood."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globalbev_assets.contracts.documents import load_document
from globalbev_assets.contracts.loader import PACKAGED, PATTERN
from globalbev_assets.contracts.yaml_edits import NotThereError, with_column, with_custom, with_next_version, with_source_option

BLOCKS = """version: 1.2.3  # ours
# über 12 € — a comment with letters of more than one byte
schema:
  - name: t
    properties:
      - name: a   # why
        physicalType: string
        description: "größer als 3 €"
        customProperties:
          - property: clean
            value: upper
        # comment behind

      - name: b
        physicalType: string
        description: |
          two
          lines
    # end
    quality: []
customProperties:
  - property: source
    value:
      kind: database
      businessTime: at  # c
"""
NEW = {"name": "c", "physicalType": "string", "description": "yes: it's new #1"}
FILES = sorted(PACKAGED.rglob(PATTERN))


def custom(document: dict[str, Any], column: str) -> dict[str, Any]:
    found = next(one for one in document["schema"][0]["properties"] if one["name"] == column)
    return {one["property"]: one["value"] for one in found.get("customProperties", [])}


def other_lines(before: str, after: str) -> list[str]:
    """Lines of the text before that are not in the text after."""
    return [line for line in before.splitlines() if line not in after.splitlines()]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_blocks(newline: str) -> None:
    text = BLOCKS.replace("\n", newline)
    edited = with_source_option(
        with_custom(with_custom(with_column(text, NEW), "b", "source", "q"), "a", "mayBeAbsent", True), "businessTime", "then"
    )
    document = load_document(with_next_version(edited), "t")
    assert document["version"] == "1.3.0"
    assert document["schema"][0]["properties"][-1] == NEW
    assert custom(document, "a") == {"clean": "upper", "mayBeAbsent": True}
    assert custom(document, "b") == {"source": "q"}
    assert document["schema"][0]["properties"][1]["description"] == "two\nlines\n"
    assert document["customProperties"][0]["value"]["businessTime"] == "then"
    assert other_lines(text, edited) == ["      businessTime: at  # c"]
    assert "businessTime: then  # c" in edited


def test_a_value_that_is_there_is_replaced() -> None:
    assert custom(load_document(with_custom(BLOCKS, "a", "clean", "lower"), "t"), "a") == {"clean": "lower"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}.{path.name.partition('.')[0]}")
def test_every_packaged_contract_takes_every_edit(path: Any) -> None:
    text = path.read_text(encoding="utf-8")
    before = load_document(text, str(path))
    columns = [one["name"] for one in before["schema"][0]["properties"]]
    for column in (columns[0], columns[-1]):
        edited = with_next_version(with_column(with_custom(text, column, "source", "other name"), NEW))
        after = load_document(edited, str(path))
        assert custom(after, column) == {**custom(before, column), "source": "other name"}
        assert [one["name"] for one in after["schema"][0]["properties"]] == [*columns, "c"]
        assert after["customProperties"] == before["customProperties"]
        assert len(other_lines(text, edited)) <= 2, "the version and the column's own line"


@given(st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=30))
def test_any_name_of_a_source_is_quoted_as_it_has_to_be(name: str) -> None:
    edited = with_custom(BLOCKS, "a", "source", name)
    assert custom(load_document(edited, "t"), "a")["source"] == name
    flowed = "version: 1.0.0\nschema: [{name: t, properties: [{name: a, x: y}]}]\n"
    assert custom(load_document(with_custom(flowed, "a", "source", name), "t"), "a")["source"] == name


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda text: with_custom(text, "nothing", "source", "x"), "no column nothing"),
        (lambda text: with_source_option(text, "fallbackTime", "x"), "no fallbackTime"),
        (lambda text: with_next_version(text.replace("1.2.3", "one")), "not three numbers"),
        (lambda text: with_column(text.replace("properties:", "columns:"), NEW), "no properties"),
        (lambda _: with_column("a: [", NEW), "no YAML"),
        (lambda _: with_column("- a", NEW), "no mapping"),
    ],
)
def test_a_contract_without_the_place_for_it_is_refused(edit: Callable[[str], str], said: str) -> None:
    with pytest.raises(NotThereError, match=said):
        edit(BLOCKS)
