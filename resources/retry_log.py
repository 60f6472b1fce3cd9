"""One quiet event in the log for each retry.

stamina would print a warning a retry through structlog, on standard output: among the rows that a command prints as JSON.
"""

from __future__ import annotations

import stamina
from stamina.instrumentation import RetryDetails

from resources.logs.events import emit
from resources.logs.step_events import reason_of


def install() -> None:
    """Log retries at INFO, by the error's own words, redacted; arguments are not logged."""
    stamina.instrumentation.set_on_retry_hooks([_note])


def _note(details: RetryDetails) -> None:
    emit("source.retry", attempt=details.retry_num + 1, wait_s=details.wait_for, reason=reason_of(details.caused_by))
