"""``globalbev help``: what an error code means and what to do, or a whole runbook, from the files in ``docs/runbooks``."""

from __future__ import annotations

from typing import Annotated

import typer

from globalbev_assets.operations.output import console, print_json


def explain(
    topic: Annotated[str | None, typer.Argument(metavar="[GB-nnnn|RUNBOOK]", help="A code such as GB-1001, or a runbook such as run-failed.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
) -> None:
    """Print the runbook of an error code or of a kind of alert; without either: which runbooks there are."""
    from globalbev_assets.operations.runbooks import entry, runbook_names  # noqa: PLC0415

    if topic is None:
        names = runbook_names()
        print_json({"runbooks": names}) if as_json else console().print("\n".join(names))
        return
    found = entry(topic)
    if as_json:
        print_json({"topic": found.topic, "file": found.file, "text": found.text})
        return
    out = console()
    if out.is_terminal:
        from rich.markdown import Markdown  # noqa: PLC0415

        out.print(Markdown(found.text))
    else:
        out.print(found.text, soft_wrap=True)
