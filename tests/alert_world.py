"""A Dagster instance, a small lake, a clock that is set by hand and a receiver on the loopback: what the alerts live in. No Spark."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.events import DagsterEvent, DagsterEventType, StepMaterializationData
from dagster._core.test_utils import create_run_for_test

from resources.alerts.outbox import Recorded
from resources.alerts.tick import Alerting, TickResult
from resources.ledger import DqResult, Ledger, LedgerRow
from resources.settings import Settings
from tests.unit.contract_files import packaged

START = datetime.now(UTC).replace(microsecond=0)
DAY = date(2026, 3, 8)
STORAGES = {
    "batched": ("resources.event_log", "BatchedSqliteEventLogStorage"),
    "dagster's sqlite": ("dagster._core.storage.event_log", "SqliteEventLogStorage"),
    "consolidated sqlite": ("dagster._core.storage.event_log", "ConsolidatedSqliteEventLogStorage"),
}


def instance_in(folder: Path, storage: str = "batched") -> dg.DagsterInstance:
    """A Dagster instance with one of the SQLite storages."""
    folder.mkdir(parents=True, exist_ok=True)
    module, name = STORAGES[storage]
    chosen = {"module": module, "class": name, "config": {"base_dir": str(folder / "events")}}
    (folder / "dagster.yaml").write_text(json.dumps({"telemetry": {"enabled": False}, "event_log_storage": chosen}))
    return dg.DagsterInstance.from_config(str(folder))


class Receiver:
    """Takes what apprise's ``json://`` sends; ``status`` and ``delay_s`` may be changed at any time, ``is_down`` refuses."""

    def __init__(self) -> None:
        outer = self
        self.taken: list[dict[str, Any]] = []
        self.status, self.delay_s, self.calls = 200, 0.0, 0

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.calls += 1
                status = outer.status
                time.sleep(outer.delay_s)
                if status == 200:
                    outer.taken.append(body)
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.address = f"json://user:s3cret-token@127.0.0.1:{self.port}/alerts"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def titles(self) -> list[str]:
        return [body["title"] for body in self.taken]

    @property
    def keys(self) -> list[str]:
        """The idempotency keys of what came."""
        return [body["message"].rpartition("message ")[2].strip() for body in self.taken]


@dataclass
class World:
    """Everything that a tick needs."""

    home: Path
    instance: dg.DagsterInstance
    addresses: str = ""
    cursor: str | None = None
    at: datetime = START
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        alerts = {"alerts": self.addresses} if self.addresses else {}
        return Settings(_env_file=None, home=self.home, **alerts, **self.more)

    @property
    def alerting(self) -> Alerting:
        return Alerting.of(self.settings, packaged())

    @property
    def recorded(self) -> Recorded:
        return self.alerting.outbox.load()

    def tick(self, *, seconds: float = 30) -> TickResult:
        """The next tick of the sensor, its cursor kept."""
        self.at += timedelta(seconds=seconds)
        result = self.alerting.tick(self.instance, self.cursor, self.at)
        self.cursor = result.cursor
        return result

    def check(
        self, table: str, check: str, day: date | None = DAY, *, passed: bool = False, metadata: Mapping[str, Any] | None = None,
        severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR, description: str = "", run_id: str = "run-1",
    ) -> None:  # fmt: skip
        """Report a check's result for a day, as partitions/reporting.py does."""
        evaluation = dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(table.split(".")), check_name=check, passed=passed, partition=str(day) if day else None,
            blocking=severity == dg.AssetCheckSeverity.ERROR, severity=severity, description=description,
            metadata={name: dg.MetadataValue.json(value) if isinstance(value, dict) else value for name, value in (metadata or {}).items()},
        )  # fmt: skip
        self.report(DagsterEventType.ASSET_CHECK_EVALUATION, evaluation, run_id)

    def volume(self, table: str, day: date = DAY, *, observed: float = 0.2, rule: str = "volume") -> None:
        """A volume check's result of a day; it passes from 0.5 on."""
        limits = {"limits": {rule: {"observed": observed, "minimum": 0.5, "maximum": 2.0}}}
        self.check(table, rule, day, passed=observed >= 0.5, metadata=limits, severity=dg.AssetCheckSeverity.WARN)

    def materialise(self, table: str, day: date = DAY, run_id: str = "run-2") -> None:
        made = dg.AssetMaterialization(dg.AssetKey(table.split(".")), partition=str(day))
        self.report(DagsterEventType.ASSET_MATERIALIZATION, StepMaterializationData(made), run_id)

    def report(self, kind: DagsterEventType, data: Any, run_id: str) -> None:
        event = DagsterEvent(kind.value, job_name="job", event_specific_data=data)
        self.instance.report_dagster_event(event, run_id=run_id)

    def run(
        self, tables: Iterable[str], first: date = DAY, last: date | None = None, checks: Iterable[dg.AssetCheckKey] = (), **tags: str
    ) -> dg.DagsterRun:
        """A run that is under way."""
        days = {"dagster/asset_partition_range_start": str(first), "dagster/asset_partition_range_end": str(last or first)}
        keys = frozenset(dg.AssetKey(table.split(".")) for table in tables)
        return create_run_for_test(
            self.instance, job_name="job", status=dg.DagsterRunStatus.STARTED, tags={**days, **tags}, asset_selection=keys,
            asset_check_selection=frozenset(checks) or None,
        )  # fmt: skip

    def fail(self, run: dg.DagsterRun) -> None:
        self.instance.report_run_failed(run)

    def ledger(self, run_id: str, table: str, day: date = DAY, **given: Any) -> None:
        """A ledger row, and, for ``broken``, the limit that held the day."""
        broken = given.pop("broken", None)
        row = LedgerRow(table, day, run_id, **{"state": "published", "recorded_at": self.at, "contract_version": "1.0.0", **given})
        results = [] if broken is None else [_result(row, broken)]
        Ledger(self.settings.lake_root).append([row], results)


def _result(row: LedgerRow, rule: str, observed: str = "0.31") -> DqResult:
    limits = (None, Decimal("0.25"))
    figures = (Decimal(observed), *limits, Decimal("0.02"))
    return DqResult(row.table_name, rule, "day", "", row.business_day, row.run_id, "error", *figures, False, True, row.recorded_at)


@contextmanager
def world_in(folder: Path, storage: str = "batched", addresses: str = "") -> Iterator[World]:
    """A world with one of the SQLite storages."""
    with instance_in(folder / "dagster", storage) as instance:
        yield World(folder / "home", instance, addresses)


@contextmanager
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    try:
        yield found
    finally:
        found.stop()


def lines(home: Path) -> list[dict[str, Any]]:
    """The messages in the file that is the default channel."""
    path = home / "alerts" / "alerts.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
