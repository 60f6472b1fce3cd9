"""Every error has its section in the runbook, under the messages and the kind that the code gives it.

A code's messages stand side by side in its section: a second meaning under the same code has to be written there, where it is seen.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from globalbev_assets.errors import RUNBOOK, DataRejectedError, GlobalBevError, TerminalError, TransientError

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"GB-\d{4}\Z")
KINDS = {"TransientError": "*Tried again.*", "TerminalError": "*Not tried again.*", "DataRejectedError": "*Kept aside.*"}
EARLIER = {"Problem": 1}  # positional arguments that stand between code and message


class Raised(NamedTuple):
    """A call that gives a code to an error."""

    code: str
    place: str
    kind: str | None
    message: str | None


def raised() -> Iterator[Raised]:
    for folder in ("globalbev_assets", "resources", "partitions", "checks", "sensors", "sandbox"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    yield from codes_of(node, f"{path.relative_to(ROOT)}:{node.lineno}")


def codes_of(call: ast.Call, place: str) -> Iterator[Raised]:
    names = [ast.unparse(call.func), *(ast.unparse(argument) for argument in call.args)]
    for position, argument in enumerate(call.args[:-1]):
        if isinstance(argument, ast.Constant) and CODE.match(str(argument.value)):
            message = call.args[position + 1 + EARLIER.get(names[0], 0)]
            yield Raised(str(argument.value), place, next((name for name in names if name in KINDS), None), pattern(message))


def pattern(message: ast.expr) -> str | None:
    """The message with ``…`` for what differs; None where it comes from elsewhere."""
    if isinstance(message, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in message.values)
    return str(message.value) if isinstance(message, ast.Constant) else None


def sections() -> dict[str, str]:
    parts = re.split(r"^## (.+)$", (ROOT / RUNBOOK).read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_every_code_has_a_section_and_every_section_a_code() -> None:
    assert sorted({error.code for error in raised()} ^ sections().keys()) == []


def test_every_message_stands_in_its_section() -> None:
    written = sections()
    unwritten = {
        f"{error.code} **{error.message}** ({error.place})"
        for error in raised()
        if error.message and f"**{error.message}**" not in written.get(error.code, "")
    }
    assert sorted(unwritten) == []


def test_no_section_lists_a_message_that_is_gone() -> None:
    said: defaultdict[str, set[str]] = defaultdict(set)
    for error in raised():
        said[error.code].add(error.message or "")
    gone = {
        f"{code}: {message}"
        for code, text in sections().items()
        for message in re.findall(r"^\*\*(.+)\*\*", text, re.MULTILINE)
        if message not in said[code]
    }
    assert sorted(gone) == []


def test_a_code_is_of_one_kind_and_its_section_says_which() -> None:
    """Whether another try helps is the first thing that a person wants to know."""
    written = sections()
    wrong = {
        f"{error.code} is a {error.kind} in {error.place}"
        for error in raised()
        if error.kind and KINDS[error.kind] not in written.get(error.code, "")
    }
    assert sorted(wrong) == []
    assert [code for code, text in written.items() if sum(kind in text for kind in KINDS.values()) != 1] == []


def test_an_error_says_what_was_got_what_is_valid_and_what_to_do() -> None:
    error = TerminalError("GB-1001", "That is not a day.", got="'01.02.2026'", valid="YYYY-MM-DD", todo="Write it so.")
    assert str(error).splitlines() == ["GB-1001 That is not a day.", "  got:   '01.02.2026'", "  valid: YYYY-MM-DD", "  do:    Write it so."]
    assert error.runbook == "docs/runbooks/errors.md#gb-1001"


def test_the_kinds_are_apart() -> None:
    kinds = (TransientError, TerminalError, DataRejectedError)
    assert all(issubclass(kind, GlobalBevError) for kind in kinds)
    assert not any(issubclass(one, other) for one in kinds for other in kinds if one is not other)
