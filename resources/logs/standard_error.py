"""The handler that writes to standard error."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

from resources.logs.formatting import Form, formatter

MARK = "globalbev"


class StandardError(logging.StreamHandler[TextIO]):
    """Writes to what is standard error now: Dagster puts a file there while a step runs, and shows it as the step's log."""

    def __init__(self, form: Form) -> None:
        logging.Handler.__init__(self)
        self.name = MARK
        self.setFormatter(formatter(form, is_coloured=form == "console" and sys.stderr.isatty()))

    @property
    def stream(self) -> TextIO:
        """The present ``sys.stderr``."""
        return sys.stderr

    @stream.setter
    def stream(self, _: TextIO) -> None:
        """It is always the present one."""
