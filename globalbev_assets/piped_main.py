"""The file that serverless compute runs: unpacks the upload, takes the secrets from their scope, and lets the step's tables be published.

It stands beside the upload on the volume and imports nothing of ours before that is first on the path. Called with the path of the zip, and
with what Pipes adds.
"""

from __future__ import annotations

import os
import site
import sys
import tempfile
import zipfile
from typing import Any


def main(archive: str, given: dict[str, Any]) -> None:
    """Run the step that the Pipes context describes."""
    from dagster_pipes import (  # noqa: PLC0415  this module is also looked at where Pipes is not wanted
        PipesCliArgsParamsLoader,
        PipesUnityCatalogVolumesContextLoader,
        PipesUnityCatalogVolumesMessageWriter,
        open_dagster_pipes,
    )

    folder = tempfile.mkdtemp(prefix="upload-")
    with zipfile.ZipFile(archive) as zipped:
        zipped.extractall(folder)
    os.environ["GLOBALBEV_COMPUTE"] = "pipes"  # another minor version of Python will do: nothing here was pickled
    site.addsitedir(folder)
    loader: PipesCliArgsParamsLoader = PipesCliArgsParamsLoader()  # type: ignore[no-untyped-call]
    writer = PipesUnityCatalogVolumesMessageWriter(interval=1.0)
    with open_dagster_pipes(context_loader=PipesUnityCatalogVolumesContextLoader(), message_writer=writer, params_loader=loader) as pipes:
        os.environ.update(pipes.extras["environment"])
        for secret in pipes.extras["secrets"]:
            os.environ[secret["name"]] = _dbutils(given).secrets.get(scope=secret["scope"], key=secret["key"])
        from globalbev_assets.piped import publish  # noqa: PLC0415  it is there now

        publish(pipes)


def _dbutils(given: dict[str, Any]) -> Any:
    if given.get("dbutils") is not None:
        return given["dbutils"]
    from databricks.sdk.runtime import dbutils  # noqa: PLC0415  where the task's globals have none

    return dbutils


if __name__ == "__main__":
    main(sys.argv[1], globals())
