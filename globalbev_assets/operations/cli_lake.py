"""The commands about the lake and this machine: ``sql``, ``clean``, ``doctor``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from globalbev_assets.operations.output import console, print_json, progress

if TYPE_CHECKING:
    from globalbev_assets.contracts.book import ContractBook
    from globalbev_assets.operations.findings import Installation
    from globalbev_assets.operations.repairs import Mended
    from resources.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def sql(
    query: Annotated[
        str | None, typer.Argument(help='One query, such as "SELECT * FROM gold.executive_kpis". Without it: a prompt, or stdin.')
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="All rows as CSV.")] = False,
    as_json: Json = False,
    unmasked: Annotated[bool, typer.Option("--unmasked", help="Show personal data as it is.")] = False,
) -> None:
    """Ask the lake in SQL (DuckDB), read only, offline; personal data is masked.

    Tables are named layer.table: bronze.orders, silver.orders, gold.executive_kpis, quarantine.orders, ops.ledger.
    """
    from globalbev_assets.operations.lake_answers import write_answer  # noqa: PLC0415
    from globalbev_assets.operations.lake_prompt import run_prompt  # noqa: PLC0415
    from globalbev_assets.operations.lake_sql import ask  # noqa: PLC0415
    from globalbev_assets.operations.lake_views import open_views  # noqa: PLC0415
    from resources.settings import load_settings  # noqa: PLC0415

    if as_csv and as_json:
        raise typer.BadParameter("Choose one of --csv and --json.")
    settings, is_prompt = load_settings(), query is None and sys.stdin.isatty()
    text = query if query is not None else "" if is_prompt else sys.stdin.read()
    with progress("opening the lake …"):
        views = open_views(settings, contracts_of(settings), query=text, is_unmasked=unmasked)
    if is_prompt:
        run_prompt(views)
        return
    answer = ask(views, text)
    hidden = sorted({column for columns in views.masked.values() for column in columns if column in answer.columns})
    write_answer(answer, "csv" if as_csv else "json" if as_json else "table", hidden)
    if hidden and sys.stderr.isatty() and not as_json:
        console(is_error=True).print(f"Masked as personal: {', '.join(hidden)}. --unmasked shows them.", style="dim")


def clean(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be removed.")] = False,
    retention_days: Annotated[int, typer.Option(help="Keep unused files of tables for so many days; at least 7.")] = 7,
    events: Annotated[bool, typer.Option("--events", help="Remove old runs of Dagster too, with their events.")] = False,
    events_days: Annotated[int, typer.Option(min=1, help="Age from which a run is old.")] = 90,
    as_json: Json = False,
) -> None:
    """Remove what nobody needs any more: staging and leases of dead runs, Spark's leftovers, files that no table uses.

    Exit code 1 when something could not be removed.
    """
    from globalbev_assets.operations.cleaning import Outcome, as_document, carry_out, plan_cleaning, show  # noqa: PLC0415
    from resources.settings import load_settings  # noqa: PLC0415

    with progress("looking for what nobody needs …") as tell:
        plan = plan_cleaning(load_settings(), retention_days=retention_days, events_days=events_days if events else None)
        tell("removing …")
        outcomes = [Outcome(removal) for removal in plan] if dry_run else list(carry_out(plan))
    if as_json:
        print_json(as_document(outcomes, is_dry_run=dry_run))
    else:
        show(outcomes, console(), is_dry_run=dry_run)
    raise typer.Exit(int(any(outcome.error for outcome in outcomes)))


def doctor(
    stop: Annotated[bool, typer.Option("--stop", help="Only end the Spark server of this home.")] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what crashes leave: stuck runs, held slots, lost ledger rows and events, files nobody needs.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --fix: only say what it would do.")] = False,
    as_json: Json = False,
) -> None:
    """Look at this installation and say what to do. Exit code 1 when something does not work, or could not be mended."""
    from globalbev_assets.operations import repairs  # noqa: PLC0415
    from globalbev_assets.operations.doctor import as_document, diagnose, exit_code, installation, show  # noqa: PLC0415
    from resources.settings import load_settings  # noqa: PLC0415

    if dry_run and not fix:
        raise typer.BadParameter("--dry-run belongs to --fix.")
    settings = load_settings()
    if stop:
        _stop_spark(settings, as_json=as_json)
        return
    at, contracts = installation(settings)
    mended = _mended(at, dry_run=dry_run) if fix else None
    with progress("looking at everything …"):
        findings = [contracts, *diagnose(at)]
    if as_json:
        print_json(as_document(findings, mended))
    else:
        if mended is not None:
            repairs.show(mended, console(), is_dry_run=dry_run)
        show(findings, console())
    raise typer.Exit(max(exit_code(findings), int(any(each.error for each in mended or ()))))


def _mended(at: Installation, *, dry_run: bool) -> list[Mended]:
    from globalbev_assets.operations.doctor_lake import refuse_when_at_work  # noqa: PLC0415
    from globalbev_assets.operations.repairs import Mended, carry_out, plan_repairs  # noqa: PLC0415

    with progress("looking for what is broken …") as tell:
        if not dry_run:
            refuse_when_at_work(at)
        plan = plan_repairs(at)
        tell("mending …")
        return [Mended(repair) for repair in plan] if dry_run else list(carry_out(plan))


def _stop_spark(settings: Settings, *, as_json: bool) -> None:
    from resources.spark_server import stop_server  # noqa: PLC0415

    was_running = stop_server(settings)
    if as_json:
        print_json({"stopped": was_running})
    else:
        console().print("The Spark server is stopped." if was_running else "No Spark server was running.")


def contracts_of(settings: Settings) -> ContractBook:
    """The contracts of this installation, by way of the cache that spares the JSON Schema's check."""
    from globalbev_assets.contracts.loader import load_contracts  # noqa: PLC0415

    return load_contracts(settings.contract_folders, cache=settings.home / "state" / "contracts.json")
