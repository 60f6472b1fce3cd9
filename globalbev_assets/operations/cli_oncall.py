"""The commands for the person on call: ``ledger``, ``checks``, ``trace``."""

from __future__ import annotations

from typing import Annotated

import typer

from globalbev_assets.operations.output import console, print_json, progress

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def ledger(
    what: Annotated[
        str | None, typer.Argument(metavar="[DAY|TABLE]", help="A day, YYYY-MM-DD, or a table, layer.table. Neither: all tables.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All days of a table, not only the newest thirty.")] = False,
    as_json: Json = False,
) -> None:
    """What became of each source row. Exit code 1 when a day was held or failed, or a row has no outcome."""
    from globalbev_assets.operations.cli_lake import contracts_of  # noqa: PLC0415
    from globalbev_assets.operations.ledger_view import read_ledger, show  # noqa: PLC0415
    from resources.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    with progress("reading the ledger …"):
        view = read_ledger(settings, contracts_of(settings), what)
    if as_json:
        print_json({"asked": view.asked or None, "rows": [each.as_dict() for each in view.rows], "not_in_order": len(view.troubled)})
    else:
        show(view, console(), is_whole=everything)
    raise typer.Exit(int(bool(view.troubled)))


def checks(
    what: Annotated[str | None, typer.Argument(metavar="[TABLE]", help="A table, layer.table. Without it: all tables.")] = None,
    day: Annotated[str | None, typer.Option(help="A day, YYYY-MM-DD. Without it: each table's newest day with rows; with --failed all days.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only what did not pass.")] = False,
    as_json: Json = False,
) -> None:
    """What each rule and limit saw, against what is allowed and the day before. Exit code 1 when a limit of a day is broken."""
    from globalbev_assets.operations.checks_print import show  # noqa: PLC0415
    from globalbev_assets.operations.checks_view import read_checks  # noqa: PLC0415
    from globalbev_assets.operations.cli_lake import contracts_of  # noqa: PLC0415
    from resources.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    with progress("reading the results …"):
        view = read_checks(settings, contracts_of(settings), what, day, only_failed=failed)
    if as_json:
        print_json(view.as_document())
    else:
        show(view, console())
    raise typer.Exit(int(view.has_findings))


def trace(
    key: Annotated[str, typer.Argument(metavar="KEY", help="order:1000135, customer:10412, sku:BEV-001813, payment:…; or the value alone.")],
    as_json: Json = False,
) -> None:
    """Follow an order, customer, SKU or payment from its source through bronze, quarantine and silver to gold; personal data is masked."""
    from globalbev_assets.operations.cli_lake import contracts_of  # noqa: PLC0415
    from globalbev_assets.operations.trace_print import as_document, show  # noqa: PLC0415
    from globalbev_assets.operations.trace_read import trace as follow  # noqa: PLC0415
    from resources.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    book = contracts_of(settings)
    with progress(f"following {key} …"):
        found = follow(settings, book, key)
    if as_json:
        print_json(as_document(found, book, settings))
    else:
        show(found, book, settings, console())
