"""The driver of a rehearsed cluster: copied to where it runs, it imports nothing of this project and sees nothing of it.

Databricks' driver gives a Python task the globals ``spark``, ``sc`` and ``dbutils``, files under ``/dbfs`` that are whole once they are closed, and
storage that only the cluster reaches. So does this one: ``abfss://`` is a folder of the workspace, by Hadoop's own view of file systems.
Called as ``python -I driver.py order.json``.
"""

from __future__ import annotations

import base64
import builtins
import io
import json
import os
import runpy
import site
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, cast

_VIEW = "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme"
_LOCAL = "com.globalmentor.apache.hadoop.fs.BareLocalFileSystem"  # Hadoop's own starts a process for each file that it makes
_open_file = io.open


class Marks:
    """When the driver had come how far, for whoever measures."""

    def __init__(self, path: Path) -> None:
        self._path, self._at = path, {"driver": time.time()}

    def mark(self, name: str) -> None:
        """Now it has come so far."""
        self._at[name] = time.time()
        self._path.write_text(json.dumps(self._at))


class Secrets:
    """``dbutils.secrets``, over the workspace's REST API."""

    def __init__(self, host: str, token: str) -> None:
        self._host, self._token = host, token

    def get(self, scope: str, key: str) -> str:
        """The value of a secret."""
        query = urllib.parse.urlencode({"scope": scope, "key": key})
        request = urllib.request.Request(f"{self._host}/api/2.0/secrets/get?{query}", headers={"Authorization": f"Bearer {self._token}"})  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  the workspace's own address
                return base64.b64decode(json.load(answer)["value"]).decode()
        except urllib.error.HTTPError as error:
            said = json.load(error)
            raise RuntimeError(f"{said.get('error_code')}: {said.get('message')}") from None


class DbUtils:
    """As much of ``dbutils`` as a launched step asks for."""

    def __init__(self, secrets: Secrets) -> None:
        self.secrets = secrets


def hide(hidden: list[str], shown: list[str]) -> None:
    """Let folders of the host be empty for this process: a cluster does not have them, and a module found there would be none that was uploaded."""
    roots = tuple(os.path.realpath(path) + os.sep for path in hidden)
    kept = tuple(os.path.realpath(path) + os.sep for path in shown)

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in ("open", "os.listdir", "os.scandir") or not isinstance(arguments[0], (str, bytes, os.PathLike)):
            return
        path = os.path.abspath(os.fsdecode(arguments[0])) + os.sep  # noqa: PTH100  a hook that calls pathlib calls itself
        if path.startswith(roots) and not path.startswith(kept):
            raise PermissionError(f"no such folder on this cluster: {path}")

    sys.addaudithook(refuse)


def whole_on_close(dbfs: str, volumes: str) -> None:
    """Files under ``/dbfs`` appear when they are closed, as Databricks uploads them; a reader never sees one that is being written.

    Volumes are there under ``/Volumes``, for whoever opens a file of one by that name.
    """

    def opened(file: Any, mode: str = "r", *more: Any, **options: Any) -> Any:
        if isinstance(file, str) and file.startswith("/Volumes/"):
            file = f"{volumes}{file}"
        if "w" not in mode or not isinstance(file, (str, os.PathLike)) or not os.fspath(file).startswith((dbfs, volumes)):
            return _open_file(file, mode, *more, **options)
        target = os.fspath(file)
        staged = os.path.join(os.path.dirname(target), f".{os.path.basename(target)}.{os.getpid()}")  # noqa: PTH118, PTH119, PTH120
        stream = _open_file(staged, mode, *more, **options)
        close = stream.close

        def close_and_show() -> None:
            if not stream.closed:
                close()
                os.replace(staged, target)  # noqa: PTH105

        cast("Any", stream).close = close_and_show
        return _Closing(stream, close_and_show)

    builtins.open = cast("Any", opened)
    io.open = cast("Any", opened)


class _Closing:
    """A file whose ``with`` block ends by our close, too."""

    def __init__(self, stream: Any, close: Any) -> None:
        self._stream, self.close = stream, close

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __enter__(self) -> _Closing:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def spark_settings(order: dict[str, Any]) -> dict[str, str]:
    """A cluster's Spark: Delta, its storage, bounded, on this machine only; what was submitted wins."""
    folder = order["folder"]
    base = {
        "spark.master": "local[2]",
        "spark.app.name": order["name"],
        "spark.driver.memory": order["memory"],
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraClassPath": os.pathsep.join(order["jars"]),
        "spark.driver.extraJavaOptions": "-Duser.timezone=UTC -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.local.dir": os.environ["TMPDIR"],
        "spark.sql.warehouse.dir": f"{folder}/warehouse",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.shuffle.partitions": "4",
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.hadoop.fs.abfss.impl": _VIEW,
        "spark.hadoop.fs.viewfs.overload.scheme.target.abfss.impl": _LOCAL,
        "spark.hadoop.fs.viewfs.overload.scheme.target.file.impl": _LOCAL,
        "spark.hadoop.fs.AbstractFileSystem.abfss.impl": "org.apache.hadoop.fs.viewfs.ViewFs",
    }
    # Named by container and account: by the account alone, Hadoop finds no table and quietly takes the root of this machine.
    mounts = {f"spark.hadoop.fs.viewfs.mounttable.{place}.linkFallback": f"file://{path}" for place, path in order["storage"].items()}
    return {**base, **mounts, **{name: str(value) for name, value in order["spark_conf"].items() if name != "spark.master"}}


def open_session(order: dict[str, Any]) -> Any:
    """The cluster's session: the classic one, or, on serverless compute, Spark Connect alone."""
    from pyspark.sql import SparkSession  # noqa: PLC0415

    settings: dict[str, Any] = spark_settings(order)
    if order["serverless"]:  # names its machine by the address of Connect, and not twice
        master = settings.pop("spark.master")
        return SparkSession.builder.config(map=settings).remote(master).getOrCreate()
    return SparkSession.builder.config(map=settings).getOrCreate()


def spark_context() -> Any:
    """The session's context, which serverless compute does not have."""
    from pyspark import SparkContext  # noqa: PLC0415

    return SparkContext.getOrCreate()


def be_another_python() -> None:
    """Look, to an upload, like the next minor version: what is installed here would not start on it."""
    add, here = site.addsitedir, sys.version_info

    def added(folder: str, *more: Any) -> Any:
        sys.version_info = cast("Any", (here[0], here[1] + 1, *here[2:]))
        try:
            return add(folder, *more)
        finally:
            sys.version_info = here

    site.addsitedir = cast("Any", added)


def main(order: dict[str, Any]) -> None:
    """Bring up Spark and run the task's file as ``__main__``."""
    marks = Marks(Path(order["folder"]) / "marks.json")
    hide(order["hidden"], order["shown"])
    whole_on_close(order["dbfs"], order["volumes"])
    found: dict[str, Any] = {"dbutils": DbUtils(Secrets(order["host"], order["token"]))}
    if order["spark"]:
        session = open_session(order)
        found |= {"spark": session} if order["serverless"] else {"spark": session, "sc": spark_context()}
    else:
        found |= {"spark": None, "sc": None}
    marks.mark("session")
    time.sleep(order["hang_s"])
    if order["other_python"]:
        be_another_python()
    sys.argv = [order["file"], *order["parameters"]]
    try:
        runpy.run_path(order["file"], init_globals=found, run_name="__main__")
    finally:
        marks.mark("end")


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
