"""The command ``globalbev drift``: what the sources have that the contracts do not say, and the contracts patched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from globalbev_assets.operations.output import console, print_json, progress

if TYPE_CHECKING:
    from globalbev_assets.operations.drift_report import Report
    from resources.drift.comparing import Comparison

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def drift(  # noqa: PLR0913  a command's options
    what: Annotated[list[str] | None, typer.Argument(metavar="[show] [TABLE|ID]…", help="Tables or differences; all without it.")] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Write the proposed changes into the contracts, check them, and look at the sources.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --apply: only show the changes.")] = False,
    look: Annotated[bool, typer.Option("--look", help="Look at the sources first, as the sensor does.")] = False,
    is_all: Annotated[bool, typer.Option("--all", help="Differences that are over, too.")] = False,
    as_json: Json = False,
) -> None:
    """What the sources have that the contracts do not say. Exit code 1 while a breaking difference is open."""
    from globalbev_assets.operations.cli_lake import contracts_of  # noqa: PLC0415
    from globalbev_assets.operations.drift_report import Report, show_list, show_whole  # noqa: PLC0415
    from resources.drift.comparing import Comparison  # noqa: PLC0415
    from resources.settings import load_settings  # noqa: PLC0415

    words = list(what or ())
    is_whole = words[:1] == ["show"]
    settings = load_settings()
    comparison = Comparison(settings, contracts_of(settings))
    silent = _look(comparison) if look else []
    report = Report.of(comparison, words[1:] if is_whole else words, is_all=is_all or is_whole)
    if apply:
        _apply(report, is_dry_run=dry_run, as_json=as_json)
        return
    if as_json:
        print_json({"differences": report.as_document(), "not_looked_at": silent})
    else:
        (show_whole if is_whole or words else show_list)(report, console(), silent)
    raise typer.Exit(int(any(row.is_open and row.is_breaking for row in report.rows)))


def _look(comparison: Comparison) -> list[str]:
    from globalbev_assets.operations.drift_apply import look_now  # noqa: PLC0415

    with progress("looking at the sources …"):
        return look_now(comparison)


def _apply(report: Report, *, is_dry_run: bool, as_json: bool) -> None:
    from globalbev_assets.operations.drift_apply import apply_patches, show_outcome  # noqa: PLC0415

    outcome = apply_patches(report, is_dry_run=is_dry_run)
    if as_json:
        print_json(outcome.as_document())
    else:
        show_outcome(outcome, console())
    raise typer.Exit(int(bool(outcome.proposal.by_hand)))
