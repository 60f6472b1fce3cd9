"""The commands about the lake and this machine: ``sql``, ``clean``, ``doctor``."""

from __future__ import annotations

from typing import Annotated

import typer

from globalbev_assets.operations.output import console, print_json

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def sql() -> None:
    """Ask the lake in SQL (DuckDB), read only."""


def clean() -> None:
    """Remove what nobody needs any more."""


def doctor(
    stop: Annotated[bool, typer.Option("--stop", help="End the Spark server of this home.")] = False,
    as_json: Json = False,
) -> None:
    """Look at this installation and say what to do."""
    from resources.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    if stop:
        from resources.spark_server import stop_server  # noqa: PLC0415

        was_running = stop_server(settings)
        if as_json:
            print_json({"stopped": was_running})
        else:
            console().print("The Spark server is stopped." if was_running else "No Spark server was running.")
