"""The commands ``globalbev databricks``: the way to a cluster, rehearsed on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="The Databricks path, rehearsed without a cloud.")


@app.command()
def rehearse(  # noqa: PLR0913  a command's options
    days: Annotated[int, typer.Option(min=1, max=31, help="How many of the newest days.")] = 3,
    select: Annotated[list[str] | None, typer.Option(help="Only these assets, in Dagster's selection syntax; may be given again.")] = None,
    compute: Annotated[str, typer.Option(help="launcher or pipes.")] = "launcher",
    home: Annotated[Path | None, typer.Option(help="Folder of all local state, instead of GLOBALBEV_HOME.")] = None,
    go_on: Annotated[bool, typer.Option("--continue", help="With the lake that the last rehearsal left, instead of an empty one.")] = False,
    evict: Annotated[str | None, typer.Option(help="Take the cluster away as soon as it has committed rows of this table (bronze.lots).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
) -> None:
    """Take some days through the layers by Dagster's own step launcher, against a workspace on 127.0.0.1, and account for every step."""
    from globalbev_assets.operations.output import console  # noqa: PLC0415
    from globalbev_assets.operations.rehearsal import run_rehearsal  # noqa: PLC0415
    from resources.settings import load_settings  # noqa: PLC0415

    folder = (home or load_settings().home).absolute()
    raise typer.Exit(run_rehearsal(folder, days, select or [], compute, as_json, console(), is_continued=go_on, evicted=evict))


@app.callback()
def databricks() -> None:
    """Keep ``rehearse`` a command of its own."""
