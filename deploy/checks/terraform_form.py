"""Whether Terraform files are formatted as `terraform fmt` would: indentation, alignment, blank lines. For machines without the program.

It knows what our files use: no heredocs, no comments behind code (both are reported). Where `terraform` is installed, `make deploy-check` asks it as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_OPEN, _CLOSE = "([{", ")]}"
_ASSIGNMENT = re.compile(r'^(?P<indent> *)(?P<name>[\w-]+|"[^"]*")(?P<before> *)=(?P<after> *)(?=[^=>])')
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
INDENT = 2


def form_problems(text: str) -> Iterator[str]:
    """What `terraform fmt` would change, a line each; nothing when it is in order."""
    lines = text.split("\n")
    yield from _ends(lines)
    opened: list[int] = []
    for number, line in enumerate(lines, 1):
        code, indent = bare(line), len(line) - len(line.lstrip(" "))
        if "<<" in code or (code.strip()[:1] not in {"", "#"} and ("#" in code or "//" in code)):
            yield f"{number}: a heredoc or a comment behind code, which this check cannot judge"
        inside = opened[: len(opened) - _closed_first(code)]
        if line.strip() and indent != INDENT * len(set(inside)):
            yield f"{number}: indented by {indent}, wanted {INDENT * len(set(inside))}"
        _follow(opened, code, number)
    yield from _alignment(lines)


def bare(line: str) -> str:
    """The line without its texts, whose brackets mean nothing; the quotes stay."""
    return _TEXT.sub('""', line)


def _closed_first(code: str) -> int:
    """How many brackets a line closes before it says anything else."""
    return len(code.strip()) - len(code.strip().lstrip(_CLOSE))


def _follow(opened: list[int], code: str, number: int) -> None:
    """Keep the lines on which the open brackets stand: those of one line indent what follows once."""
    for char in "" if code.lstrip().startswith("#") else code:
        if char in _OPEN:
            opened.append(number)
        elif char in _CLOSE and opened:
            opened.pop()


def _balance(code: str) -> int:
    return sum(code.count(char) for char in _OPEN) - sum(code.count(char) for char in _CLOSE)


def _alignment(lines: list[str]) -> Iterator[str]:
    """Assignments on lines that follow on each other have their signs below each other, where the value ends on its line."""
    group: list[tuple[int, re.Match[str]]] = []
    for number, line in enumerate([*lines, ""], 1):
        found = None if line.lstrip().startswith("#") else _ASSIGNMENT.match(line)
        if found and _balance(bare(line)) == 0:
            group.append((number, found))
            continue
        yield from _group(group)
        group = []
        if found and (found["before"], found["after"]) != (" ", " "):
            yield f"{number}: one space on each side of ="


def _group(group: list[tuple[int, re.Match[str]]]) -> Iterator[str]:
    widest = max((len(found["indent"] + found["name"]) for _, found in group), default=0)
    for number, found in group:
        if len(found["indent"] + found["name"] + found["before"]) != widest + 1 or found["after"] != " ":
            yield f"{number}: = is not below its neighbours'"


def _ends(lines: list[str]) -> Iterator[str]:
    if lines[-1] or (len(lines) > 1 and not lines[-2]):
        yield f"{len(lines)}: the file ends with one line break"
    for number, line in enumerate(lines, 1):
        if line != line.rstrip() or "\t" in line:
            yield f"{number}: a tab, or space at the line's end"
