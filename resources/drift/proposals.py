"""Patches of contracts: the differences' edits put together, checked, and written as a diff that ``git apply`` takes."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.documents import load_document
from globalbev_assets.contracts.drift import Difference
from globalbev_assets.contracts.drift_patch import Change, changes_for
from globalbev_assets.contracts.form import parse_contract
from globalbev_assets.contracts.lint import contract_problems
from globalbev_assets.contracts.loader import PACKAGED
from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import TableName
from globalbev_assets.contracts.problems import Problem, ProblemError
from globalbev_assets.contracts.validation import schema_problems
from globalbev_assets.contracts.yaml_edits import NotThereError, with_next_version
from globalbev_assets.errors import TerminalError
from resources.atomic_files import write_text
from resources.drift.comparing import Comparison
from resources.settings import PROJECT, Settings


@dataclass(frozen=True)
class Edited:
    """One contract's file, before and after."""

    contract: Contract
    path: Path
    before: str
    after: str

    @property
    def diff(self) -> str:
        """As ``git apply`` takes it: from the project's folder, or from ``/`` for contracts that lie elsewhere."""
        name = str(self.path.relative_to(PROJECT) if self.path.is_relative_to(PROJECT) else self.path).lstrip("/")
        lines = difflib.unified_diff(self.before.splitlines(keepends=True), self.after.splitlines(keepends=True), f"a/{name}", f"b/{name}")
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


@dataclass(frozen=True)
class Proposal:
    """What would make some contracts right again.

    Attributes:
        edited: the contracts' files that change.
        changes: what changes, in words.
        by_hand: differences that a person must decide.
        problems: what our lint says of the edited contracts; while there are any, nothing is written.
    """

    edited: tuple[Edited, ...]
    changes: tuple[Change, ...]
    by_hand: tuple[Difference, ...]
    problems: tuple[Problem, ...]

    @property
    def diff(self) -> str:
        """All files' changes."""
        return "".join(one.diff for one in self.edited)

    def apply(self) -> None:
        """Write the contracts, each whole or not at all.

        Raises:
            TerminalError: GB-2002 the edited contracts would not pass the lint, GB-2003 a file cannot be written, GB-2004 it was changed meanwhile.
        """
        if self.problems:
            raise TerminalError(
                "GB-2002", "The patched contract would not pass the lint.", got="; ".join(map(str, self.problems))[:600],
                valid="a contract in order", todo="Apply the patch file by hand, then mend it: `globalbev contract lint`.",
            )  # fmt: skip
        for one in self.edited:
            if one.path.read_bytes().decode() != one.before:
                raise TerminalError(
                    "GB-2004",
                    "The contract was changed while its patch was made.",
                    got=str(one.path),
                    valid="one change at a time",
                    todo="Run again.",
                )
        for one in self.edited:
            try:
                write_text(one.path, one.after)
            except OSError as error:
                raise TerminalError(
                    "GB-2003", "The contract cannot be written.", got=f"{one.path}: {error.strerror or type(error).__name__}",
                    valid="a file that this user may write", todo="Apply the patch file where the contracts are kept.",
                ) from error  # fmt: skip


def propose(book: ContractBook, differences: Iterable[Difference]) -> Proposal:
    """Put the edits of these differences together, and check what comes of them."""
    changes, by_hand = list[Change](), list[Difference]()
    for difference in differences:
        found = changes_for(difference, book)
        changes += found
        by_hand += [] if found else [difference]
    edited, problems = list[Edited](), list[Problem]()
    for table in dict.fromkeys(change.table for change in changes):
        contract = book[table]
        try:
            edited.append(_edited(contract, [change for change in changes if change.table == table]))
        except (NotThereError, OSError, UnicodeDecodeError) as error:
            problems.append(Problem("GB-2002", contract.path, "The contract cannot be patched.", str(error)))
    return Proposal(tuple(edited), tuple(changes), tuple(by_hand), (*problems, *_problems(book, edited)))


def contract_file(contract: Contract) -> Path:
    """Where the contract lies."""
    packaged = PACKAGED / contract.path
    return packaged if packaged.is_file() else Path(contract.path).resolve()


def patch_path(settings: Settings, table: str) -> Path:
    """Where the patch of a table's contract lies while a difference is open."""
    return settings.home / "state" / "drift" / f"{table}.patch"


def write_patches(comparison: Comparison, tables: Collection[str]) -> list[Path]:
    """Write the patch of each table's open differences, and remove that of a table that has none any more."""
    rows = [row for row in comparison.drifts.rows(tables) if row.is_open]
    written = []
    for table in sorted(tables):
        path = patch_path(comparison.settings, table)
        diff = propose(comparison.book, [row.difference for row in rows if row.table_name == table]).diff
        if diff:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, diff)
            written.append(path)
        else:
            path.unlink(missing_ok=True)
    return written


def _edited(contract: Contract, changes: Sequence[Change]) -> Edited:
    path = contract_file(contract)
    before = after = path.read_bytes().decode()  # line ends as they are
    for change in changes:
        after = change.edit(after)
    return Edited(contract, path, before, with_next_version(after))


def _problems(book: ContractBook, edited: Sequence[Edited]) -> list[Problem]:
    """What the standard's schema, the model and our lint say of the edited contracts, beside the others as they are."""
    known: dict[TableName, Contract] = dict(book)
    found = list[Problem]()
    for one in edited:
        try:
            document = load_document(one.after, one.contract.path)
            found += schema_problems(document, one.contract.path)
            known[one.contract.name] = parse_contract(document, one.contract.path)
        except ProblemError as error:
            found.append(error.problem)
    return found or [problem for one in edited for problem in contract_problems(known[one.contract.name], known)]
