"""The commands ``globalbev contract``: check, draft and document the contracts."""

from __future__ import annotations

from typing import Annotated

import typer

from globalbev_assets.operations.output import console, print_json

app = typer.Typer(no_args_is_help=True, help="The contracts: one file a table, from which everything else is compiled.")


@app.command()
def lint(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False) -> None:
    """Check all contracts: the standard's schema, the model, our own rules. Exit code 2 when something is wrong."""
    from globalbev_assets.contracts.loader import read_contracts  # noqa: PLC0415
    from globalbev_assets.contracts.problems import raise_problems  # noqa: PLC0415
    from resources.settings import load_settings  # noqa: PLC0415

    book, problems = read_contracts(load_settings().contract_folders)
    if as_json:
        listed = [{"code": one.code, "where": one.where, "what": one.what, "got": one.got, "valid": one.valid, "do": one.todo} for one in problems]
        print_json({"contracts": len(book), "problems": listed})
        raise typer.Exit(2 if problems else 0)
    raise_problems(problems)
    console().print(f"contracts: {len(book)} in order")
