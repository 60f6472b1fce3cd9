"""What each setting of the local Spark profile saves: the same work with it and without it, by turns, on one machine in one run.

    .venv/bin/python -m benchmarks.spark_settings [--rounds 5] [--only sql|java] [--json FILE]

Wall time tells on a quiet machine, the server's processor time on a busy one: both are given, as medians. SQL settings are compared on one warm
server, a session for each turn; Java's options on a server of their own each, from its start to the end of the work.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import psutil

from resources.jars import ensure_jars
from resources.settings import Settings, load_settings
from resources.spark import close_session, connect
from resources.spark_class_archive import make_archive
from resources.spark_profile import session_conf, small_conf, spark_folder
from resources.spark_server import ServerHandle, ensure_server, stop_server
from resources.spark_server_launch import Launch
from resources.spark_server_start import end_server, start_server

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

DAYS = 181
SESSION = "00000000-0000-4000-8000-{:012d}"


@dataclass(frozen=True)
class Variant:
    """A setting, the default of Spark or Delta that the profile leaves, and its value where only some sessions have it."""

    name: str
    default: str
    work: str
    value: str | None = None


SQL = (
    Variant("spark.databricks.delta.snapshotPartitions", "50", "commits"),
    Variant("spark.sql.shuffle.partitions", "200", "range"),
    Variant("spark.sql.adaptive.coalescePartitions.parallelismFirst", "true", "range"),
    Variant("spark.sql.autoBroadcastJoinThreshold", "10m", "range"),
    Variant("spark.sql.sources.parallelPartitionDiscovery.parallelism", "10000", "folders"),
    Variant("spark.sql.files.openCostInBytes", "4m", "folders"),
    Variant("spark.hadoop.parquet.compression.codec.zstd.level", "3", "range"),
    Variant("spark.sql.codegen.wholeStage", "true", "commits", small_conf()["spark.sql.codegen.wholeStage"]),
    Variant("spark.sql.codegen.factoryMode", "FALLBACK", "commits", small_conf()["spark.sql.codegen.factoryMode"]),
    Variant("spark.sql.codegen.wholeStage", "true", "range", small_conf()["spark.sql.codegen.wholeStage"]),
)
JAVA: dict[str, tuple[str, ...]] = {
    "as it is": (),
    "no class archive": ("-Xshare:off",),
    # Java refuses two collectors: the profile's is taken away first.
    "G1": ("-XX:-UseParallelGC", "-XX:+UseG1GC"),
    "SerialGC": ("-XX:-UseParallelGC", "-XX:+UseSerialGC"),
    "C1 only": ("-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=240m"),
    "C2 as soon as Java has it": (
        "-XX:Tier4InvocationThreshold=5000",
        "-XX:Tier4MinInvocationThreshold=600",
        "-XX:Tier4CompileThreshold=15000",
        "-XX:Tier4BackEdgeThreshold=40000",
    ),
}


@dataclass(frozen=True)
class Measured:
    """Medians of one variant, in seconds; ``steps`` are the times at which the steps of a cold start were through."""

    name: str
    work: str
    wall_s: float
    cpu_s: float
    without_wall_s: float | None = None
    without_cpu_s: float | None = None
    steps: dict[str, float] | None = None
    rss_mib: int | None = None


def orders(spark: SparkSession, rows: int = 200_000) -> DataFrame:
    """Six months of order lines, some twice, as the sandbox has them."""
    return spark.range(rows).selectExpr(
        "id % 195000 AS line_id", "id % 97 AS store_id", "id % 1733 AS product_id", "CAST(id % 13 AS STRING) AS quantity_text",
        "CAST((id % 1000) / 7 AS DECIMAL(18, 2)) AS amount", f"date_add(DATE'2026-01-01', CAST(id % {DAYS} AS INT)) AS day", "uuid() AS note",
    )  # fmt: skip


def commits(spark: SparkSession, folder: Path) -> None:
    """Ten small commits: what a day's load is made of."""
    table = str(folder / "small")
    rows = orders(spark, 2000).where("day < DATE'2026-01-05'")
    rows.write.format("delta").mode("overwrite").option("overwriteSchema", "true").partitionBy("day").save(table)
    for _ in range(4):
        rows.where("day = DATE'2026-01-02'").write.format("delta").mode("overwrite").option("replaceWhere", "day = DATE'2026-01-02'").save(table)
    for _ in range(3):
        rows.limit(10).createOrReplaceTempView("new_rows")
        spark.sql(
            f"MERGE INTO delta.`{table}` t USING new_rows s ON t.day = s.day AND t.line_id = s.line_id "
            "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
        ).collect()
    for _ in range(3):
        rows.limit(10).write.format("delta").mode("append").save(table)


