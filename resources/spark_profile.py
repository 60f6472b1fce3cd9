"""Every setting of the local Spark in one place: the warm server and the in-process session take the same.

Each comment says why, and what the setting saves where that was measured (`benchmarks/spark_settings.py`, 2 cores).
A cluster brings its own settings; of these it gets the session's only.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal
from xml.sax.saxutils import quoteattr

from resources.settings import PROJECT, Settings

Pool = Literal["live", "backfill"]
POOL_WEIGHTS: dict[Pool, int] = {"live": 3, "backfill": 1}
# Up to so many days, or so many rows of sources where the ledger knows of them, go by interpreted plans: see `small_conf`.
SMALL_DAYS, SMALL_ROWS = 62, 1_000_000
# What Spark's launcher opens for Java 17 and later (org.apache.spark.launcher.JavaModuleOptions, 4.2.0); the server is started without that launcher.
_OPENED = [
    "java.lang",
    "java.lang.invoke",
    "java.lang.reflect",
    "java.io",
    "java.net",
    "java.nio",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "jdk.internal.ref",
    "sun.nio.ch",
    "sun.nio.cs",
    "sun.security.action",
    "sun.util.calendar",
]

# Java's own: 5000, 600, 15000 and 40000.
_SECOND_COMPILER = {"Invocation": 60_000, "MinInvocation": 7_200, "Compile": 180_000, "BackEdge": 480_000}

# An option with a telling name in the text of a Connect plan (protobuf's text format, quotes escaped), or such a parameter of an address.
_TELLING = r"(?:password|passwd|secret|token|credential)"
_SECRET_IN_PLAN = rf'(?i)key: "[^"]*{_TELLING}[^"]*"\s+value: "[^"\\]*+(?:\\.[^"\\]*+)*+"|(?<=[?&;]){_TELLING}=[^&;\s"]++'


def spark_folder(home: Path) -> Path:
    """Where the local Spark keeps its state, log and temporary files."""
    return home.absolute() / "spark"


def small_conf() -> dict[str, str]:
    """What a session adds for the rows of some days on one machine."""
    return {
        # Each plan would be generated as Java, compiled and run once, mostly before the JIT has seen it: a day of silver and gold took 28 s of
        # processor time without it, 51 s with it. Six months take the same with and without on a warm server, and from cold silver and gold took
        # 191 s with it and 166 s without. Ten times the rows pay for it.
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    }


def session_conf(pool: Pool = "live", *, is_serverless: bool = False) -> dict[str, str]:
    """What each session sets for itself, on the server, in the process or on a cluster; serverless compute refuses all but a few settings."""
    # Days are UTC days everywhere; the machine's zone would move orders near midnight into another partition.
    days = {"spark.sql.session.timeZone": "UTC"}
    if is_serverless:
        return days
    return days | {
        # The landing zone's files may be cp1252, which Spark 4 reads only with this.
        "spark.sql.legacy.javaCharsets": "true",
        # Live runs weigh three times a backfill's, so that a day's load is not queued behind six months (FAIR scheduling).
        "spark.scheduler.pool": pool,
    }


def spark_conf(settings: Settings) -> dict[str, str]:
    """The settings of the local Spark, server or in process: those of the machine, of SQL, of Delta and of files."""
    return _machine_conf(settings) | _sql_conf() | _redaction_conf() | _delta_conf() | _file_conf()


def server_conf(port: int, ui_port: int) -> dict[str, str]:
    """What only the Connect server needs. Its token is not here: a configuration is shown in the UI and in ``ps``."""
    return {
        # Its default is every interface of the machine.
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.ui.port": str(ui_port),
        # A port taken in between is an error at once, not another port that nobody knows of.
        "spark.port.maxRetries": "0",
        # A run that sits in Python for hours keeps its session; dead clients' sessions go after it.
        "spark.connect.session.manager.defaultSessionTimeout": "4h",
        # A killed client's finished operation is thrown away after this; 5 minutes is the default and holds results in memory.
        "spark.connect.execute.manager.detachedTimeout": "2m",
        # Whole server stack traces double the size of an error that a person reads; the log has them.
        "spark.sql.connect.serverStacktrace.enabled": "false",
    }


def java_options(settings: Settings) -> list[str]:
    """Options of the JVM that runs the local Spark, apart from class path and ports."""
    return [
        f"-Xmx{settings.spark_memory}",
        # Out of memory leaves a JVM that answers and does nothing; ended, it is replaced by the next who needs it.
        "-XX:+ExitOnOutOfMemoryError",
        # G1's own threads and its barriers cost more than short pauses are worth to a batch.
        "-XX:+UseParallelGC",
        # Twelve times Java's own: a plan's code runs for seconds, and its second compiler was a third of the processor time of six months from cold
        # (125 of 380 s, and 67 of 317 in a run with this and with bronze interpreted; one run each, see ADR 0016). What runs for minutes reaches
        # it all the same; without it at all, bronze was slower.
        *(f"-XX:Tier4{name}Threshold={count}" for name, count in _SECOND_COMPILER.items()),
        "-Duser.timezone=UTC",
        f"-Djava.io.tmpdir={spark_folder(settings.home) / 'tmp'}",
        "-Dfile.encoding=UTF-8",
        "-Dio.netty.tryReflectionSetAccessible=true",
        "-XX:+IgnoreUnrecognizedVMOptions",
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",
        *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
        "--add-opens=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
    ]


def python_environment() -> dict[str, str]:
    """Environment of a JVM, so that its Python workers (pandas UDFs) run in this virtual environment and find this project.

    ``SPARK_HOME`` is left out on purpose: with it the workers import PySpark from a zip without compiled bytecode.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "PYSPARK_", "GLOBALBEV_", "DAGSTER_"))}
    path = os.pathsep.join(part for part in (str(PROJECT), os.environ.get("PYTHONPATH", "")) if part)
    return kept | {
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "PYTHONPATH": path,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "TZ": "UTC",
    }


