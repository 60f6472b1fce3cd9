"""The resources of each environment: the same keys in all of them, so that the same assets run in all of them."""

from __future__ import annotations

from typing import Any

import dagster as dg

from resources.lakehouse_resource import LakehouseResource, book_of
from resources.settings import Settings


def resources_of(settings: Settings) -> dict[str, Any]:
    """By key: ``lakehouse``, and ``pyspark_step_launcher``: what takes a step to a cluster.

    That is nothing in ``local``, nor on the cluster itself; elsewhere the launcher, or Pipes, by ``settings.compute``. The workspace's settings are
    checked here, when the definitions are loaded; the azure and databricks packages are imported by nobody else.

    Raises:
        TerminalError: GB-3001 to GB-3004, when the settings of a workspace are missing or wrong.
    """
    return {"lakehouse": LakehouseResource(), "pyspark_step_launcher": _to_a_cluster(settings)}


def runs_here(settings: Settings) -> bool:
    """Whether steps run in the process that asks: on a person's machine, or on the cluster that was asked for."""
    return settings.env == "local" or settings.spark == "cluster"


def executor_of(settings: Settings) -> dg.ExecutorDefinition:
    """Locally one step after another, for one Spark server does the work; elsewhere as many clusters at once as the settings say."""
    if runs_here(settings):
        return dg.in_process_executor
    from resources.databricks_settings import load_databricks_settings  # noqa: PLC0415  in these environments only

    parallel = load_databricks_settings(settings).parallel
    return dg.in_process_executor if parallel == 1 else dg.multiprocess_executor.configured({"max_concurrent": parallel})


def _to_a_cluster(settings: Settings) -> dg.ResourceDefinition:
    if runs_here(settings):
        return dg.ResourceDefinition.none_resource()
    from resources.databricks_settings import load_databricks_settings  # noqa: PLC0415  in these environments only

    databricks = load_databricks_settings(settings)

    @dg.resource(description=f"Steps run on {databricks.host}.")
    def pyspark_step_launcher(_: dg.InitResourceContext) -> Any:
        if settings.compute == "pipes":
            from resources.databricks_pipes import PipedSteps  # noqa: PLC0415  as above

            return PipedSteps(settings, databricks, book_of(settings))
        from resources.databricks_launcher import LaunchedSteps  # noqa: PLC0415  as above

        return LaunchedSteps(settings, databricks, book_of(settings))

    return pyspark_step_launcher