def range_of_days(spark: SparkSession, folder: Path) -> None:
    """Six months at once: deduplicate, join two dimensions, aggregate, and publish a file a day."""
    products = spark.range(1733).selectExpr("id AS product_id", "repeat(uuid(), 4) AS name", "id % 21 AS category_id")
    stores = spark.range(97).selectExpr("id AS store_id", "uuid() AS store")
    lines = orders(spark).dropDuplicates(["line_id"]).join(products, "product_id").join(stores, "store_id")
    lines = lines.selectExpr("*", "try_cast(quantity_text AS INT) AS quantity").repartition(8, "day")
    lines.write.format("delta").mode("overwrite").option("replaceWhere", "day >= DATE'2026-01-01'").partitionBy("day").save(str(folder / "lines"))
    read = spark.read.format("delta").load(str(folder / "lines"))
    read.createOrReplaceTempView("lines")
    sales = spark.sql("SELECT day, category_id, sum(amount) AS amount, sum(quantity) AS quantity FROM lines GROUP BY ALL")
    sales.write.format("delta").mode("overwrite").save(str(folder / "sales"))


def folders_of_days(spark: SparkSession, folder: Path) -> None:
    """Read what a landing zone holds: a folder and a small file a day."""
    landing = folder / "landing"
    if not landing.exists():
        orders(spark, 20_000).repartition(8, "day").write.partitionBy("day").json(str(landing))
    paths = [str(path) for path in sorted(landing.glob("day=*"))]
    spark.read.schema("line_id BIGINT, amount DECIMAL(18, 2)").json(paths).selectExpr("sum(amount)").collect()


WORKS: dict[str, Callable[[SparkSession, Path], None]] = {"commits": commits, "range": range_of_days, "folders": folders_of_days}


def session(server: ServerHandle, number: int) -> SparkSession:
    """A session of its own with the profile's settings."""
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    spark = connect(server, SESSION.format(number))
    for name, value in session_conf().items():
        spark.conf.set(name, value)
    return spark


def timed(pid: int, work: Callable[[], None]) -> tuple[float, float]:
    """Wall and processor seconds of a piece of work on the server."""
    process = psutil.Process(pid)
    before, started = sum(process.cpu_times()[:2]), time.perf_counter()
    work()
    return time.perf_counter() - started, sum(process.cpu_times()[:2]) - before


