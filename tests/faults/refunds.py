"""Refunds: two small tables, one replaced by day and one merged by key, whose content follows from a number, its generation.

What belongs here: the rows that a generation has, publishing them through the real publisher (also as a program, to be killed:
``python -m tests.faults.refunds HOME RUN GENERATION FIRST LAST [options]``), and :func:`assert_sound`, which holds after every fault.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deltalake import DeltaTable

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.model import Column, Contract, Limit, Source
from globalbev_assets.contracts.names import TableName
from globalbev_assets.contracts.technical import technical_columns
from partitions.days import DayRange
from resources.gate import Gate
from resources.lakehouse import Lakehouse
from resources.lease import Leases
from resources.ledger import Ledger, LedgerRow
from resources.publishing import Batch, Publisher, TableResult
from resources.settings import PROJECT, Settings
from resources.spark import close_session, interrupt_session, open_session
from resources.steps import Step, run_step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

MEMORY = "1g"
FIRST = date(2026, 5, 1)
ONE_DAY = (FIRST,)
ROWS, BAD_OF = 40, 10
NAPPING = 9  # a row of the first day that is good in every generation but the ninth
Row = tuple[int, int]  # refund_id, amount


def contract(kind: str) -> Contract:
    """``by_day`` is replaced day by day, ``by_key`` merged."""
    is_keyed = kind == "by_key"
    return Contract(
        name=TableName("silver", "refund_states" if is_keyed else "refunds"),
        version="1.0.0",
        domain="sales",
        description="One row a refund.",
        owner="refunds@globalbev.example",
        columns=(
            Column("refund_id", "bigint", is_nullable=False, is_key=True),
            Column("day", "date", is_partition=not is_keyed),
            Column("amount", "bigint"),
            *technical_columns("silver"),
        ),
        source=Source("by_key" if is_keyed else "by_day"),
        limits=(Limit("nothing_unaccounted", "unaccounted", True, maximum=None), Limit("key_is_unique", "duplicate_keys", True)),
        date_column=None if is_keyed else "day",
    )


def days(count: int) -> tuple[date, ...]:
    """The first days."""
    return tuple(FIRST + timedelta(days=number) for number in range(count))


def _ids(generation: int, day: date) -> range:
    first = (day - FIRST).days * 1000
    return range(first, first + ROWS + generation)


def remainder(kind: str, generation: int) -> int:
    """Which rows are bad: others in each generation, but a merged table keeps a row of which a worse version comes, so always the same there."""
    return 0 if kind == "by_key" else generation % BAD_OF


def good(kind: str, generation: int, day: date) -> set[Row]:
    """What the table holds of a day after this generation was published."""
    return {(number, generation * 1000 + number) for number in _ids(generation, day) if number % BAD_OF != remainder(kind, generation)}


def bad(kind: str, generation: int, day: date) -> set[str]:
    """What the quarantine holds open of a day after this generation was published."""
    return {str(number) for number in _ids(generation, day) if number % BAD_OF == remainder(kind, generation)}


def frame(spark: SparkSession, kind: str, generation: int, of: Sequence[date], fails_at: int | None = None) -> DataFrame:
    """The judged rows of a generation; ``fails_at`` makes the source break at that row."""
    from pyspark.sql import functions as F  # noqa: PLC0415  with the first session

    from globalbev_assets.transforms.rules import ERROR_TYPE  # noqa: PLC0415

    listed = spark.createDataFrame([(day, _ids(generation, day).start, _ids(generation, day).stop) for day in of], "day date, first long, stop long")
    rows = listed.select("day", F.explode(F.sequence("first", F.col("stop") - 1)).alias("refund_id"))
    if fails_at is not None:
        broken = F.raise_error(F.lit("the source broke in the middle")).cast("long")
        rows = rows.withColumn("refund_id", F.when(F.col("refund_id") == fails_at, broken).otherwise(F.col("refund_id")))
    is_bad = F.col("refund_id") % BAD_OF == remainder(kind, generation)
    error = F.array(F.struct(F.lit("is_bad").alias("rule_id"), F.lit("error").alias("severity"), F.lit("refund_id").alias("column")))
    return rows.select(
        "refund_id",
        "day",
        (F.col("refund_id") + generation * 1000).alias("amount"),
        F.col("day").alias("_partition_date"),
        F.lit("shop.refunds").alias("_source"),
        F.col("refund_id").cast("string").alias("_source_position"),
        F.lit(f"{generation:010d}").alias("_version"),
        F.array().cast("array<string>").alias("_warnings"),
        F.when(is_bad, error).otherwise(F.array()).cast(ERROR_TYPE).alias("_errors"),
        F.when(is_bad, "quarantined").otherwise("published").alias("_outcome"),
        F.struct(F.col("refund_id").cast("string").alias("refund_id")).alias("_raw"),
    )


@dataclass(frozen=True)
class SlowPublisher(Publisher):
    """Its write of the table takes so long, asleep, so that the processors stay free."""

    slow_s: float = 0.0

    def _columns(self, contract: Contract, rows: DataFrame) -> DataFrame:
        from pyspark.sql import functions as F  # noqa: PLC0415  with the first session

        complete = super()._columns(contract, rows)
        if not self.slow_s:
            return complete
        nap = F.expr(f"reflect('java.lang.Thread', 'sleep', {int(self.slow_s * 1000)}L)")
        napping = F.when(F.col("refund_id") == NAPPING, F.coalesce(F.length(nap) * 0, F.lit(0))).otherwise(0)
        return complete.repartition(1).withColumn("amount", F.col("amount") + napping)


@dataclass(frozen=True)
class Refunds:
    """The two tables in the lake of one home."""

    settings: Settings
    kind: str = "by_day"
    wait_s: float = 60.0

    @property
    def contract(self) -> Contract:
        return contract(self.kind)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.settings.lake_root)

    @property
    def leases(self) -> Leases:
        return Leases(self.settings.home / "leases", lambda session: interrupt_session(self.settings, session), wait_s=self.wait_s)

    @property
    def path(self) -> str:
        return f"{self.settings.lake_root}/silver/{self.contract.table}"

    @property
    def quarantine_path(self) -> str:
        return f"{self.settings.lake_root}/quarantine/{self.contract.table}"

    def publish(
        self,
        run_id: str,
        generation: int | Callable[[], int],
        of: Sequence[date],
        *,
        slow_s: float = 0.0,
        fails_at: int | None = None,
        before: Callable[[], object] = lambda: None,
        between: Callable[[], object] = lambda: None,
    ) -> TableResult:
        """Publish a generation of these days, or the one that the source has when it is read, through a step, with a Spark session of its own."""
        lake = Lakehouse(self.settings, ContractBook([]), lambda: open_session(self.settings, is_small=True))

        def publish(step: Step, contract: Contract) -> TableResult:
            before()
            read = generation() if callable(generation) else generation
            counts = {day: len(_ids(read, day)) for day in of}
            gate = Gate(contract, step.history(contract.name), counts)
            rows = frame(lake.spark, self.kind, read, of, fails_at)
            between()
            return step.publisher.publish(Batch(contract, rows, of, gate, against=step.seen_of(contract)))

        try:
            return next(iter(list(run_step(Step(lake, SlowPublisher(lake, self.leases, run_id, slow_s), list(of)), [self.contract], publish))))
        finally:
            if "spark" in vars(lake):
                close_session(lake.spark)

    def start(self, run_id: str, generation: int, of: Sequence[date], *options: str, **variables: str) -> subprocess.Popen[str]:
        """The same as a process of its own; ``options`` as on its command line, ``variables`` for its environment."""
        command = [
            sys.executable,
            "-m",
            "tests.faults.refunds",
            str(self.settings.home),
            run_id,
            str(generation),
            str(of[0]),
            str(of[-1]),
            self.kind,
            *options,
        ]
        if self.settings.lake:
            command += ["--lake", self.settings.lake]
        return subprocess.Popen(command, cwd=PROJECT, env=os.environ | variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def rows(self, of: Sequence[date]) -> list[Row]:
        """What the table holds of these days, read without Spark."""
        table = DeltaTable(self.path).to_pyarrow_table(columns=["refund_id", "amount", "_partition_date"]).to_pylist()
        return sorted((row["refund_id"], row["amount"]) for row in table if row["_partition_date"] in of)

    def open_quarantine(self, of: Sequence[date]) -> list[str]:
        """Positions that the quarantine holds open of these days."""
        table = DeltaTable(self.quarantine_path).to_pyarrow_table().to_pylist()
        return sorted(row["source_position"] for row in table if row["partition"] in of and row["state"] == "open")

    def commits(self) -> list[dict[str, Any]]:
        """What each commit of the table but its creation says, oldest first."""
        return [commit for commit in reversed(DeltaTable(self.path).history()) if commit["version"] > 0]

    def writers(self) -> list[str]:
        """The runs that wrote the table's commits, oldest first."""
        return [json.loads(commit["userMetadata"])["run_id"] for commit in self.commits()]

    def latest(self, of: Sequence[date]) -> dict[date, LedgerRow]:
        """The newest ledger row of each of these days."""
        found = self.ledger.latest([str(self.contract.name)])
        return {day: found[str(self.contract.name), day] for day in of if (str(self.contract.name), day) in found}


