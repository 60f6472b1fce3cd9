"""The contracts of an installation: read from folders, checked, and put into a :class:`ContractBook`.

Three checks, in this order: the standard's JSON Schema, the model, our own lint. All files are looked at before anything is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.documents import load_document
from globalbev_assets.contracts.form import parse_contract
from globalbev_assets.contracts.lint import lint
from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import TableName
from globalbev_assets.contracts.problems import Problem, ProblemError, raise_problems
from globalbev_assets.contracts.validation import ValidationCache, digest_of, schema_problems

PACKAGED = Path(__file__).resolve().parent
PATTERN = "*.odcs.yaml"


def load_contracts(folders: Sequence[Path] = (), *, cache: Path | None = None) -> ContractBook:
    """Load the packaged contracts and those of further folders.

    Args:
        folders: further folders, searched with their sub-folders for ``*.odcs.yaml``.
        cache: file that remembers which contracts passed the JSON Schema; None: all are checked again.

    Raises:
        TerminalError: GB-1020 to GB-1049, naming every problem of every file.
    """
    book, problems = read_contracts(folders, cache=cache)
    raise_problems(problems)
    return book


def read_contracts(
    folders: Sequence[Path] = (), *, cache: Path | None = None, known: ContractBook | None = None
) -> tuple[ContractBook, tuple[Problem, ...]]:
    """The contracts that can be read, and all that is wrong with any.

    ``known``: contracts that are in order already, instead of the packaged ones; then only what the folders add is linted.
    """
    remembered = ValidationCache(cache)
    contracts = dict(known or {})
    problems = [problem for folder in folders if (problem := _folder_problem(folder))]
    for root in (*(() if known else (PACKAGED,)), *folders):
        for path in sorted(root.rglob(PATTERN)):
            problems += _add(contracts, path, _where(path, root), remembered)
    remembered.save()
    book = ContractBook(contracts.values())
    return book, (*problems, *lint(book, known or {}))


def _add(contracts: dict[TableName, Contract], path: Path, where: str, remembered: ValidationCache) -> Iterable[Problem]:
    try:
        contract = _read(path, where, remembered)
    except ProblemError as error:
        return [error.problem]
    except OSError as error:
        return [Problem("GB-1020", where, "The contract cannot be read.", error.strerror or "an error", todo="Make the file readable.")]
    if isinstance(contract, tuple):
        return contract
    if contract.name in contracts:
        return [Problem("GB-1024", where, "Another contract describes this table already.", f"{contract.name} in {contracts[contract.name].path}")]
    contracts[contract.name] = contract
    return []


def _read(path: Path, where: str, remembered: ValidationCache) -> Contract | tuple[Problem, ...]:
    content = path.read_bytes()
    digest = digest_of(content)
    document = load_document(content, where)
    if not remembered.holds(digest):
        problems = tuple(schema_problems(document, where))
        if problems:
            return problems
        remembered.add(digest)
    return parse_contract(document, where)


def _folder_problem(folder: Path) -> Problem | None:
    if folder.is_dir():
        return None
    return Problem(
        "GB-1025",
        str(folder),
        "There is no such folder of contracts.",
        valid="existing folders, separated by ':'",
        todo="Correct GLOBALBEV_CONTRACTS.",
    )


def _where(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if root == PACKAGED else str(path)
