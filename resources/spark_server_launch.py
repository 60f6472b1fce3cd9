"""What the warm server is started with: one :class:`Launch` a set of settings, JARs and Java; its key tells a changed one.

The JVM is started on Spark's server class directly. Spark's own scripts would start a second JVM to build this command, and with all
JARs on one class path Delta's classes come into the class-data archive too.
"""

from __future__ import annotations

import hashlib
import json
import sys
import uuid
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from resources.jars import ensure_jars, pyspark_home
from resources.java import ensure_java
from resources.settings import Settings
from resources.spark_class_archive import archive_options, archive_path
from resources.spark_profile import java_options, server_conf, session_conf, spark_conf, spark_folder, write_pools
from resources.spark_server_record import free_port

MAIN_CLASS = "org.apache.spark.sql.connect.service.SparkConnectServer"
# The client gets each error that ErrorUtils would log, and a session that was ended on purpose is not worth forty lines.
_LOG4J = """status = error
rootLogger.level = warn
logger.rpc.name = org.apache.spark.sql.connect.utils.ErrorUtils
logger.rpc.level = off
rootLogger.appenderRef.stderr.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss}{UTC} %p %c{1}: %m%n%ex
"""


@dataclass(frozen=True)
class Launch:
    """How one server is started in the home of ``settings``.

    Attributes:
        settings: home and memory.
        idle_s: how long it may be idle, in seconds.
        more_options: further options of Java, for measurements.
    """

    settings: Settings
    idle_s: float
    more_options: tuple[str, ...] = ()

    @cached_property
    def jars(self) -> tuple[Path, ...]:
        """The JARs beside PySpark's."""
        return ensure_jars(self.settings.home)

    @cached_property
    def key(self) -> str:
        """Equal for equal settings and JARs; a server with another key is replaced."""
        parts = [java_options(self.settings), spark_conf(self.settings) | session_conf() | server_conf(0, 0), [str(jar) for jar in self.jars]]
        parts += [[version("pyspark"), sys.executable, str(self.idle_s), *self.more_options]]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    def plan(self) -> dict[str, object]:
        """Write the files of a start and return what the keeper needs: no secret is in it."""
        folder = spark_folder(self.settings.home)
        java = ensure_java(self.settings.home).executable
        jars = [*sorted((pyspark_home() / "jars").glob("*.jar")), *self.jars]
        archive, class_path = archive_path(folder, java, jars), ":".join(map(str, jars))
        port, ui_port = free_port(), free_port()
        (folder / "log4j2.properties").write_text(_LOG4J, encoding="utf-8")
        write_pools(self.settings.home)
        options = [
            *java_options(self.settings),
            f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}",
            *archive_options(archive),
            *self.more_options,
        ]
        conf = spark_conf(self.settings) | server_conf(port, ui_port)
        arguments = ["-cp", class_path, *options, *(f"-D{name}={value}" for name, value in conf.items()), MAIN_CLASS]
        # A file: 30 kB of class path would be all that `ps` shows.
        (folder / "java.args").write_text("\n".join(map(_quoted, arguments)) + "\n", encoding="utf-8")
        record = {"launch": uuid.uuid4().hex, "key": self.key, "port": port, "ui_port": ui_port, "memory": self.settings.spark_memory}
        return {
            "launch": record["launch"],
            "folder": str(folder),
            "command": [str(java), f"@{folder / 'java.args'}"],
            "record": record,
            "archive": [str(archive), str(java), class_path],
            "idle_s": self.idle_s,
        }


def _quoted(argument: str) -> str:
    escaped = argument.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
