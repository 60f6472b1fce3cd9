"""One quiet line in the log for each retry.

stamina would print a warning a retry through structlog, on standard output: among the rows that a command prints as JSON.
"""

from __future__ import annotations

import logging

import stamina
from stamina.instrumentation import RetryDetails

_log = logging.getLogger("globalbev.retry")


def install() -> None:
    """Log retries at INFO, by the error's own words, which hold no secret; arguments are not logged."""
    stamina.instrumentation.set_on_retry_hooks([_note])


def _note(details: RetryDetails) -> None:
    _log.info("retry %d in %.2f s: %s", details.retry_num, details.wait_for, details.caused_by)
