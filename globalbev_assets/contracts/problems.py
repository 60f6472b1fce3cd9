"""What is wrong with a contract: one problem, one clear message with file and path."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from globalbev_assets.errors import TerminalError


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, where, and what would be right. Codes: GB-1020 to GB-1049, ``docs/runbooks/errors.md``."""

    code: str
    where: str
    what: str
    got: str = ""
    valid: str = ""
    todo: str = "Correct the contract."

    def __str__(self) -> str:
        details = [f"got {self.got}"] if self.got else []
        details += [f"valid: {self.valid}"] if self.valid else []
        return f"{self.code} {self.where}: {self.what}" + (f" ({'; '.join(details)})" if details else "")

    def as_error(self) -> TerminalError:
        """The error that says this and nothing else."""
        return TerminalError(self.code, f"{self.where}: {self.what}", got=self.got or None, valid=self.valid or None, todo=self.todo)


class ProblemError(Exception):
    """A contract cannot be parsed further; carries the problem to the loader, which reports all files at once."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


def malformed(where: str, what: str, got: str = "", valid: str = "") -> ProblemError:
    """GB-1023: a value that the contract's form does not allow."""
    return ProblemError(Problem("GB-1023", where, what, got[:120], valid))


def raise_problems(problems: Sequence[Problem]) -> None:
    """Raise one TerminalError that names all problems; nothing when there are none."""
    if not problems:
        return
    if len(problems) == 1:
        raise problems[0].as_error()
    listed = "".join(f"\n    - {problem}" for problem in problems)
    raise TerminalError(problems[0].code, f"{len(problems)} things are wrong with the contracts.", got=listed, todo=problems[0].todo)


def closest(word: str, valid: Iterable[str]) -> str:
    """A hint such as ``do you mean classification?``; empty when nothing is near."""
    near = difflib.get_close_matches(word, list(valid), n=1, cutoff=0.7)
    return f"do you mean {near[0]}?" if near else ""
