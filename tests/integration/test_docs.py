"""What the documentation tells a person to type works, and what it points at is there.

Cheap commands are run as they stand. The others would take minutes or change the machine; for those the target or sub-command has to exist, and somebody else
runs them: CI (`make lint`, `make test`), the tests of the command line, `make demo` itself.
"""

from __future__ import annotations

import itertools
import os
import re
import shlex
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(path for pattern in ("*.md", "docs/**/*.md") for path in ROOT.glob(pattern))
GROUPS = ("sandbox", "contract", "logs")  # their sub-commands have names of their own
CHEAP = (
    "make setup", "make help", ".venv/bin/globalbev doctor", ".venv/bin/globalbev contract lint", ".venv/bin/dagster definitions validate",
    ".venv/bin/globalbev logs status", ".venv/bin/globalbev metrics",
)  # fmt: skip


def commands(text: str) -> list[str]:
    """The lines of all ``bash`` blocks, without comments."""
    blocks = re.findall(r"^```bash\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip() and not line.startswith("#")]


def mentions(text: str) -> set[str]:
    """``make`` and ``globalbev`` commands that stand in running text, alternatives apart, cut after the words that name them."""
    found = re.findall(r"`((?:make|globalbev)(?: [a-z][a-z|-]*)+)", text)
    return {" ".join(words) for mention in found for words in itertools.product(*(word.split("|") for word in mention.split()[:3]))}


def written(pick: str) -> list[str]:
    texts = [path.read_text(encoding="utf-8") for path in DOCUMENTS]
    lines = {line for text in texts for line in commands(text)}
    cheap = {line for line in lines if line.startswith(CHEAP)}
    return sorted(cheap if pick == "cheap" else (lines - cheap) | {mention for text in texts for mention in mentions(text)})


def run(command: list[str], timeout_s: float = 180) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False, env=os.environ | {"NO_COLOR": "1"})


@cache
def make_targets() -> frozenset[str]:
    return frozenset(re.findall(r"^  make ([a-z-]+) ", run(["make", "help"]).stdout, re.MULTILINE))


@cache
def says_help(*words: str) -> bool:
    return run([".venv/bin/globalbev", *words, "--help"]).returncode == 0


@pytest.mark.parametrize("command", written("cheap"))
def test_a_cheap_command_works_as_it_is_written(command: str) -> None:
    done = run(shlex.split(command))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.mark.parametrize("command", written("others"))
def test_any_other_command_names_what_exists(command: str) -> None:
    program, *words = shlex.split(command)
    if program == "make":
        assert words[0] in make_targets()
    elif program.endswith("globalbev"):
        assert says_help(*itertools.takewhile(lambda word: re.fullmatch("[a-z]+", word), words[: 2 if words[0] in GROUPS else 1]))
    else:
        assert (ROOT / program).is_file(), f"{program} is none of the project's own tools"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_point_at_something(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []
