"""The host in the cloud: sensors, alerts and command line on a lake in Azure's storage, which is Microsoft's emulator here. No Spark.

Azurite is an npm package and is installed into a temporary folder, so this is slow, and skipped where there is no npm.
"""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient
from deltalake import DeltaTable

from globalbev_assets.contracts.names import TableName
from globalbev_assets.contracts.operations import operations_contracts
from globalbev_assets.errors import TransientError
from resources.delta_creation import create_table
from resources.drift.comparing import Comparison
from resources.drift.sources import Glance, InstalledSources
from resources.freshness import FreshnessLog, promise_of
from resources.settings import load_settings
from resources.source_deliveries import SourceDeliveries
from sensors.build import build_sensors
from tests.alert_world import World, lines
from tests.integration.drift_world import panel
from tests.unit.cli_runs import document, make_home, run
from tests.unit.contract_files import packaged
from tests.unit.oncall_lake import D1, make_lake

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]
AZURITE = "azurite@3.35.0"
ACCOUNT = "lakeaccount"
WORKSPACE = {
    "GLOBALBEV_ENV": "test",
    "GLOBALBEV_DATABRICKS_HOST": "https://adb-1234567890123456.7.azuredatabricks.net",
    "GLOBALBEV_DATABRICKS_CLIENT_ID": "11111111-2222-3333-4444-555555555555",
    "GLOBALBEV_DATABRICKS_CLIENT_SECRET": "not-used",
    "GLOBALBEV_DATABRICKS_POLICY_ID": "ABC123",
    "GLOBALBEV_DATABRICKS_CATALOG": "globalbev_test",
    "GLOBALBEV_DATABRICKS_SCOPE": "globalbev",
    "GLOBALBEV_DATABRICKS_HOME": "/Volumes/globalbev_test/ops/state",
    "GLOBALBEV_DATABRICKS_RUNTIME": "other.x-scala2.13",
    "GLOBALBEV_LAKE": f"abfss://lake@{ACCOUNT}.dfs.core.windows.net",
    "GLOBALBEV_LANDING": "/Volumes/globalbev_test/ops/landing",
    "GLOBALBEV_SHOP_DSN": "postgresql://nobody@127.0.0.1:9/shop",
}


@dataclass(frozen=True)
class Storage:
    """An account of Azurite, with one container."""

    address: str
    key: str

    @property
    def variables(self) -> dict[str, str]:
        """What lets delta-rs read and write it."""
        return {
            "AZURE_STORAGE_USE_EMULATOR": "true",
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": self.key,
            "AZURITE_BLOB_STORAGE_URL": self.address,
        }

    def upload(self, folder: Path) -> None:
        """Make the container anew, with all files of a folder."""
        service = BlobServiceClient(f"{self.address}/{ACCOUNT}", credential=self.key)
        if service.get_container_client("lake").exists():
            service.delete_container("lake")
        service.create_container("lake")
        self.put(folder)

    def put(self, folder: Path) -> None:
        """Add all files of a folder."""
        for path in filter(Path.is_file, folder.rglob("*")):
            self._container.upload_blob(path.relative_to(folder).as_posix(), path.read_bytes())

    def remove(self, start: str) -> None:
        """Delete what lies below a path."""
        for blob in self._container.list_blob_names(name_starts_with=start):
            self._container.delete_blob(blob)

    @property
    def _container(self) -> ContainerClient:
        return BlobServiceClient(f"{self.address}/{ACCOUNT}", credential=self.key).get_container_client("lake")


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    npm, folder = shutil.which("npm"), tmp_path_factory.mktemp("azurite")
    if npm is None:
        pytest.skip("no npm on this machine, which Azurite comes by")
    subprocess.run([npm, "install", "--prefix", folder, "--no-audit", "--no-fund", AZURITE], check=True, capture_output=True, timeout=300)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    key = base64.b64encode(secrets.token_bytes(64)).decode()
    where = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder / "data"), "--silent", "--skipApiVersionCheck"]
    server = subprocess.Popen(
        [folder / "node_modules" / ".bin" / "azurite-blob", *where],
        env=os.environ | {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.2)
    yield Storage(f"http://127.0.0.1:{port}", key)
    server.terminate()
    server.wait(30)


@pytest.fixture
def home(storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose lake is in the storage, in the environment ``test``; it was written on the laptop and copied, as Spark is not here."""
    found = make_home(tmp_path, monkeypatch)
    make_lake(found)
    for contract in operations_contracts():  # as the contracts' SQL has made them, with their constraints and properties
        create_table(str(found / "lake" / "ops" / contract.table), contract)
    storage.upload(found / "lake")
    shutil.rmtree(found / "lake")
    for name, value in {**WORKSPACE, **storage.variables}.items():
        monkeypatch.setenv(name, value)
    return found


def test_the_command_line_answers_from_the_storage(home: Path) -> None:
    assert f"{D1}" in run("ledger", str(D1)).output
    held = document("checks", "silver.orders", "--failed", code=1)
    assert any(line["rule"] == "few_quarantined" for line in held["checks"])
    assert "101/1" in run("quarantine", "list", "order_lines").output
    assert "currency_not_market" in run("trace", "order:101").output
    assert run("sql", "select sum(net_sales) as total from gold.fact_daily_sales").output.count("28.5") == 1
    assert {line["state"] for line in document("freshness", code=1)} <= {"fresh", "late", "unknown"}


def test_a_decision_about_a_row_is_written_to_the_storage(home: Path) -> None:
    done = run("quarantine", "discard", "order_lines", "101/1", "--reason", "a test order")
    assert done.exit_code == 0, done.output
    (row,) = (row for row in document("quarantine", "list", "order_lines", "--state", "discarded")["rows"])
    assert row["state"] == "discarded"


def test_every_sensor_ticks_and_records_without_a_jvm(home: Path) -> None:
    settings, book, before = load_settings(), packaged(), jvms()  # another test's server may be there
    with dg.DagsterInstance.ephemeral() as instance:
        for sensor in (one for one in build_sensors(book, settings) if one.name != "automation"):
            first = tick(sensor, instance, None)
            assert tick(sensor, instance, first.cursor).cursor == first.cursor
    assert {table for table, _ in FreshnessLog(settings.lake_root).latest(datetime.now(UTC))} >= {"bronze.orders", "silver.orders"}
    assert jvms() == before


def test_files_are_looked_at_in_the_landing_zones_container(home: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host has no volumes; what it says of a feed is what it says of a folder (tests/unit/test_landing_mirror.py)."""
    service = BlobServiceClient(f"{storage.address}/{ACCOUNT}", credential=storage.key)
    service.create_container("landing")
    container, day = service.get_container_client("landing"), datetime.now(UTC).date() - timedelta(days=1)
    container.upload_blob(f"market_panel/{day}/the week's.csv", panel().encode())
    container.upload_blob(f"market_panel/{day}/the week's.csv.done", b"")
    monkeypatch.setenv("GLOBALBEV_LANDING_URL", f"abfss://landing@{ACCOUNT}.dfs.core.windows.net")
    settings, contract = load_settings(), packaged()[TableName("bronze", "market_panel")]
    with SourceDeliveries(settings, datetime.now(UTC)) as sources:
        found = sources.look(contract, promise_of(contract, packaged(), settings).calendar, day)
    assert found is not None
    assert (found.state, found.detail) == ("delivered", f"market_panel/{day}/the week's.csv is there.")
    readers = Comparison(settings, packaged()).readers
    (glance,) = InstalledSources(settings).glances([contract], readers, {})
    assert isinstance(glance, Glance), glance
    (seen,) = glance.observe()
    assert seen.shape.names[:3] == ("week_start", "market_id", "sku")
    assert len(seen.keys or ()) == 20


def jvms() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True) if "java" in child.name()}


