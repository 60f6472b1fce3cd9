"""The runbooks as text: one section of ``errors.md`` for a code, a whole file for a kind of alert.

They lie in the project's ``docs/runbooks``; an installed wheel carries them as ``globalbev_assets/runbooks``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from globalbev_assets.contracts.problems import closest
from globalbev_assets.errors import TerminalError
from resources.settings import PROJECT

ERRORS = "errors"
PLACES = (PROJECT / "docs" / "runbooks", Path(__file__).resolve().parent.parent / "runbooks")
_CODE = re.compile(r"(?:GB-?)?(\d{4})\Z", re.IGNORECASE)
_SECTION = re.compile(r"^## (GB-\d{4})\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """What was asked for, where it stands, and its text."""

    topic: str
    file: str
    text: str


def entry(topic: str) -> Entry:
    """The section of an error code, or the runbook of that name.

    Raises:
        TerminalError: GB-2210 for a code that no runbook explains, GB-2211 for a runbook that is not there.
    """
    wanted = topic.strip()
    code = _CODE.match(wanted)
    return _section(f"GB-{code.group(1)}") if code else _runbook(wanted.lower().removesuffix(".md"))


def runbook_names() -> list[str]:
    """The runbooks that are there."""
    return sorted({path.stem for place in PLACES for path in place.glob("*.md")})


def _section(code: str) -> Entry:
    path = _path(ERRORS)
    parts = _SECTION.split(path.read_text(encoding="utf-8"))
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    if code in sections:
        return Entry(code, path.name, f"## {code}\n\n{sections[code].strip()}")
    raise TerminalError(
        "GB-2210",
        "No runbook explains that code.",
        got=code,
        valid=closest(code, sections) or f"{min(sections)} to {max(sections)}, not all of them",
        todo="Copy the code from the message; `globalbev help errors` prints all of them.",
    )


def _runbook(name: str) -> Entry:
    path = _path(name)
    return Entry(name, path.name, path.read_text(encoding="utf-8").strip())


def _path(name: str) -> Path:
    names = runbook_names()
    found = next((place / f"{name}.md" for place in PLACES if (place / f"{name}.md").is_file()), None) if name in names else None
    if found is not None:
        return found
    raise TerminalError(
        "GB-2211",
        "That runbook is missing.",
        got=name[:60],
        valid=closest(name, names) or ", ".join(names) or "none is installed",
        todo="`globalbev help` lists the runbooks; in a checkout they lie in docs/runbooks.",
    )
