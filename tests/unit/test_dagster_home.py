"""The local Dagster instance is what ``dagster.yaml`` says, wherever it is opened from, and a user's changes to it stay."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._config import process_config
from dagster._core.instance.config import dagster_instance_config, dagster_instance_config_schema
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster_postgres.utils import pg_url_from_config

from resources.dagster_home import TEMPLATE, prepare_dagster_home
from resources.event_log import BatchedSqliteEventLogStorage


def test_the_instance_loads_and_stores_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "200")
    folder = prepare_dagster_home(tmp_path / "my home: 'quoted'")
    monkeypatch.chdir(tmp_path)

    @dg.asset(partitions_def=dg.DailyPartitionsDefinition("2026-01-01", end_date="2026-01-08"), backfill_policy=dg.BackfillPolicy.single_run())
    def orders() -> None: ...

    with dg.DagsterInstance.from_config(str(folder)) as instance:
        storage = instance.event_log_storage
        assert isinstance(storage, BatchedSqliteEventLogStorage)
        tags = {"dagster/asset_partition_range_start": "2026-01-01", "dagster/asset_partition_range_end": "2026-01-07"}
        job = dg.Definitions(assets=[orders], executor=dg.in_process_executor).resolve_implicit_global_asset_job_def()
        assert job.execute_in_process(instance=instance, tags=tags).success
        assert len(instance.get_materialized_partitions(dg.AssetKey("orders"))) == 7
        assert instance.get_settings("run_retries") == {"enabled": True, "max_retries": 2, "retry_on_asset_or_op_failure": False}
        assert instance.telemetry_enabled is False and instance.nux_enabled is False
    assert (folder / "events" / "index.db").is_file()


def test_preparing_again_changes_nothing_and_follows_the_template(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(TEMPLATE.read_text())
    written = prepare_dagster_home(tmp_path, template) / "dagster.yaml"
    before = written.stat().st_mtime_ns
    prepare_dagster_home(tmp_path, template)
    assert written.stat().st_mtime_ns == before
    template.write_text("telemetry: {enabled: false}\n")
    prepare_dagster_home(tmp_path, template)
    assert yaml.safe_load(written.read_text()) == {"telemetry": {"enabled": False}}


@pytest.mark.parametrize("changed_by", ["a line more", "somebody's own file"])
def test_a_changed_file_is_left_alone(tmp_path: Path, changed_by: str) -> None:
    written = prepare_dagster_home(tmp_path) / "dagster.yaml"
    own = written.read_text() + "concurrency: {runs: {max_concurrent_runs: 2}}\n" if changed_by == "a line more" else "telemetry: {enabled: true}\n"
    written.write_text(own)
    prepare_dagster_home(tmp_path)
    assert written.read_text() == own


def postgres_block() -> dict[str, Any]:
    """The commented storage block of ``dagster.yaml``, with the comment's signs taken away."""
    commented = re.search(r"^# storage:\n(?:#  .*\n)+", TEMPLATE.read_text(), re.MULTILINE)
    assert commented, "dagster.yaml shows no storage block for PostgreSQL"
    found: dict[str, Any] = yaml.safe_load(re.sub(r"^# ?", "", commented[0], flags=re.MULTILINE))
    return found


def test_the_block_for_postgresql_is_valid_in_place_of_the_event_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`storage` beside `event_log_storage` is refused, so the block is tried as its comment says: in place of it."""
    for name in ("HOST", "USER", "PASSWORD", "DB"):
        monkeypatch.setenv(f"DAGSTER_POSTGRES_{name}", name.lower())
    settings = yaml.safe_load(TEMPLATE.read_text()) | postgres_block()
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(settings))
    dagster_instance_config(str(tmp_path))
    processed = process_config(dagster_instance_config_schema(), settings)
    assert processed.success and processed.value
    assert pg_url_from_config(processed.value["storage"]["postgres"]) == "postgresql+psycopg2://user:password@host:5432/db"


def test_the_template_itself_is_an_instance(tmp_path: Path) -> None:
    """Without DAGSTER_HOME, Dagster's commands take the ``dagster.yaml`` of the folder that they are called in."""
    shutil.copy(TEMPLATE, tmp_path)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert type(instance.event_log_storage) is SqliteEventLogStorage
