"""One tree of errors for the whole project.

Whether an error is worth another try is its type, never its text. Each carries a stable code, what was got, what is valid
and what to do; none may carry a secret or a personal datum.
"""

from __future__ import annotations

RUNBOOK = "docs/runbooks/errors.md"


class GlobalBevError(Exception):
    """Base of all errors that a person is meant to read.

    Args:
        code: stable code such as ``GB-1001``; its runbook section is ``docs/runbooks/errors.md#gb-1001``.
        what: one sentence that says what went wrong.
        got: what was found, free of secrets and personal data.
        valid: what would have been accepted.
        todo: the next thing to do, best a command.
    """

    def __init__(self, code: str, what: str, *, got: object = None, valid: object = None, todo: str = "") -> None:
        self.code, self.what, self.got, self.valid, self.todo = code, what, got, valid, todo
        super().__init__(code, what)

    @property
    def runbook(self) -> str:
        """Anchor of the section of the runbook that explains this code."""
        return f"{RUNBOOK}#{self.code.lower()}"

    def __str__(self) -> str:
        """The whole message, a line a part, as the command line and the UI show it."""
        parts = [f"{self.code} {self.what}"]
        if self.got is not None:
            parts.append(f"  got:   {self.got}")
        if self.valid is not None:
            parts.append(f"  valid: {self.valid}")
        if self.todo:
            parts.append(f"  do:    {self.todo}")
        return "\n".join(parts)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        """Survive pickling between processes, keyword arguments included."""
        return _rebuild, (type(self), self.code, self.what, self.got, self.valid, self.todo)


class TransientError(GlobalBevError):
    """May pass by itself: retried with jittered back-off within a total deadline."""


class TerminalError(GlobalBevError):
    """Will fail again the same way: never retried."""


class DataRejectedError(GlobalBevError):
    """The data is wrong, not the machine: the rows or the day are kept aside and counted."""


def _rebuild(  # noqa: PLR0913  the parts of an error
    kind: type[GlobalBevError], code: str, what: str, got: object, valid: object, todo: str
) -> GlobalBevError:
    return kind(code, what, got=got, valid=valid, todo=todo)
