"""Sessions of Spark: on the warm server, in this process, or the cluster's own, by ``settings.spark``.

The same DataFrame code runs in all three, so nothing that gets a session may use RDDs or ``_jvm``. PySpark is imported at the first session,
and no import starts a JVM.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import shutil
import sys
import uuid
import weakref
from typing import TYPE_CHECKING, Any, cast

from globalbev_assets.errors import TerminalError, TransientError
from resources.jars import ensure_jars
from resources.java import ensure_java
from resources.settings import Settings
from resources.spark_errors import translated
from resources.spark_profile import Pool, python_environment, session_conf, small_conf, spark_conf, spark_folder, write_pools
from resources.spark_server import ServerHandle, ensure_server, running_server
from resources.spark_session_end import interrupt, interrupt_work

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Sessions are found by user and id; the machine's user name may differ between a run and the process that ends it.
_USER = "globalbev"
_open_sessions: weakref.WeakSet[Any] = weakref.WeakSet()


def open_session(settings: Settings, *, pool: Pool = "live", is_small: bool = False) -> SparkSession:
    """A session of its own, in UTC, with Delta.

    Args:
        settings: ``settings.spark`` says where: ``server``, ``in-process`` or ``cluster``.
        pool: the FAIR pool of its jobs; ``live`` weighs three times ``backfill``.
        is_small: some days' rows only; on the local server its plans are interpreted then, not compiled.

    Raises:
        TransientError: GB-1121 to GB-1124, when the server cannot be started.
        TerminalError: GB-1131, when there is no cluster session; GB-3006, where steps go to clusters and this is none; GB-3007, on a cluster whose
            PySpark is another than its Spark.
    """
    if settings.env != "local" and settings.spark != "cluster":
        raise TerminalError(
            "GB-3006",
            "Spark was asked for where none runs.",
            got=f"the environment {settings.env}, and a process that is no cluster's",
            valid="steps on a cluster; what runs beside Dagster reads the events of the steps",
            todo="Set GLOBALBEV_ENV=local for a lake of this machine; query the other environments in their workspace.",
        )
    openers = {"server": _on_server, "in-process": _in_process, "cluster": _on_cluster}
    spark = openers[settings.spark](settings)
    try:
        extra = small_conf() if is_small and settings.spark == "server" else {}
        for name, value in (session_conf(pool, is_serverless=settings.spark == "cluster" and is_connect(spark)) | extra).items():
            spark.conf.set(name, value)
    except BaseException:
        close_session(spark)
        raise
    return spark


def make_active(spark: SparkSession) -> None:
    """Let this thread's next results belong to this session.

    PySpark gives what a server has kept (a checkpoint) to the thread's active session, which is the first that was opened and not the one that
    was asked (Spark 4.2): beside an older session, of a server that died for instance, the rows were looked for in the wrong place.
    """
    if is_connect(spark):
        kind = cast("Any", type(spark))
        kind._default_session = kind._active_session.session = spark


def close_session(spark: SparkSession) -> None:
    """Give a server's session back, with what it holds in memory; an in-process or cluster session, which others share, is left alone.

    What it still does, after Ctrl-C for instance, is ended first: nothing of a closed session lands afterwards.
    """
    if not is_connect(spark):
        return
    from pyspark.errors import PySparkException  # noqa: PLC0415 - a second of imports waits for the first session

    # A server that is gone has nothing to give back: not waited for.
    cast("Any", spark).client.set_retry_policies([])
    with contextlib.suppress(PySparkException, TransientError):
        interrupt_work(spark)
    spark.stop()


def is_connect(spark: SparkSession) -> bool:
    """Whether this is a Spark Connect session."""
    return type(spark).__module__.startswith("pyspark.sql.connect")


def session_id(spark: SparkSession) -> str:
    """What :func:`interrupt_session` needs to end this session's work from another process; empty when the session is no server's."""
    return str(cast("Any", spark).session_id) if is_connect(spark) else ""


def interrupt_session(settings: Settings, session_id: str) -> int:
    """End a session of another, perhaps dead, process for good: its work is interrupted and it takes no more.

    A killed client does not stop its write, which was seen to land 46 s later. Returns the number of operations that were interrupted;
    0 also when no server runs, for then nothing can land.

    Raises:
        TransientError: GB-1132, when its work does not end in 60 s; GB-1121, when the server lives and does not answer.
    """
    server = running_server(settings)
    if server is None or not session_id:
        return 0
    return interrupt(connect(server, session_id))


def settle(settings: Settings, spark: SparkSession) -> None:
    """Return when nothing that this session began can land any more; the session stays usable. For after an error or an interruption.

    Raises:
        TransientError: GB-1132, when its work does not end in 60 s.
    """
    if not is_connect(spark) or running_server(settings) is None:
        return
    try:
        interrupt_work(spark)
    except Exception as error:
        # The server has just died, or somebody else has ended this session and its work.
        if getattr(translated(error), "code", None) != "GB-1242":
            raise


def connect(server: ServerHandle, session_id: str) -> SparkSession:
    """A client of ``server`` with this session id, apart from any session that this process has."""
    from pyspark.sql.connect.client.core import DefaultChannelBuilder  # noqa: PLC0415 - a second of imports waits for the first session
    from pyspark.sql.connect.client.retries import DefaultPolicy  # noqa: PLC0415
    from pyspark.sql.connect.session import SparkSession as ConnectSession  # noqa: PLC0415

    address = f"{server.address}/;token={server.token};session_id={session_id};user_id={_USER}"
    # PySpark prints each error as JSON on standard error, with the query and the offending value in it: the exception says it once, to who handles it.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL + 1)
    spark = ConnectSession(DefaultChannelBuilder(address))
    # By default a vanished server is waited for 15 minutes, with these figures some seconds. It is on this machine: it is there or it is not.
    spark.client.set_retry_policies([DefaultPolicy(max_retries=5, backoff_multiplier=3.0, initial_backoff=50, max_backoff=2000, jitter=100)])
    _open_sessions.add(spark)
    return cast("SparkSession", spark)


def _close_open_sessions() -> None:
    """Close what is open before the interpreter ends: a session that Python collects then waits for ever in gRPC, seen each time (Spark 4.2)."""
    for spark in list(_open_sessions):
        close_session(spark)


atexit.register(_close_open_sessions)


def _on_server(settings: Settings) -> SparkSession:
    server = ensure_server(settings)
    # PySpark's functions (col, lit, Observation) ask this variable which kind to make. The address, with its token, is put in no variable.
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    spark = connect(server, str(uuid.uuid4()))
    make_active(spark)
    return spark


def _in_process(settings: Settings) -> SparkSession:
    os.environ.pop("SPARK_CONNECT_MODE_ENABLED", None)
    from pyspark.sql import SparkSession  # noqa: PLC0415 - as above

    active = SparkSession.getActiveSession()
    if active is not None:
        return active.newSession()
    os.environ["JAVA_HOME"] = str(ensure_java(settings.home).path)
    os.environ.update({name: value for name, value in python_environment().items() if name.startswith(("PYSPARK_", "SPARK_"))})
    own = spark_folder(settings.home) / f"in-process-{os.getpid()}"
    own.mkdir(parents=True, exist_ok=True)
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    write_pools(settings.home)
    builder = SparkSession.builder.config(map={**spark_conf(settings)})
    builder = builder.config("spark.local.dir", str(own)).config("spark.ui.enabled", "false")
    builder = builder.config("spark.driver.memory", settings.spark_memory).config("spark.driver.extraJavaOptions", "-Duser.timezone=UTC")
    builder = builder.config("spark.driver.extraClassPath", os.pathsep.join(map(str, ensure_jars(settings.home))))
    return builder.getOrCreate()


def _on_cluster(settings: Settings) -> SparkSession:  # noqa: ARG001 - the openers share one signature
    from pyspark.sql import SparkSession  # noqa: PLC0415 - as above

    active = SparkSession.getActiveSession()
    if active is None and "DATABRICKS_RUNTIME_VERSION" in os.environ:
        active = SparkSession.builder.getOrCreate()
    if active is not None:
        return _of_one_version(active)
    raise TerminalError(
        "GB-1131",
        "There is no cluster session in this process.",
        got=f"GLOBALBEV_SPARK=cluster on {sys.platform}",
        valid="a step that was launched on a cluster",
        todo="Set GLOBALBEV_SPARK=server on your own machine.",
    )


def _of_one_version(spark: SparkSession) -> SparkSession:
    """The session, unless a PySpark from PyPI has taken the place of the runtime's own: a mix fails obscurely, or runs wrongly."""
    import pyspark  # noqa: PLC0415 - as above

    client, server = (".".join(version.split(".")[:2]) for version in (pyspark.__version__, spark.version))
    if client == server or is_connect(spark):  # a client of Spark Connect may be of another version
        return spark
    raise TerminalError(
        "GB-3007",
        "The cluster's PySpark is not its Spark's.",
        got=f"PySpark {client} on Spark {server}",
        valid="the PySpark that comes with the runtime",
        todo="A library has brought another one: look at the cluster's Libraries tab, and pin dagster-pyspark's pyspark to the runtime's version.",
    )
