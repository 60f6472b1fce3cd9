"""The prompt of ``globalbev sql``: queries end with ``;``, a line that starts with a dot is about the lake."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable

from globalbev_assets.errors import GlobalBevError
from globalbev_assets.operations.lake_answers import write_answer
from globalbev_assets.operations.lake_sql import ask
from globalbev_assets.operations.lake_views import LakeViews

HELP = """  .tables          the tables
  .columns TABLE   columns of a table, with their types
  .help            this
  .quit            leave (or Ctrl-D)
A query ends with a semicolon. Personal data is masked unless you asked for --unmasked."""


def run_prompt(views: LakeViews, read_line: Callable[[str], str] = input) -> None:
    """Answer queries until the input ends; an error is told, and the next query is asked."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401, PLC0415  arrow keys and history, where Python was built with it
    _tell(f"{len(views.shown)} tables. `.help` says what there is.")
    pending = ""
    while True:
        try:
            line = read_line("   ...> " if pending else "lake> ")
        except KeyboardInterrupt:
            _tell("")
            pending = ""
            continue
        except EOFError:
            return
        if not pending and line.strip() in (".quit", ".exit", "quit", "exit"):
            return
        if not pending and line.startswith("."):
            _about(views, line.split())
        else:
            pending = _answered(views, f"{pending}{line}\n")


def _answered(views: LakeViews, text: str) -> str:
    """What is still to be completed, once everything up to the semicolon has been answered."""
    if not text.strip().endswith(";"):
        return text if text.strip() else ""
    try:
        write_answer(ask(views, text), "table")
    except GlobalBevError as error:
        _tell(str(error))
    except KeyboardInterrupt:
        _tell("Interrupted.")
    return ""


def _about(views: LakeViews, words: list[str]) -> None:
    if words[0] == ".tables":
        _tell("\n".join(str(name) for name in views.shown))
    elif words[0] == ".columns" and len(words) == 2:
        table = next((name for name in views.shown if str(name) == words[1]), None)
        _tell(f"There is no table {words[1]}; `.tables` lists them." if table is None else "")
        if table is not None:
            _answered(views, f"DESCRIBE {table};")
    else:
        _tell(HELP)


def _tell(text: str) -> None:
    if text:
        sys.stdout.write(text + "\n")
