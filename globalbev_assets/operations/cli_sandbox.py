"""The commands ``globalbev sandbox``: the embedded sources, for a laptop and for tests."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from globalbev_assets.operations.output import console, print_json, progress

if TYPE_CHECKING:
    from sandbox import Status

app = typer.Typer(no_args_is_help=True, help="The embedded sources: PostgreSQL, inventory API and landing zone, with real sales and known defects.")
Home = Annotated[Path | None, typer.Option(help="Folder of all local state, instead of GLOBALBEV_HOME.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


@app.command()
def up(
    home: Home = None,
    scale: Annotated[int, typer.Option(min=1, help="How many times the real orders are multiplied; fixed when it is made.")] = 1,
    env_file: Annotated[Path | None, typer.Option(help="Where the settings are written, instead of the project's .env.")] = None,
    as_json: Json = False,
) -> None:
    """Make the sandbox where it is missing, start what does not run, and write its settings into .env."""
    import sandbox  # noqa: PLC0415
    from resources.dagster_home import prepare_dagster_home  # noqa: PLC0415

    folder = _home(home)
    with progress("starting the sources …") as tell:
        found = sandbox.up(folder, scale=scale, env_file=env_file, progress=tell, more={"DAGSTER_EVENT_BATCH_SIZE": "200"})
    prepare_dagster_home(folder)
    _show(found, "The sandbox is up." if found.changed else "The sandbox was up already; nothing changed.", as_json=as_json)


@app.command()
def down(home: Home = None, as_json: Json = False) -> None:
    """Stop the two servers; the data stays."""
    import sandbox  # noqa: PLC0415

    was_running = sandbox.down(_home(home))
    if as_json:
        print_json({"stopped": was_running})
    else:
        console().print("The sandbox is stopped; its data stays." if was_running else "No sandbox was running.")


@app.command()
def status(home: Home = None, as_json: Json = False) -> None:
    """What runs, where, and what it holds."""
    import sandbox  # noqa: PLC0415

    found = sandbox.status(_home(home))
    states = (
        "There is no sandbox. `globalbev sandbox up` makes one.",
        "The sandbox is not running. `globalbev sandbox up` starts it.",
        "The sandbox is up.",
    )
    _show(found, states[found.exists + found.is_up], as_json=as_json)


@app.command()
def advance(
    days: Annotated[int, typer.Option(min=1, max=366, help="How many.")] = 1,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Let the next day happen: orders, payments, stock, files, and late data of the days before."""
    import sandbox  # noqa: PLC0415
    from partitions.days import today  # noqa: PLC0415

    with progress("letting the next day happen …") as tell:
        found = sandbox.advance(_home(home), days, progress=tell)
    last = found.last_day
    when = f" It can be loaded once it is over, from {last + timedelta(days=1)} on." if last and last >= today() else ""
    _show(found, f"{days} more day{'s' * (days > 1)}; the last one is {last}.{when}", as_json=as_json)


def _home(home: Path | None) -> Path:
    from resources.settings import load_settings  # noqa: PLC0415

    return (home or load_settings().home).absolute()


def _show(found: Status, headline: str, *, as_json: bool) -> None:
    if as_json:
        print_json(found.as_dict())
        return
    out = console()
    out.print(headline)
    if not found.exists:
        return
    shop = "a PostgreSQL that you named" if found.shop == "external" else f"PostgreSQL at 127.0.0.1:{found.shop_port}"
    out.print(f"  shop       {shop}, {'running' if found.is_shop_running else 'stopped'}; {sum(found.rows.values()):,} rows")
    out.print(f"  inventory  http://127.0.0.1:{found.inventory_port}, {'running' if found.is_inventory_running else 'stopped'}")
    out.print(f"  landing    {', '.join(f'{name} {count:,} files' for name, count in sorted(found.files.items())) or 'no files'}")
    out.print(f"  days       {found.first_day} to {found.last_day}, scale {found.scale}; {found.defects:,} defects are known")
    out.print(f"  home       {found.home}")
