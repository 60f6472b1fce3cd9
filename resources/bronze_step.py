"""Bronze: what arrived, as it arrived; a database's tables in one snapshot, files and pages by their day."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from globalbev_assets.contracts.model import Contract
from globalbev_assets.errors import DataRejectedError, TerminalError
from globalbev_assets.transforms.schemas import struct_type
from partitions.days import now
from resources.api_feed import ApiAccess, DayFailed, DayFetch
from resources.bronze_sources import api_feed, file_feed, from_files, from_pages, misfits
from resources.delta_sql import days_predicate
from resources.drift.bronze import record_files, record_items, record_relation
from resources.file_feed import ReadyFile
from resources.gate import Gate
from resources.json_api import fetch_days
from resources.landing import list_deliveries
from resources.ledger import DqResult
from resources.logs.events import emit
from resources.process_identity import stamp_of
from resources.publishing import Batch, TableResult
from resources.readable_files import ReadableFile, readable, working_folder
from resources.settings import Settings
from resources.shop import Snapshot, open_snapshot
from resources.staging import stage, summed_columns, without_rules
from resources.steps import Step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class BronzeSources:
    """The sources of one step; snapshots stay open until the step is through. A context manager."""

    def __init__(self, settings: Settings, run_id: str) -> None:
        """Open nothing yet."""
        self._settings, self._run_id = settings, run_id
        self._open = ExitStack()
        self._snapshots: dict[str, Snapshot] = {}
        self._opening = Lock()

    def __enter__(self) -> BronzeSources:
        self._folder = working_folder(self._settings.home, f"{self._run_id}-{os.getpid()}.{stamp_of(os.getpid())}")
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def publish(self, step: Step, contract: Contract) -> TableResult:
        """Read one table's days from its source and publish them."""
        kinds = {"database": self._from_database, "file_feed": self._from_files, "json_api": self._from_api}
        return kinds[contract.source.kind](step, contract)

    def _from_database(self, step: Step, contract: Contract) -> TableResult:
        variable = contract.source.options.get("dsn", "GLOBALBEV_SHOP_DSN")
        started, snapshot = time.monotonic(), self._snapshot(variable)
        try:
            with snapshot.beside() as reading:
                record_relation(step, contract, reading.connection)
                frame = reading.frame(step.lake.spark, contract, step.range)
                left = days_left(step, contract, frame)
                if left:
                    step = replace(step, days=sorted({*step.days, *left}))
                    frame = reading.frame(step.lake.spark, contract, step.range).where(days_predicate("_partition_date", step.days))
                counts, sums = reading.counts(contract, step.range), reading.sums(contract, summed_columns(contract), step.range)
                _tell_read("database", counts, started)
            return _publish(step, contract, frame, Said(counts, sums=sums))
        except (DataRejectedError, TerminalError):
            raise  # the snapshot is as good as before
        except BaseException:
            self._forget(variable, snapshot)  # what failed may have been the snapshot; another try opens its own
            raise

    def _forget(self, variable: str, snapshot: Snapshot) -> None:
        """Let the next who asks open another; who reads in this one goes on."""
        with self._opening:
            if self._snapshots.get(variable) is snapshot:
                del self._snapshots[variable]

    def _snapshot(self, variable: str) -> Snapshot:
        with self._opening:  # tables go side by side, and see the same
            if variable not in self._snapshots:
                self._snapshots[variable] = self._open.enter_context(open_snapshot(self._settings.variable(variable)))
            return self._snapshots[variable]

    def _from_files(self, step: Step, contract: Contract) -> TableResult:
        root, started = self._settings.landing_root, time.monotonic()
        found = list_deliveries(
            root, file_feed(contract), now=now(), deadletter=self._settings.home / "deadletter", state=self._settings.home / "state"
        )
        wanted = [file for file in found.ready if file.day in step.days]
        record_files(step, contract, [(file.path, file.day) for file in wanted if not file.is_superseded])
        counts = Counter[date]()
        for file in wanted:
            counts[file.day] += file.records
        _tell_read("files", counts, started)
        frame = from_files(step.lake.spark, contract, self._readable(contract, wanted))
        if frame is not None and contract.on_bad_record == "fail_fast":
            frame = stage(frame)
        result = _publish(step, contract, frame, Said(counts, refused_by(contract, frame, wanted)))
        result.results += _files_aside(step, contract, "dead_letter", [file.day for file in found.dead])
        result.results += _files_aside(step, contract, "still_arriving", [file.day for file in found.waiting])
        return result

    def _readable(self, contract: Contract, files: Sequence[ReadyFile]) -> list[ReadableFile]:
        is_text, is_remote = contract.source.options["format"] != "csv", self._settings.spark == "cluster"
        return list(readable(files, self._folder / contract.table, is_text=is_text, is_remote=is_remote))

    @property
    def _locked_state(self) -> Path:
        """Where what processes share under a lock lies: on a cluster its own disk, for a volume need not know locks."""
        return Path(tempfile.gettempdir()) / "globalbev" if self._settings.spark == "cluster" else self._settings.home / "state"

    def _from_api(self, step: Step, contract: Contract) -> TableResult:
        options = contract.source.options
        token = self._settings.variable(options["token"]) if options.get("token") else None
        access = ApiAccess(self._settings.variable(options["url"]), token, self._locked_state, self._settings.home / "deadletter")
        started = time.monotonic()
        answers = list(fetch_days(api_feed(contract), access, step.days, self._folder / contract.table))
        fetched = [answer for answer in answers if isinstance(answer, DayFetch) and answer.has_data]
        counts = {answer.day: answer.items for answer in fetched}
        _tell_read("api", counts, started)
        refused = {answer.day: f"{answer.error.code} {answer.error.what}" for answer in answers if isinstance(answer, DayFailed)}
        if len(refused) == len(answers):
            raise next(answer.error for answer in answers if isinstance(answer, DayFailed))
        record_items(step, contract, [path for answer in fetched for path in answer.files])
        frame = from_pages(step.lake.spark, contract, fetched)
        return _publish(step, contract, frame, Said(counts, {day: why for day, why in refused.items() if day}))


