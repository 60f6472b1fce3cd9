"""``globalbev alerts``: what is open, one incident in full, one accepted as it is, a test message to every channel, and the outbox by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from globalbev_assets.operations.output import console, print_json, progress

if TYPE_CHECKING:
    from resources.alerts.tick import Alerting

app = typer.Typer(help="What the people on call were told, and what is open.", invoke_without_command=True)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


@app.callback()
def alerts(
    context: typer.Context,
    open_only: Annotated[bool, typer.Option("--open", help="Only what is not over.")] = False,
    as_json: Json = False,
) -> None:
    """The incidents, newest first. Exit code 1 when one is open."""
    if context.invoked_subcommand is not None:
        return
    from globalbev_assets.operations.alert_listing import as_document, show_list  # noqa: PLC0415

    recorded = _alerting().outbox.load()
    chosen = [incident for incident in recorded.incidents.values() if incident.is_open or not open_only]
    chosen.sort(key=lambda incident: incident.opened_at, reverse=True)
    if as_json:
        print_json(as_document(chosen, recorded))
    else:
        show_list(chosen, recorded, console())
    raise typer.Exit(int(any(incident.is_open for incident in chosen)))


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="ID", help="Name of an incident; its first characters are enough.")], as_json: Json = False
) -> None:
    """One incident as it is now, with what was sent about it."""
    from globalbev_assets.operations.alert_listing import found_incident, incident_text, one_document  # noqa: PLC0415

    alerting = _alerting()
    recorded = alerting.outbox.load()
    incident = found_incident(recorded, name)
    if as_json:
        print_json(one_document(incident, recorded))
    else:
        console().print(incident_text(incident, recorded, alerting), soft_wrap=True)


@app.command()
def accept(
    name: Annotated[str, typer.Argument(metavar="ID", help="Name of an open incident; its first characters are enough.")],
    reason: Annotated[str, typer.Option(help="Why, in a sentence; it stands in the closing message. No personal data.")],
    by: Annotated[str | None, typer.Option(help="Who says so; without it the user of this machine.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be closed and told.")] = False,
    as_json: Json = False,
) -> None:
    """Close an incident that cannot pass, such as the volume of a holiday: its days count as settled, and one message says who accepted it and why.

    Another broken day of the same rule is a new alert, and so is one of these that gets worse.
    """
    from getpass import getuser  # noqa: PLC0415

    from globalbev_assets.operations.alert_accepting import as_document, show  # noqa: PLC0415
    from globalbev_assets.operations.alert_listing import found_incident  # noqa: PLC0415
    from partitions.days import now  # noqa: PLC0415
    from resources.alerts.acceptance import Decision  # noqa: PLC0415

    alerting, decision = _alerting(), Decision.of(by or getuser(), reason)
    incident = found_incident(alerting.outbox.load(), name)
    done = alerting.accept(incident.id, decision, now(), is_dry_run=dry_run)
    if as_json:
        print_json(as_document(done, is_dry_run=dry_run))
    else:
        show(done, console(), is_dry_run=dry_run)


@app.command()
def test(as_json: Json = False) -> None:
    """Send a test message to each channel and say which took it. Exit code 1 when one did not."""
    from globalbev_assets.operations.alert_listing import show_test  # noqa: PLC0415
    from resources.alerts.trial import try_channels  # noqa: PLC0415

    alerting = _alerting()
    with progress("sending …"):
        outcomes = try_channels(alerting)
    if as_json:
        print_json([{"channel": name, "error": error} for name, error in outcomes])
    else:
        show_test(outcomes, console())
    raise typer.Exit(int(any(error for _, error in outcomes)))


@app.command()
def send(as_json: Json = False) -> None:
    """Send now what waits. Exit code 1 when a channel took it not."""
    from globalbev_assets.operations.alert_listing import show_round  # noqa: PLC0415
    from partitions.days import now  # noqa: PLC0415

    with progress("sending …"):
        done = _alerting().send(now())
    if as_json:
        print_json({"sent": done.sent, "problems": done.problems})
    else:
        show_round(done, console())
    raise typer.Exit(int(bool(done.problems)))


def _alerting() -> Alerting:
    from globalbev_assets.operations.cli_lake import contracts_of  # noqa: PLC0415
    from resources.alerts.tick import Alerting  # noqa: PLC0415
    from resources.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    return Alerting.of(settings, contracts_of(settings))
