"""Dagster's handle on Spark: dagster-pyspark's lazy resource, whose session is one of ours."""

from __future__ import annotations

from typing import Any

import dagster as dg
from dagster_pyspark import LazyPySparkResource

from resources.settings import Settings, load_settings
from resources.spark import close_session, open_session
from resources.spark_profile import Pool


class WarmSparkResource(LazyPySparkResource):
    """A Spark session that is opened when an asset first asks for it, and given back when the run is over.

    dagster-pyspark would build it from ``spark_config``, which stands in the run's configuration for everybody to read: port and token of the
    warm server may not be there. So the settings are read, in the process that runs the step, from where every other part reads them.
    """

    spark_config: dict[str, Any] = {}  # noqa: RUF012 - a pydantic field of dagster-pyspark's, which stays empty
    pool: Pool = "live"

    @property
    def settings(self) -> Settings:
        """The settings of the process that runs the step."""
        return load_settings()

    def _init_session(self) -> None:
        if self._spark_session is None:
            self._spark_session = open_session(self.settings, pool=self.pool)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002 - Dagster's signature
        """Give the session back, with what it holds in the server's memory."""
        if self._spark_session is not None:
            close_session(self._spark_session)
            self._spark_session = None
