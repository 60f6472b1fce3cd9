"""The command line in a test: a home of its own, no .env of the machine, and a small lake."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, write_deltalake
from typer.testing import CliRunner, Result

from globalbev_assets.contracts.names import TableName
from globalbev_assets.operations.cli import app
from globalbev_assets.operations.lake_views import lake_contracts
from resources.lakehouse import Lakehouse
from resources.settings import Settings, load_settings
from tests.unit.contract_files import packaged, seen

OWN = {"HOME", "SPARK_MEMORY", "SPARK_IDLE_MINUTES"}
VARIABLES = ("DEBUG", *sorted({name.upper() for name in Settings.model_fields} - OWN))


def make_home(place: Path, patch: pytest.MonkeyPatch) -> Path:
    """A home in ``place``; nothing that the machine or the project's ``.env`` has set is seen."""
    for name in VARIABLES:
        patch.delenv(f"GLOBALBEV_{name}", raising=False)
    for name in ("DAGSTER_HOME", "DAGSTER_EVENT_BATCH_SIZE", "FORCE_COLOR"):
        patch.delenv(name, raising=False)
    home = place / "home"
    (home / "state").mkdir(parents=True)
    packaged()
    shutil.copy(seen(), home / "state" / "contracts.json")
    patch.setenv("GLOBALBEV_HOME", str(home))
    for module in ("resources.settings", "globalbev_assets.operations.doctor_sources"):
        patch.setattr(f"{module}.PROJECT", place)
    return home


def run(*words: str, stdin: str = "") -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, list(words), input=stdin, prog_name="globalbev")


def document(*words: str, code: int = 0) -> Any:
    """The JSON document of a command, which has to be all of its stdout."""
    done = run(*words, "--json")
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def fill(name: str, rows: Sequence[Mapping[str, Any]], metadata: Mapping[str, Any] | None = None) -> Path:
    """Append rows to a table of the home's lake, made from its contract; columns that are not given are NULL."""
    settings, table = load_settings(), TableName.parse(name)
    lake = Lakehouse(settings, packaged(), lambda: pytest.fail("Spark was asked for"))
    lake.ensure_table(lake_contracts(packaged())[table])
    path = lake.path(table)
    schema = pa.schema([pa.field(field.name, field.type) for field in map(pa.field, DeltaTable(path).schema().to_arrow())])
    given = pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
    properties = CommitProperties(custom_metadata={"userMetadata": json.dumps(metadata)}) if metadata else None
    write_deltalake(path, given, mode="append", commit_properties=properties)
    return Path(path)
