"""The commands about the installation's own health: ``heartbeat``, ``metrics``, ``logs``."""

from __future__ import annotations

import json
import logging
import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from globalbev_assets.operations.output import console, print_json, size

if TYPE_CHECKING:
    from globalbev_assets.operations.heartbeat import Heartbeat
    from resources.metrics.lake_state import Measured
    from resources.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
logs = typer.Typer(no_args_is_help=True, help="The log lines that wait for their shipping.")


def heartbeat(
    minutes: Annotated[float, typer.Option(min=0.1, help="Silent is what shows no sign of life for so long.")] = 10,
    ui: Annotated[bool, typer.Option("--ui/--no-ui", help="Ask the UI, and through it the code server, too.")] = True,
    every: Annotated[float | None, typer.Option(metavar="SECONDS", min=1, help="Stay, and look so often: where there is no timer.")] = None,
    as_json: Json = False,
) -> None:
    """Is Dagster itself silent? For cron or a timer; sends one message when it falls silent and one when it is back.

    Exit code 1 when it is silent; with --every it goes on until it is stopped, and --json prints a line a look.
    """
    from globalbev_assets.operations.heartbeat import as_document, look, looks  # noqa: PLC0415

    if every is None:
        found = look(_settings(), minutes * 60, with_ui=ui)
        if as_json:
            print_json(as_document(found))
        else:
            _show_heartbeat(found)
        raise typer.Exit(found.exit_code)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # the first process of a container has no other way to hear it
    for seen in looks(_settings(), minutes * 60, every, with_ui=ui):
        if isinstance(seen, Exception):
            sys.stderr.write(f"{seen}\n")
        elif as_json:
            sys.stdout.write(f"{json.dumps(as_document(seen))}\n")
            sys.stdout.flush()
        else:
            _show_heartbeat(seen)


def _show_heartbeat(found: Heartbeat) -> None:
    if found.verdict.is_silent:
        console().print("Dagster is silent:", *(f"  {reason}" for reason in found.verdict.reasons), sep="\n")
    else:
        unseen = [f"  {sign.name} ({sign.what})" for sign in found.signs if sign.what]
        console().print("Dagster is alive." if not unseen else "Not silent for long enough yet:", *unseen, sep="\n")
    for problem in found.problems:
        sys.stderr.write(f"Not told: {problem}\n")


def metrics(
    serve: Annotated[int | None, typer.Option(metavar="PORT", min=1, max=65535, help="Serve them on 127.0.0.1 until Ctrl-C.")] = None,
    push: Annotated[bool, typer.Option("--push", help="Send them once to the receivers of the settings, for a timer.")] = False,
    as_json: Json = False,
) -> None:
    """The lake's state as metrics: freshness, held and failed days, quarantine, alerts that wait. Printed as Prometheus reads them."""
    from partitions.days import now  # noqa: PLC0415
    from resources.lakehouse_resource import book_of  # noqa: PLC0415
    from resources.metrics.lake_state import lake_state  # noqa: PLC0415
    from resources.metrics.prometheus import as_text, server  # noqa: PLC0415

    settings = _settings()
    book = book_of(settings)
    if serve is not None:
        with server(serve, lambda: as_text(lake_state(settings, book, now()))) as serving:
            console(is_error=True).print(f"http://127.0.0.1:{serving.server_address[1]}/metrics until Ctrl-C")
            serving.serve_forever()
        return
    found = lake_state(settings, book, now())
    if push:
        _push(settings, found, as_json=as_json)
    elif as_json:
        print_json([{"name": each.instrument.name, "unit": each.instrument.unit, "value": each.value, **each.attributes} for each in found])
    else:
        sys.stdout.write(as_text(found))


@logs.command()
def status(as_json: Json = False) -> None:
    """How many lines wait, and whether anybody takes them."""
    from resources.logs.shipping import spool_of  # noqa: PLC0415

    settings = _settings()
    lines, size_bytes = spool_of(settings).waiting()
    if as_json:
        print_json({"shipping": settings.log_endpoint is not None, "lines": lines, "bytes": size_bytes, "folder": str(spool_of(settings).folder)})
    else:
        console().print(f"{lines:,} lines wait ({size(size_bytes)}); shipping is {'on' if settings.log_endpoint else 'off'}.")


@logs.command()
def ship(as_json: Json = False) -> None:
    """Ship now what waits, of dead processes too. Exit code 75 when the receiver does not take it."""
    from resources.logs.log_analytics import log_analytics  # noqa: PLC0415
    from resources.logs.shipping import ship as ship_spool  # noqa: PLC0415
    from resources.logs.shipping import spool_of  # noqa: PLC0415

    settings = _settings()
    receiver = log_analytics(settings)
    if receiver is None:
        raise _shipping_is_off()
    done = ship_spool(spool_of(settings), receiver.send)
    if as_json:
        print_json({"lines": done.lines, "lost": done.lost, "reason": done.reason})
    else:
        console().print(
            f"{done.lines:,} lines shipped{f', {done.lost:,} refused' if done.lost else ''}{f'; then: {done.reason}' if done.reason else ''}."
        )
    raise typer.Exit(75 if done.reason else 0)


def _push(settings: Settings, found: list[Measured], *, as_json: bool) -> None:
    from resources.metrics.export import is_on  # noqa: PLC0415
    from resources.metrics.push import push as push_metrics  # noqa: PLC0415

    if not is_on(settings):
        raise _metrics_are_off()
    receivers = push_metrics(settings, found)
    if as_json:
        print_json({"values": len(found), "receivers": receivers})
    else:
        console().print(f"{len(found):,} values sent.")


def _settings() -> Settings:
    """The settings with the project's ``.env``; events are written and shipped, and only the command talks to the terminal."""
    from dotenv import load_dotenv  # noqa: PLC0415

    from resources.settings import PROJECT, load_settings  # noqa: PLC0415
    from resources.telemetry import configure_telemetry  # noqa: PLC0415

    load_dotenv(PROJECT / ".env")
    settings = load_settings()
    configure_telemetry(settings, least=logging.CRITICAL, with_dagster=False)
    return settings


def _shipping_is_off() -> Exception:
    from globalbev_assets.errors import TerminalError  # noqa: PLC0415

    return TerminalError(
        "GB-2403", "No receiver of logs is set.", got="no GLOBALBEV_LOG_ENDPOINT", valid="the settings of docs/observability.md", todo="Set them."
    )


def _metrics_are_off() -> Exception:
    from globalbev_assets.errors import TerminalError  # noqa: PLC0415

    return TerminalError(
        "GB-2413",
        "No receiver of metrics is set.",
        got="neither GLOBALBEV_METRICS_OTLP nor GLOBALBEV_METRICS_APPLICATION_INSIGHTS",
        valid="one of them",
        todo="Set one, or print them without --push.",
    )
