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


def write_runs_in_our_form(form: Form) -> None:
    """From now on the runs of this process write to standard error as ``form`` says."""
    from dagster._core.execution import context_creation_job  # noqa: PLC0415

    def loggers(instance: dg.DagsterInstance | None) -> Sequence[tuple[dg.LoggerDefinition, Mapping[str, object]]]:
        level = instance.python_log_level if instance is not None and instance.python_log_level else "DEBUG"
        return [(console_logger(form), {"name": "dagster", "log_level": level})]

    context_creation_job.default_system_loggers = loggers  # type: ignore[attr-defined]


def console_logger(form: Form) -> dg.LoggerDefinition:
    """Messages of a run on standard error; our events, which the root's handler has written already, are left out."""
    import dagster as dg  # noqa: PLC0415

    def console(context: Any) -> logging.Logger:
        logger = logging.Logger(context.logger_config["name"], level=context.logger_config["log_level"])
        handler = StandardError(form)
        handler.addFilter(lambda record: not hasattr(record, EVENT_ATTRIBUTE))
        logger.addHandler(handler)
        return logger

    return dg.LoggerDefinition(
        console, config_schema={"log_level": dg.Field(str, default_value="DEBUG"), "name": dg.Field(str, default_value="dagster")}
    )
