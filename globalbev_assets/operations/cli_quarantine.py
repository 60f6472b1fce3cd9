"""The commands ``globalbev quarantine …``: the rows that rules keep aside, looked at, tried again, given up."""

from __future__ import annotations

from typing import Annotated

import typer

from globalbev_assets.operations.output import console, print_json, progress

app = typer.Typer(name="quarantine", help="Rows that rules keep aside: list, show, replay, discard.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Table = Annotated[str, typer.Argument(metavar="TABLE", help="The silver table, such as orders or silver.orders.")]
Positions = Annotated[list[str], typer.Argument(metavar="POSITION…", help="As `quarantine list` shows it: 1000135/2, or file#record.")]


@app.command("list")
def list_(
    what: Annotated[str | None, typer.Argument(metavar="[TABLE]", help="The silver table. Without it: how many rows of each table and rule.")] = None,
    day: Annotated[str | None, typer.Option(help="Only rows of this day, YYYY-MM-DD.")] = None,
    rule: Annotated[str | None, typer.Option(help="Only rows that broke this rule.")] = None,
    state: Annotated[str, typer.Option(help="open, replayed, discarded or all.")] = "open",
    as_json: Json = False,
) -> None:
    """How many rows are kept aside by which rule; of one table the rows themselves."""
    from globalbev_assets.operations.cli_lake import contracts_of  # noqa: PLC0415
    from globalbev_assets.operations.named import day_named, rule_named, silver_named, state_named  # noqa: PLC0415
    from globalbev_assets.operations.quarantine_print import next_of_list, show_rows, show_rules  # noqa: PLC0415
    from globalbev_assets.operations.quarantine_read import Chosen, read_quarantine  # noqa: PLC0415
    from resources.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    book = contracts_of(settings)
    contract = silver_named(book, what) if what else None
    chosen = Chosen(
        day_named(settings, day) if day else None,
        rule_named(contract, rule) if contract and rule else rule,
        None if state == "all" else state_named(state),
    )
    with progress("reading the quarantine …"):
        rows = read_quarantine(settings.lake_root, [contract] if contract else book.layer("silver"), book, chosen)
    if as_json:
        print_json({"rows": [row.as_dict(book.parse(row.table_name)) for row in rows], "count": len(rows)})
        return
    out = console()
    if not rows:
        out.print(f"No row is {'there' if state == 'all' else state}.")
        return
    show_rules(rows, book, out)
    if contract:
        show_rows(rows, out)
    next_of_list(rows, contract, out)


@app.command()
def show(table: Table, positions: Positions, as_json: Json = False) -> None:
    """Rows with their errors in words and where they came from; personal data is masked."""
    from globalbev_assets.operations.cli_lake import contracts_of  # noqa: PLC0415
    from globalbev_assets.operations.named import silver_named  # noqa: PLC0415
    from globalbev_assets.operations.quarantine_print import next_of_row, origin, show_row  # noqa: PLC0415
    from globalbev_assets.operations.quarantine_read import find  # noqa: PLC0415
    from resources.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    book = contracts_of(settings)
    contract = silver_named(book, table)
    rows = find(settings.lake_root, contract, book, positions)
    if as_json:
        listed = [{**row.as_dict(contract), "origin": origin(row.source, row.source_position, contract, book, settings)} for row in rows]
        print_json({"rows": listed})
        return
    for row in rows:
        show_row(row, contract, book, settings, console())
    next_of_row(rows, contract, console())