def assert_day_is(refunds: Refunds, generation: int, day: date) -> None:
    """The table holds exactly this generation of the day, each row once."""
    assert refunds.rows([day]) == sorted(good(refunds.kind, generation, day)), f"{day} is not generation {generation}"


def assert_sound(refunds: Refunds, generations: dict[date, int]) -> None:
    """What must hold once a retry went through: content, quarantine, ledger and log say the same."""
    for day, generation in generations.items():
        assert_day_is(refunds, generation, day)
        assert refunds.open_quarantine([day]) == sorted(bad(refunds.kind, generation, day))
    _assert_one_row_a_source_row(refunds)
    _assert_ledger_is_right(refunds, generations)
    _assert_log_is_whole(refunds.path)
    _assert_log_is_whole(refunds.quarantine_path)
    assert not list((refunds.settings.home / "leases").glob("*.json")), "a lease was left behind"


def _assert_one_row_a_source_row(refunds: Refunds) -> None:
    keys = Counter(row["refund_id"] for row in DeltaTable(refunds.path).to_pyarrow_table(columns=["refund_id"]).to_pylist())
    assert [key for key, count in keys.items() if count > 1] == []
    places = DeltaTable(refunds.quarantine_path).to_pyarrow_table(columns=["source", "source_position"]).to_pylist()
    assert len(places) == len({tuple(place.values()) for place in places}), "a row is in the quarantine twice"


