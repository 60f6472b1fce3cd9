"""The commands ``globalbev quarantine …``: the rows that rules keep aside, looked at, tried again, given up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from globalbev_assets.operations.output import console, print_json, progress

if TYPE_CHECKING:
    from globalbev_assets.contracts.book import ContractBook
    from globalbev_assets.operations.quarantine_decide import Decision
    from globalbev_assets.operations.quarantine_replay import ReplayPlan
    from resources.settings import Settings

app = typer.Typer(name="quarantine", help="Rows that rules keep aside: list, show, replay, discard, reopen.", no_args_is_help=True)

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
    from globalbev_assets.operations.quarantine_read import Chosen, read_quarantine, rules_kept  # noqa: PLC0415
    from resources.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    book = contracts_of(settings)
    contract = silver_named(book, what) if what else None
    chosen = Chosen(
        day_named(settings, day) if day else None,
        rule_named(contract, rule, rules_kept(settings.lake_root, contract, book)) if contract and rule else rule,
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


@app.command()
def replay(  # noqa: PLR0913  its options
    table: Table,
    day: Annotated[str | None, typer.Option(help="Only rows of this day, YYYY-MM-DD.")] = None,
    rule: Annotated[str | None, typer.Option(help="Only rows that broke this rule.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All open rows of the table.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Work out what would be published and what would fail again; write nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Rows again, from bronze, after a contract or its source was mended: their days run through the ordinary path.

    Exit code 1 when a row fails again.
    """
    from globalbev_assets.operations.cli_lake import contracts_of  # noqa: PLC0415
    from globalbev_assets.operations.named import day_named, rule_named, silver_named  # noqa: PLC0415
    from globalbev_assets.operations.quarantine_read import Chosen, rules_kept  # noqa: PLC0415
    from globalbev_assets.operations.quarantine_replay import plan_replay  # noqa: PLC0415
    from resources.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    book = contracts_of(settings)
    contract = silver_named(book, table)
    _check_chosen(day, rule, everything=everything)
    named = rule_named(contract, rule, rules_kept(settings.lake_root, contract, book)) if rule else None
    plan = plan_replay(settings, book, contract, Chosen(day_named(settings, day) if day else None, named, "open"))
    if not plan.rows:
        _say_nothing_chosen(contract.table, dry_run=dry_run, as_json=as_json)
        return
    has_failed = _previewed(settings, plan, as_json=as_json) if dry_run else _replayed(settings, book, plan, as_json=as_json)
    raise typer.Exit(int(has_failed))


def _previewed(settings: Settings, plan: ReplayPlan, *, as_json: bool) -> bool:
    from globalbev_assets.operations import quarantine_replay_print as printing  # noqa: PLC0415
    from globalbev_assets.operations.quarantine_replay import preview_replay  # noqa: PLC0415

    with progress("starting Spark …") as tell:
        previews = preview_replay(settings, plan, tell)
    if as_json:
        print_json(printing.preview_document(plan, previews))
    else:
        printing.show_preview(plan, previews, console())
    return printing.would_fail(previews) > 0


def _replayed(settings: Settings, book: ContractBook, plan: ReplayPlan, *, as_json: bool) -> bool:
    from globalbev_assets.operations import quarantine_replay_print as printing  # noqa: PLC0415
    from globalbev_assets.operations.backfill import execute, prepare_environment  # noqa: PLC0415
    from globalbev_assets.operations.quarantine_replay import carried_out  # noqa: PLC0415

    prepare_environment()
    results = execute(plan.stages, None if as_json else console(markup=True))
    done = carried_out(settings, book, plan, results)
    if as_json:
        print_json(printing.done_document(plan, results, done))
    else:
        printing.show_done(plan, results, done, console())
    return done.failed_again > 0 or not all(result.succeeded for result in results)


@app.command()
def discard(  # noqa: PLR0913  its options
    table: Table,
    positions: Positions,
    reason: Annotated[str, typer.Option(help="Why, in a sentence; kept with the row. No personal data.")],
    by: Annotated[str | None, typer.Option(help="Who decides, instead of this machine's user.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: Json = False,
) -> None:
    """Give rows up: they stay in quarantine, discarded, until the row or its errors change, or somebody reopens them."""
    _decide("discarded", table, positions, reason, by, dry_run=dry_run, as_json=as_json)


@app.command()
def reopen(  # noqa: PLR0913  its options
    table: Table,
    positions: Positions,
    reason: Annotated[str, typer.Option(help="Why, in a sentence; kept with the row. No personal data.")],
    by: Annotated[str | None, typer.Option(help="Who decides, instead of this machine's user.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: Json = False,
) -> None:
    """Open discarded rows again."""
    _decide("open", table, positions, reason, by, dry_run=dry_run, as_json=as_json)


def _decide(decision: Decision, table: str, positions: list[str], reason: str, by: str | None, *, dry_run: bool, as_json: bool) -> None:  # noqa: PLR0913
    from getpass import getuser  # noqa: PLC0415

    from globalbev_assets.operations.cli_lake import contracts_of  # noqa: PLC0415
    from globalbev_assets.operations.named import silver_named  # noqa: PLC0415
    from globalbev_assets.operations.printed import count  # noqa: PLC0415
    from globalbev_assets.operations.quarantine_decide import carry_out, plan_decision, reason_of  # noqa: PLC0415
    from resources.settings import load_settings  # noqa: PLC0415

    settings, why = load_settings(), reason_of(reason)
    book = contracts_of(settings)
    contract = silver_named(book, table)
    decided = plan_decision(settings, book, contract, positions, decision)
    if not dry_run:
        decided = carry_out(settings, contract, decided, by or getuser(), why)
    if as_json:
        changed, already = ([row.position for row in rows] for rows in (decided.changed, decided.already))
        print_json({"dry_run": dry_run, "state": decision, "changed": changed, "already": already, "reason": why})
        return
    out, state = console(), "discarded" if decision == "discarded" else "open again"
    for row in decided.changed:
        out.print(f"{row.table_name} {row.position} {'would be' if dry_run else 'is'} {state}: {why}", soft_wrap=True)
    if decided.already:
        out.print(
            f"{count(len(decided.already), 'row was', 'rows were')} so before: {', '.join(row.position for row in decided.already)}", soft_wrap=True
        )


def _check_chosen(day: str | None, rule: str | None, *, everything: bool) -> None:
    """What is replayed is said, never assumed: a bare `replay orders` could be months."""
    from globalbev_assets.errors import TerminalError  # noqa: PLC0415

    if everything == bool(day or rule):
        raise TerminalError(
            "GB-2315",
            "Say which rows are to be replayed.",
            got="--all beside --day or --rule" if everything else "neither --day nor --rule nor --all",
            valid="--day, --rule, both, or --all",
            todo="Choose, and look with --dry-run first.",
        )


def _say_nothing_chosen(table: str, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json({"dry_run": dry_run, "rows": 0, "runs": []})
    else:
        console().print(f"No open row is chosen, so nothing is to be done. `globalbev quarantine list {table} --state all` shows what there was.")