def _tell_read(source: str, counts: Mapping[date, int], started: float) -> None:
    emit("source.read", source=source, rows=sum(counts.values()), duration_s=time.monotonic() - started)


@dataclass(frozen=True)
class Said:
    """What the source says of its rows: how many each day has, what of a day could not be read and why, and what its numbers add up to."""

    counts: Mapping[date, int]
    refused: Mapping[date, str] = field(default_factory=dict)
    sums: Mapping[str, Mapping[date, Decimal]] = field(default_factory=dict)


def days_left(step: Step, contract: Contract, rows: DataFrame) -> list[date]:
    """Days outside the step's under which the table still has rows that the source has in the step's by now: their business time was corrected.

    Those days are read again too, or such a row would count on both.
    """
    from pyspark.sql import functions as F  # noqa: PLC0415

    elsewhere = [day for day, row in step.history(contract.name).items() if row.published and day not in step.days]
    if contract.date_column is None or contract.source.options["mode"] == "full" or not elsewhere:
        return []
    held = step.lake.read(contract.name).where(~F.expr(days_predicate(contract.date_column, step.days)))
    moved = held.select("_source_position", contract.date_column).join(rows.select("_source_position"), "_source_position", "left_semi")
    return sorted(row[0] for row in moved.select(contract.date_column).distinct().collect())


def _publish(step: Step, contract: Contract, frame: DataFrame | None, said: Said) -> TableResult:
    from pyspark.sql import functions as F  # noqa: PLC0415

    spark = step.lake.spark
    rows = frame if frame is not None else spark.createDataFrame([], struct_type(contract))
    if "_ingested_at" not in rows.columns or frame is None:
        rows = rows.withColumn("_ingested_at", F.lit(now()))
    gate = Gate(contract, step.history(contract.name), said.counts, said.refused, sums=said.sums)
    return step.publisher.publish(Batch(contract, without_rules(rows), step.days, gate, against=step.seen_of(contract)))


def refused_by(contract: Contract, frame: DataFrame | None, files: Iterable[ReadyFile]) -> dict[date, str]:
    """Days that a fail-fast contract does not take: a file of theirs has a record that does not fit, and no later delivery has replaced it."""
    if frame is None or contract.on_bad_record != "fail_fast":
        return {}
    replaced = {f"{file.feed}/{file.day}/{file.name}" for file in files if file.is_superseded}
    why: dict[date, list[str]] = {}
    for source, (day, records) in sorted(misfits(frame).items()):
        if source not in replaced:
            why.setdefault(day, []).append(f"{records} in {source}")
    return {day: _said(_unfit(", ".join(found))) for day, found in why.items()}


def _unfit(got: str) -> DataRejectedError:
    return DataRejectedError(
        "GB-1241",
        "A delivered file has records that do not fit their header, and its contract is fail-fast.",
        got=got,
        valid="records of as many fields as the header",
        todo="Have the file corrected and delivered again, or set onBadRecord: permissive; then load the day again.",
    )


def _said(error: DataRejectedError) -> str:
    """The error as the reason of a held day, in one line."""
    return f"{error.code} {error.what} Records: {error.got}. {error.todo}"


def _files_aside(step: Step, contract: Contract, rule: str, days: Iterable[date | None]) -> list[DqResult]:
    """Files that are not in the table, as warnings of their day: the others of the day are."""
    counted = Counter(day for day in days if day in step.days)
    return [
        DqResult(str(contract.name), rule, "day", "", day, step.publisher.run_id, "warn", Decimal(count), None, Decimal(0), None, False, False, now())
        for day, count in counted.items()
        if day is not None
    ]
