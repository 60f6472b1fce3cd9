"""The command line ``globalbev``: its commands and their options, no work.

Each command imports what it needs when it runs, so that ``globalbev --help`` answers at once and without Dagster, PySpark or the sandbox.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from globalbev_assets.operations.cli_alerts import app as alerts_app
from globalbev_assets.operations.cli_contract import app as contract_app
from globalbev_assets.operations.cli_databricks import app as databricks_app
from globalbev_assets.operations.cli_drift import drift
from globalbev_assets.operations.cli_freshness import freshness
from globalbev_assets.operations.cli_help import explain
from globalbev_assets.operations.cli_lake import clean, doctor, sql
from globalbev_assets.operations.cli_observability import heartbeat, metrics
from globalbev_assets.operations.cli_observability import logs as logs_app
from globalbev_assets.operations.cli_oncall import checks, ledger, trace
from globalbev_assets.operations.cli_quarantine import app as quarantine_app
from globalbev_assets.operations.cli_sandbox import app as sandbox_app
from globalbev_assets.operations.failures import guarded

# Typer's own: its exits, and a wrong option, which it explains with the usage.
PASSED = (typer.Exit, typer.Abort, *typer.BadParameter.__mro__[1:3])


class Guarded(TyperGroup):
    """A group of commands whose errors are told as :mod:`globalbev_assets.operations.failures` says."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        answers: list[Any] = []
        code = guarded(lambda: answers.append(super(Guarded, self).invoke(ctx)), is_verbose=bool(ctx.params.get("verbose")), passed=PASSED)
        if code is not None:
            raise typer.Exit(code)
        return answers[0]


app = typer.Typer(
    name="globalbev",
    cls=Guarded,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(sandbox_app, name="sandbox")
app.add_typer(contract_app, name="contract")
app.add_typer(databricks_app, name="databricks")
app.add_typer(alerts_app, name="alerts")
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(logs_app, name="logs")
for command in (sql, clean, doctor, ledger, checks, trace, freshness, drift, heartbeat, metrics):
    app.command()(command)
app.command("help")(explain)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


@app.callback()
def globalbev(verbose: Annotated[bool, typer.Option("--verbose", help="Show the traceback of an unexpected error.")] = False) -> None:
    """The GlobalBev lakehouse.

    Exit codes: 0 done; 1 done, with findings; 2 wrong in a way that will not pass by itself; 65 the data was rejected; 75 try again;
    70 a mistake of ours; 130 interrupted.
    """


@app.command()
def demo(
    home: Annotated[Path | None, typer.Option(help="Folder of all local state, instead of GLOBALBEV_HOME.")] = None,
    scale: Annotated[int, typer.Option(min=1, help="How many times the real orders are multiplied.")] = 1,
    as_json: Json = False,
) -> None:
    """Six months of messy sources through bronze, silver and gold, then a summary."""
    from globalbev_assets.operations.demo import run_demo  # noqa: PLC0415
    from globalbev_assets.operations.output import console  # noqa: PLC0415

    raise typer.Exit(run_demo(home, scale, as_json, console(markup=True)))


@app.command()
def backfill(
    first: Annotated[str, typer.Argument(metavar="FROM", help="First day, YYYY-MM-DD.")],
    last: Annotated[str, typer.Argument(metavar="TO", help="Last day, included.")],
    select: Annotated[list[str] | None, typer.Option(help="Only these assets, in Dagster's selection syntax; may be given again.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: Json = False,
) -> None:
    """Load the days FROM to TO again, one run a layer."""
    from globalbev_assets.operations.backfill import run_backfill  # noqa: PLC0415
    from globalbev_assets.operations.output import console  # noqa: PLC0415

    raise typer.Exit(run_backfill(first, last, tuple(select or ()), dry_run, as_json, console(markup=True)))


def main() -> None:
    """The entry point ``globalbev``."""
    app(args=sys.argv[1:], prog_name="globalbev")


if __name__ == "__main__":
    main()
