"""``globalbev contract``: lint, new, docs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from globalbev_assets.contracts.docs import data_dictionary
from tests.unit.cli_runs import document, make_home, run
from tests.unit.contract_files import draft, packaged, write


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return make_home(tmp_path, monkeypatch)


def test_the_packaged_contracts_are_in_order() -> None:
    done = run("contract", "lint")
    assert (done.exit_code, done.stdout) == (0, f"contracts: {len(packaged())} in order\n")
    assert document("contract", "lint") == {"contracts": len(packaged()), "problems": []}


def test_further_folders_are_linted_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _, silver = write(tmp_path / "more", draft())
    silver.write_text(silver.read_text().replace('version: "1.0.0"', 'version: "1"'))
    monkeypatch.setenv("GLOBALBEV_CONTRACTS", str(tmp_path / "more"))
    done = run("contract", "lint")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == f"GB-1040 {silver}: version: That is no version."
    problems = document("contract", "lint", code=2)["problems"]
    assert [(one["code"], one["got"]) for one in problems] == [("GB-1040", "1")]


def test_the_dictionary_is_written_and_then_current(tmp_path: Path) -> None:
    path = tmp_path / "docs" / "dictionary.md"
    assert run("contract", "docs", "--out", str(path), "--check").exit_code == 2
    assert run("contract", "docs", "--out", str(path)).stdout == f"{path} is written\n"
    assert path.read_text() == data_dictionary(packaged())
    assert run("contract", "docs", "--out", str(path), "--check").stdout == f"{path} is current\n"
    path.write_text("old")
    done = run("contract", "docs", "--out", str(path), "--check")
    assert done.stderr.splitlines()[0] == "GB-1530 The data dictionary does not say what the contracts say."
    assert path.read_text() == "old"


FILES = {
    "shipments.csv": "shipment_id;sku;recipient_email\n1;BEV-1;a@b.example\n",
    "shipments.json": json.dumps([{"shipment_id": 1, "sku": "BEV-1", "recipient_email": "a@b.example"}]),
    "shipments.jsonl": json.dumps({"shipment_id": 1, "sku": "BEV-1", "recipient_email": None}) + "\n\n",
}


@pytest.mark.parametrize("name", FILES)
def test_a_draft_of_a_file_lacks_nothing_but_its_owner(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(FILES[name])
    out = tmp_path / "more"
    said = document("contract", "new", "--file", str(tmp_path / name), "--domain", "supply", "--out", str(out))
    assert said["written"] == [str(out / layer / "shipments.odcs.yaml") for layer in ("bronze", "silver")]
    assert said["key"] == ["shipment_id"]
    assert {one["code"] for one in said["open"]} == {"GB-1026"}
    text = (out / "bronze" / "shipments.odcs.yaml").read_text()
    assert f"format: {name.rpartition('.')[2]}" in text
    assert "name: recipient_email, logicalType: string, physicalType: string, classification: restricted, tags: [pii]" in text


def test_a_draft_says_what_to_fill_in(tmp_path: Path) -> None:
    (tmp_path / "shipments.csv").write_text("shipment_id,sku,Übergabe\n1,BEV-1,2\n")
    done = run(
        "contract", "new", "--file", str(tmp_path / "shipments.csv"), "--domain", "supply", "--out", str(tmp_path / "more"), "--layer", "bronze"
    )
    assert done.exit_code == 0
    assert "key: shipment_id (check it)" in done.stdout
    assert "left out, kept in _rescued: Übergabe" in done.stdout
    assert "The table has no owner." in done.stdout
    assert not (tmp_path / "more" / "silver").exists()
    again = run("contract", "new", "--file", str(tmp_path / "shipments.csv"), "--domain", "supply", "--out", str(tmp_path / "more"))
    assert (again.exit_code, again.stderr.splitlines()[0]) == (2, "GB-1048 There is such a contract already.")


@pytest.mark.parametrize(
    ("name", "content", "got"),
    [
        ("none.csv", None, "No such file or directory"),
        ("empty.csv", b"", "no header"),
        ("list.json", b"[1, 2]", "no document with fields"),
        ("cut.json", b'{"a": ', "a file that is no JSON"),
        ("cut.jsonl", b'{"a": 1}\n{"a"', "a line that is no JSON"),
        ("table.parquet", b"PAR1", "a file that ends in .parquet"),
        ("table", b"a,b", "a file without an ending"),
    ],
)
def test_no_draft_from_that(tmp_path: Path, name: str, content: bytes | None, got: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    done = run("contract", "new", "--file", str(tmp_path / name), "--domain", "supply", "--out", str(tmp_path / "more"))
    assert done.exit_code == 2
    assert done.stderr.splitlines()[:2] == ["GB-1533 No contract can be drafted from that file.", f"  got:   {tmp_path / name}: {got}"]
    assert not (tmp_path / "more").exists()


def test_old_bytes_are_read_as_windows_wrote_them(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_bytes("id;note\n1;café\n".encode("cp1252"))
    assert run("contract", "new", "--file", str(tmp_path / "old.csv"), "--domain", "supply", "--out", str(tmp_path / "more")).exit_code == 0


@pytest.mark.parametrize("words", [(), ("--relation", "shop.a", "--file", "a.csv"), ("--file", "a.csv", "--layer", "gold")])
def test_one_source_and_a_layer_that_is_there(words: tuple[str, ...]) -> None:
    done = run("contract", "new", "--domain", "supply", *words)
    assert done.exit_code == 2
    assert "Usage: globalbev contract new" in done.stderr


def test_a_relation_needs_a_database_that_is_named(tmp_path: Path) -> None:
    done = run("contract", "new", "--relation", "shop.returns", "--domain", "sales", "--out", str(tmp_path))
    assert (done.exit_code, done.stderr.splitlines()[0]) == (2, "GB-1004 The setting GLOBALBEV_SHOP_DSN is missing.")