def tick(sensor: dg.SensorDefinition, instance: dg.DagsterInstance, cursor: str | None) -> Any:
    return sensor.evaluate_tick(dg.build_sensor_context(instance=instance, cursor=cursor))


class Cloud(World):
    """The alerts' world with the settings of the process."""

    @property
    def settings(self) -> Any:
        return load_settings()


@pytest.fixture
def warned(home: Path) -> Iterator[Cloud]:
    """A world whose people were told of one warning."""
    with dg.DagsterInstance.ephemeral() as instance:
        world = Cloud(home, instance)
        world.tick()
        world.volume("bronze.orders")
        world.tick()
        yield world


def test_an_alert_is_recorded_sent_accepted_and_over(home: Path, warned: Cloud) -> None:
    (incident,) = warned.recorded.incidents.values()
    assert [line["kind"] for line in lines(home)] == ["new"]
    assert run("alerts", "accept", incident.id, "--reason", "stock-taking").exit_code == 0
    warned.tick()
    assert [line["kind"] for line in lines(home)] == ["new", "over"]
    assert warned.tick().messages == 0


def test_before_the_contracts_sql_no_table_is_made_and_what_was_seen_is_told_after_it(home: Path, storage: Storage) -> None:
    """A table of the host's own making would be refused by that SQL, and the deployment with it."""
    storage.remove("ops/alerts")
    with dg.DagsterInstance.ephemeral() as instance:
        world = Cloud(home, instance)
        world.tick()
        world.volume("bronze.orders")
        with pytest.raises(TransientError, match="GB-3041"):
            world.tick()
        assert not DeltaTable.is_deltatable(f"{load_settings().lake_root}/ops/alerts")
        assert lines(home) == []
        contract = next(one for one in operations_contracts() if one.table == "alerts")
        create_table(str(home / "made" / "ops" / "alerts"), contract)
        storage.put(home / "made")
        world.tick()
    assert [line["kind"] for line in lines(home)] == ["new"]


def test_of_two_who_write_the_alerts_at_once_one_is_told_and_nothing_is_lost(warned: Cloud) -> None:
    outbox, at = warned.alerting.outbox, datetime.now(UTC)
    mine, theirs = outbox.load(), outbox.load()
    outbox.save(theirs, at + timedelta(seconds=1))
    with pytest.raises(TransientError, match="GB-2203"):
        outbox.save(mine, at + timedelta(seconds=2))