def compare_sql(settings: Settings, folder: Path, rounds: int) -> list[Measured]:
    """Each SQL setting against its default, by turns on one warm server."""
    server, number, results = ensure_server(settings), 0, []
    for work in WORKS.values():
        for _ in range(3):
            number += 1
            work(session(server, number), folder)
    for variant in SQL:
        figures: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
        for turn in range(2 * rounds):
            is_default, number = (turn % 2 == 1) ^ (turn // 2 % 2 == 1), number + 1
            spark = session(server, number)
            if is_default or variant.value:
                spark.conf.set(variant.name.removeprefix("spark.hadoop."), variant.default if is_default or not variant.value else variant.value)
            figures[is_default].append(timed(server.pid, partial(WORKS[variant.work], spark, folder)))
            close_session(spark)
        medians = {key: [statistics.median(column) for column in zip(*rows, strict=True)] for key, rows in figures.items()}
        results.append(Measured(variant.name, variant.work, *medians[False], *medians[True]))
        print(line(results[-1]), flush=True)
    stop_server(settings)
    return results


def cold_start(settings: Settings, folder: Path, name: str, number: int) -> Measured:
    """One server from its start to the end of the small and the large work, with further options of Java."""
    state = spark_folder(settings.home)
    state.mkdir(parents=True, exist_ok=True)
    started, steps = time.perf_counter(), {}
    record = start_server(state, Launch(settings, 600.0, JAVA[name]))
    steps["port"] = time.perf_counter() - started
    spark = session(ServerHandle(record.port, record.pid, record.ui_port, record.token), number)
    for work in ("commits", "range", "range", "commits", "range"):
        WORKS[work](spark, folder)
        steps[f"{len(steps)} {work}"] = time.perf_counter() - started
    process = psutil.Process(record.pid)
    cpu_s, rss_mib = sum(process.cpu_times()[:2]), process.memory_info().rss >> 20
    close_session(spark)
    end_server(state, record)
    return Measured(name, "cold", steps[next(reversed(steps))], cpu_s, steps=steps, rss_mib=rss_mib)


def compare_java(settings: Settings, folder: Path, rounds: int) -> list[Measured]:
    """Each set of Java options on servers of its own, by turns."""
    runs: dict[str, list[Measured]] = {name: [] for name in JAVA}
    archive, java, class_path = cast("list[str]", Launch(settings, 600.0).plan()["archive"])
    if not Path(archive).exists():
        print(line(cold_start(settings, folder, "as it is", 999)), flush=True)
        make_archive(Path(archive), java, class_path)
    for turn in range(rounds):
        for number, name in enumerate(JAVA):
            runs[name].append(cold_start(settings, folder, name, 100 * turn + number))
            print(line(runs[name][-1]), flush=True)
    return [sorted(measured, key=lambda one: one.cpu_s)[len(measured) // 2] for measured in runs.values()]


def line(one: Measured) -> str:
    """One row of the table."""
    cells = f"{one.name:58} {one.work:8} {one.wall_s:6.2f} s  cpu {one.cpu_s:6.2f} s"
    if one.without_wall_s is not None and one.without_cpu_s is not None:
        cells += f"  without {one.without_wall_s:6.2f} s  cpu {one.without_cpu_s:6.2f} s  saves {1 - one.cpu_s / one.without_cpu_s:5.0%} of cpu"
    if one.steps:
        cells += "  " + " ".join(f"[{name}] {seconds:.1f}" for name, seconds in one.steps.items()) + f"  {one.rss_mib} MiB"
    return cells


def main() -> None:
    """Measure and print; the figures also as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=["sql", "java"])
    parser.add_argument("--json", type=Path, help="where the figures go (default: benchmarks/results/settings-<day>.json)")
    parser.add_argument("--home", type=Path, help="a home that is kept, with its class archive; a new one otherwise")
    arguments = parser.parse_args()
    home = (arguments.home or Path(tempfile.mkdtemp(prefix="gb_spark_bench_"))).absolute()
    if not (home / "jars").exists():
        shutil.copytree(ensure_jars(load_settings().home)[0].parent, home / "jars")
    settings, folder = Settings(home=home, spark_memory="1g"), home / "bench"
    shutil.rmtree(folder, ignore_errors=True)
    results = [] if arguments.only == "java" else compare_sql(settings, folder, arguments.rounds)
    results += [] if arguments.only == "sql" else compare_java(settings, folder, arguments.rounds)
    print("\n".join(["", *map(line, results)]))
    place = arguments.json or Path(__file__).resolve().parent / "results" / f"settings-{time.strftime('%Y-%m-%d')}.json"
    place.write_text(json.dumps([asdict(one) for one in results], indent=1) + "\n", encoding="utf-8")
    if not arguments.home:
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
