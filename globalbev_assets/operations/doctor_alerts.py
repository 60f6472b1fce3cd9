"""What ``globalbev doctor`` says about the alerts: whether every address is one, and whether messages wait. Nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator

from globalbev_assets.errors import TerminalError
from globalbev_assets.operations.findings import Finding, Installation, fail, ok, warn


def look_at_alerts(at: Installation) -> Iterator[Finding]:
    """The addresses, by their place in the settings, and the outbox."""
    from resources.alerts.channels import FILE, channels_of, sender_of  # noqa: PLC0415
    from resources.alerts.outbox import Outbox  # noqa: PLC0415

    channels = channels_of(at.settings)
    for channel in channels:
        try:
            sender_of(channel, at.settings.home)
        except TerminalError as error:
            yield fail("alerts", f"{channel.name}: {error.code} {error.what}", error.todo)
    recorded = Outbox(at.settings.lake_root).load()
    still = sum(incident.is_open for incident in recorded.incidents.values())
    tried = [message for message in recorded.unsent if message.attempts]
    if tried:
        yield warn(
            "alerts", f"{len(tried)} messages were not taken yet, the oldest since {tried[0].created_at:%Y-%m-%d %H:%M}", "`globalbev alerts test`"
        )
    else:
        goes_to = "a file in the home" if channels[0].name == FILE else f"{len(channels)} addresses"
        yield ok("alerts", f"{still} open; messages go to {goes_to}")
