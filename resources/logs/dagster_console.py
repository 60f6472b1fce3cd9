"""Dagster's own messages of a run, in the form of everything else.

A run whose configuration names no logger gets Dagster's coloured one, and there is no setting for another: the function that gives it is
replaced, and a test tells when Dagster changes it. In a run's configuration ``loggers: {console: …}`` means Dagster's own as before.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from resources.logs.events import EVENT_ATTRIBUTE
from resources.logs.formatting import Form
from resources.logs.standard_error import StandardError

if TYPE_CHECKING:
    import dagster as dg

SHIPPED = "globalbev-shipped"
_OF_A_DAY = frozenset({
    "ASSET_MATERIALIZATION", "ASSET_MATERIALIZATION_PLANNED", "ASSET_OBSERVATION", "ASSET_CHECK_EVALUATION", "ASSET_CHECK_EVALUATION_PLANNED",
})  # fmt: skip


def write_runs_in_our_form(form: Form) -> None:
    """From now on the runs of this process write to standard error as ``form`` says."""
    from dagster._core.execution import context_creation_job  # noqa: PLC0415

    def loggers(instance: dg.DagsterInstance | None) -> Sequence[tuple[dg.LoggerDefinition, Mapping[str, object]]]:
        level = instance.python_log_level if instance is not None and instance.python_log_level else "DEBUG"
        return [(console_logger(form), {"name": "dagster", "log_level": level})]

    context_creation_job.default_system_loggers = loggers  # type: ignore[attr-defined]


def console_logger(form: Form) -> dg.LoggerDefinition:
    """Messages of a run on standard error, and shipped where logs are shipped."""
    import dagster as dg  # noqa: PLC0415

    def console(context: Any) -> logging.Logger:
        logger = logging.Logger(context.logger_config["name"], level=context.logger_config["log_level"])
        logger.addFilter(_is_told)
        logger.addHandler(StandardError(form))
        for shipping in (handler for handler in logging.getLogger().handlers if handler.name == SHIPPED):
            logger.addHandler(shipping)
        return logger

    return dg.LoggerDefinition(
        console, config_schema={"log_level": dg.Field(str, default_value="DEBUG"), "name": dg.Field(str, default_value="dagster")}
    )


def _is_told(record: logging.LogRecord) -> bool:
    """Not our events, which the root's handlers have written already; nor one message a day and check: they stand in Dagster's event log."""
    meta = getattr(record, "dagster_meta", None)
    event = meta["dagster_event"] if meta else None
    is_of_a_day = event is not None and event.event_type_value in _OF_A_DAY and record.levelno < logging.WARNING
    return not hasattr(record, EVENT_ATTRIBUTE) and not is_of_a_day
