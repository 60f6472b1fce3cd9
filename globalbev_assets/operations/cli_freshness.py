"""The command ``freshness``: each table, the day that is expected of it, and whether that day is there."""

from __future__ import annotations

from typing import Annotated

import typer

from globalbev_assets.operations.output import console, print_json, progress


def freshness(
    table: Annotated[str | None, typer.Argument(metavar="[TABLE]", help="One table, such as silver.orders; without it all.")] = None,
    late: Annotated[bool, typer.Option("--late", help="Only what is late.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
) -> None:
    """Which day is due in each table, whether it is there, how late it is, whether its source has it, and who owns it.

    Judged is the day that is expected, never when something was last written. Exit code 1 when something is late.
    """
    from globalbev_assets.operations.cli_lake import contracts_of  # noqa: PLC0415
    from globalbev_assets.operations.freshness_view import as_document, look, show  # noqa: PLC0415
    from partitions.days import now  # noqa: PLC0415
    from resources.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    with progress("reading the ledger, asking the sources …"):
        lines = look(settings, contracts_of(settings), now(), table)
    shown = [line for line in lines if line.is_late] if late else lines
    if as_json:
        print_json(as_document(shown))
    else:
        show(shown, lines, console())
    raise typer.Exit(int(any(line.is_late for line in lines)))