def _assert_ledger_is_right(refunds: Refunds, generations: dict[date, int]) -> None:
    latest, commits = refunds.latest(list(generations)), {commit["version"]: json.loads(commit["userMetadata"]) for commit in refunds.commits()}
    for day, generation in generations.items():
        row = latest[day]
        expected = (len(_ids(generation, day)), len(good(refunds.kind, generation, day)), len(bad(refunds.kind, generation, day)), 0)
        assert (row.rows_in, row.published, row.quarantined, row.unaccounted) == expected, row
        newest = max(version for version, said in commits.items() if str(day) in said["days"])
        assert commits[newest]["days"][str(day)][-1] == row.content_hash, "the ledger's newest row is not of the newest commit"
    for row in refunds.ledger.latest([str(refunds.contract.name)]).values():
        if row.state == "published":
            assert row.delta_version is not None
            assert commits[row.delta_version]["run_id"] == row.run_id, "a success cites a commit of another run"


def _assert_log_is_whole(path: str) -> None:
    table = DeltaTable(path)
    for version in range(table.version() + 1):
        text = (Path(path) / "_delta_log" / f"{version:020d}.json").read_text(encoding="utf-8")
        assert all(json.loads(line) for line in text.splitlines()), f"version {version} is cut off"
    for uri in table.file_uris():
        assert Path(uri.removeprefix("file://")).is_file(), f"{uri} is missing"


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def main() -> int:
    """Publish as a program; prints the result's days, states and error as JSON."""
    parser = argparse.ArgumentParser()
    for name in ("home", "run_id", "generation", "first", "last", "kind"):
        parser.add_argument(name)
    parser.add_argument("--lake")
    parser.add_argument("--slow", type=float, default=0.0)
    parser.add_argument("--wait", type=float, default=60.0)
    parser.add_argument("--start-when", type=Path)
    given = parser.parse_args()
    settings = Settings(_env_file=None, home=Path(given.home), lake=given.lake, spark_memory=MEMORY)
    refunds = Refunds(settings, given.kind, given.wait)

    def barrier() -> None:
        if given.start_when:
            Path(f"{given.start_when}.{given.run_id}").touch()
            wait_for(given.start_when.exists)

    of = list(DayRange(date.fromisoformat(given.first), date.fromisoformat(given.last)))
    result = refunds.publish(given.run_id, int(given.generation), of, slow_s=given.slow, before=barrier)
    print(json.dumps({"states": {str(row.business_day): row.state for row in result.rows}, "error": str(result.error or "")}))
    return 1 if result.error else 0


if __name__ == "__main__":
    sys.exit(main())
