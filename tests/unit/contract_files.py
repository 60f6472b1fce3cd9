"""A small pair of contracts to break in every way: refunds, bronze and silver, in a folder of their own."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.loader import load_contracts, read_contracts
from globalbev_assets.contracts.new import Draft, contract_from_database
from globalbev_assets.contracts.new_yaml import write_contracts
from globalbev_assets.contracts.problems import Problem

COLUMNS = [("refund_id", "bigint"), ("sku", "text"), ("email", "text"), ("amount", "numeric(12,2)"), ("updated_at", "timestamptz")]
OWNER = "refunds@globalbev.example"


def draft(table: str = "refunds") -> Draft:
    return contract_from_database(f"shop.{table}", COLUMNS, domain="sales", key=["refund_id"])


def write(folder: Path, of: Draft, owner: str = OWNER) -> tuple[Path, Path]:
    """Write both contracts of a draft, with an owner."""
    paths = write_contracts(of, folder)
    for path in paths:
        path.write_text(path.read_text().replace('username: ""', f"username: {owner}"))
    return paths


def broken(folder: Path, old: str, new: str, layer: str = "silver") -> list[Problem]:
    """What is said of the refunds after one text in one of the two files was replaced."""
    bronze, silver = write(folder, draft())
    path = {"bronze": bronze, "silver": silver}[layer]
    text = path.read_text()
    assert text.count(old) >= 1, f"{old!r} is not in the file"
    path.write_text(text.replace(old, new, 1))
    return problems_of(folder)


@cache
def seen() -> Path:
    """The file that remembers, all session long, which contracts passed the JSON Schema."""
    return Path(mkdtemp(prefix="contracts-")) / "contracts.json"


@cache
def packaged() -> ContractBook:
    """The packaged contracts, read once a session: with every broken file again they would take a minute."""
    return load_contracts(cache=seen())


def problems_of(folder: Path) -> list[Problem]:
    """What is wrong with the contracts of a folder, read on top of the packaged ones."""
    return list(read_contracts([folder], known=packaged(), cache=seen())[1])


def load(folder: Path) -> ContractBook:
    """The packaged contracts and those of a folder, which are in order."""
    book, problems = read_contracts([folder], known=packaged(), cache=seen())
    assert problems == ()
    return book


def only(problems: list[Problem]) -> Problem:
    assert len(problems) == 1, problems
    return problems[0]
