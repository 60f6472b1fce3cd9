"""The data dictionary is generated, whole and current."""

from __future__ import annotations

from pathlib import Path

from globalbev_assets.contracts.docs import data_dictionary
from tests.unit.contract_files import packaged

DICTIONARY = Path(__file__).parents[2] / "docs" / "data-dictionary.md"


def test_the_dictionary_is_current() -> None:
    assert DICTIONARY.read_text(encoding="utf-8") == data_dictionary(packaged()), "run `globalbev contract docs` and commit what it writes"


def test_every_column_and_rule_is_in_it() -> None:
    text, book = data_dictionary(packaged()), packaged()
    for contract in book.values():
        section = text.split(f"\n### {contract.name}\n")[1].split("\n### ")[0]
        assert contract.owner in section
        missing = [column.name for column in contract.columns if f"| `{column.name}` |" not in section]
        missing += [rule.id for rule in (*contract.rules, *contract.limits) if f"| `{rule.id}` |" not in section]
        assert missing == [], contract.name
