"""What a command prints: for a person in colours and tables, for a pipe plain, for a program one JSON document.

``NO_COLOR`` is respected by rich. Progress goes to stderr, and only where somebody watches.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 10_000


def console(*, is_error: bool = False, markup: bool = False) -> Console:
    """Where to print: as wide as the terminal; a pipe takes lines of any length, so that no value is folded. ``markup``: rich's, off for values."""
    from rich.console import Console  # noqa: PLC0415

    stream = sys.stderr if is_error else sys.stdout
    shown = Console(file=stream, width=None if stream.isatty() else PIPE_WIDTH, highlight=False, markup=markup, emoji=False)
    # rich's own ends the process with 1, which says here that something was found.
    shown.on_broken_pipe = _nobody_reads_on  # type: ignore[method-assign]
    return shown


def _nobody_reads_on() -> None:
    raise BrokenPipeError


def print_json(document: Any, stream: IO[str] | None = None) -> None:
    """One JSON document on stdout; what JSON has no form for (days, decimals, paths) as its text."""
    text = json.dumps(document, indent=2, default=str, ensure_ascii=False)
    print(text, file=stream or sys.stdout)


@contextmanager
def progress(first: str) -> Iterator[Callable[[str], None]]:
    """A line on the terminal that says what is being done; nothing when piped."""
    shown = console(is_error=True)
    if not shown.is_terminal:
        yield _silent
        return
    with shown.status(first) as status:
        yield status.update


def size(size_bytes: float) -> str:
    """Bytes in words."""
    for unit in ("bytes", "kB", "MB"):
        if size_bytes < 1000:
            return f"{size_bytes:.0f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:,.1f} GB"


def duration(seconds: float) -> str:
    """Seconds in words, to the largest two units."""
    whole = int(seconds)
    for unit, length, smaller, less in (("d", 86_400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= length:
            return f"{whole // length} {unit} {whole % length // less} {smaller}"
    return f"{whole} s"


def _silent(_: str) -> None:
    """Say nothing."""
