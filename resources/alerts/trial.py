"""A message to each channel that says no more than that it arrives."""

from __future__ import annotations

from partitions.days import now
from resources.alerts.channels import channels_of
from resources.alerts.delivery import deliver
from resources.alerts.messages import Message
from resources.alerts.tick import Alerting


def try_channels(alerting: Alerting) -> list[tuple[str, str]]:
    """Send a test message; each channel with what went wrong, empty when nothing did. Nothing is recorded."""
    outcomes = []
    at = now()
    for channel in channels_of(alerting.settings):
        body = f"Messages for {' and '.join(channel.severities)} arrive here. Nothing is wrong.\nAlert:    message test-{at:%Y%m%dT%H%M%S}"
        message = Message(f"test-{at:%Y%m%dT%H%M%S}", "test", channel.severities, (), "Test of the GlobalBev alerts", body, at)
        done = deliver([message], [channel], alerting.sender_of, at)
        outcomes.append((channel.name, done.problems[0].partition(": ")[2] if done.problems else ""))
    return outcomes
