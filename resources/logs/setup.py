"""Switching logging on, once a process: levels, redaction of every record, the handler that writes.

A second call does nothing, so whoever comes first decides: a command that prints for a person asks for warnings only, the definitions for all.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from resources.logs.dagster_console import write_runs_in_our_form
from resources.logs.error_redaction import redact_errors_of_dagster
from resources.logs.events import LOGGER
from resources.logs.formatting import Form
from resources.logs.redaction import REDACTOR, RedactingFilter, redact_record, secrets_of
from resources.logs.standard_error import MARK, StandardError
from resources.settings import Settings


def configure_logging(settings: Settings, *, least: int | None = None, with_dagster: bool = True) -> None:
    """Log as the settings say.

    Args:
        settings: of the installation; its secrets are hidden from now on, in whatever anybody logs or raises.
        with_dagster: see to Dagster's own texts too; off for what must work without it.
        least: write only from this level on, for commands that talk to a person; events are shipped and shown by Dagster all the same.
    """
    REDACTOR.learn(secrets_of(settings))
    if with_dagster:
        redact_errors_of_dagster()
        write_runs_in_our_form(form_of(settings))
    _redact_all_records()
    if _is_configured():
        return
    root = logging.getLogger()
    for other in root.handlers:
        other.addFilter(RedactingFilter())
    handler = StandardError(form_of(settings))
    handler.setLevel(least or logging.NOTSET)
    root.addHandler(handler)
    if settings.log_endpoint is not None:
        from resources.logs.shipping import start_shipping  # noqa: PLC0415  an HTTP client that nobody else needs here

        start_shipping(settings)
    logging.getLogger(LOGGER).setLevel(settings.log_level.upper())
    if settings.env != "local":
        logging.captureWarnings(True)  # else they are lines on standard error that are no JSON


def form_of(settings: Settings) -> Form:
    """JSON wherever a machine reads it, which is everywhere but ``local``."""
    if settings.log_format != "auto":
        return settings.log_format
    return "console" if settings.env == "local" else "json"


def _is_configured() -> bool:
    return any(handler.name == MARK for handler in logging.getLogger().handlers)


def _redact_all_records() -> None:
    """Every record of the process, of whatever logger and for whatever handler, is redacted where it is made."""
    made = logging.getLogRecordFactory()
    if getattr(made, MARK, False):
        return
    logging.setLogRecordFactory(_redacting(made))


def _redacting(made: Callable[..., logging.LogRecord]) -> Callable[..., logging.LogRecord]:
    def make(*arguments: Any, **named: Any) -> logging.LogRecord:
        record = made(*arguments, **named)
        redact_record(record)
        return record

    setattr(make, MARK, True)
    return make