def write_pools(home: Path) -> Path:
    """Write the file of the FAIR pools and return it."""
    pools = "".join(
        f"<pool name={quoteattr(name)}><schedulingMode>FAIR</schedulingMode><weight>{weight}</weight><minShare>0</minShare></pool>"
        for name, weight in POOL_WEIGHTS.items()
    )
    path = spark_folder(home) / "pools.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'<?xml version="1.0"?><allocations>{pools}</allocations>\n', encoding="utf-8")
    return path


def _machine_conf(settings: Settings) -> dict[str, str]:
    folder = spark_folder(settings.home)
    return {
        "spark.master": "local[*]",
        "spark.app.name": "globalbev",
        # Nothing of the local Spark is reachable from another machine (the UI goes by SPARK_LOCAL_IP).
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.local.dir": str(folder / "tmp"),
        "spark.checkpoint.dir": str(folder / "tmp" / "checkpoints"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.scheduler.mode": "FAIR",
        "spark.scheduler.allocation.file": str(folder / "pools.xml"),
        # The UI's REST API gives the figures of stages; what it keeps is bounded, a server lives through 10,000 jobs.
        "spark.ui.retainedJobs": "200",
        "spark.ui.retainedStages": "200",
        "spark.ui.retainedTasks": "5000",
        "spark.sql.ui.retainedExecutions": "200",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "WARN",
        "spark.python.worker.reuse": "true",
    }


def _sql_conf() -> dict[str, str]:
    return {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        # 200 partitions are 200 empty tasks here; adaptive execution then merges small ones by size, not by core.
        "spark.sql.shuffle.partitions": "8",
        "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
        # Dimensions of tens of megabytes are joined without a shuffle; the default of 10 MB sorts both sides.
        "spark.sql.autoBroadcastJoinThreshold": "64m",
        # Delta 4.4 drops the arguments of `sql(…, args=…)` on Spark 4.1 and later (delta-io/delta#7640); this binds them after parsing, as 4.0 did.
        "spark.sql.legacy.parameterSubstitution.constantsOnly": "true",
        # More than 32 paths (184 day folders) start a listing job of up to 10,000 tasks.
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
    }


def _redaction_conf() -> dict[str, str]:
    return {
        # The UI's Connect tab, its jobs and its REST API show each plan as text, on loopback, to every user of the machine: a JDBC read has its password in it.
        "spark.sql.redaction.string.regex": _SECRET_IN_PLAN,
        "spark.sql.redaction.options.regex": r"(?i)url|user|password|secret|token|credential",
    }


def _delta_conf() -> dict[str, str]:
    return {
        # Each new table version is read by a shuffle into this many tasks; 50 is meant for logs of millions of files.
        "spark.databricks.delta.snapshotPartitions": "2",
    }


def _file_conf() -> dict[str, str]:
    return {
        # Hadoop's own starts a process, `chmod`, for each file and folder that it makes: 3 s of a table's six months were that.
        "spark.hadoop.fs.file.impl": "com.globalmentor.apache.hadoop.fs.BareLocalFileSystem",
        # Level 1 compresses in 2.6 s what level 3, Parquet's default, takes 6.3 s for; the files are some percent larger.
        "spark.sql.parquet.compression.codec": "zstd",
        "spark.hadoop.parquet.compression.codec.zstd.level": "1",
        # A small file counts as 4 MB more than it has by default, and 181 of them become as many tasks; opening is cheap on a local disk.
        "spark.sql.files.openCostInBytes": "1m",
    }
