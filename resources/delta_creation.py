"""The first version of a Delta table in a folder: made once, by whoever is first.

``DeltaTable.create`` and ``write_deltalake`` look and then commit. Of two at once, the later one commits its creation as version 1, which gives the
table another id under the other's feet, or fails, and its rows are lost (deltalake 1.6.6; with four threads 27 of 30 creations, and half of the
first rows). So the version is made elsewhere and put into its place by a hard link, which there can be one of; the log's other versions are committed
in the same way, and rows that are appended to a table that is there never collide.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from deltalake import DeltaTable, Schema, write_deltalake
from deltalake.exceptions import DeltaError

from globalbev_assets.contracts.model import Contract
from globalbev_assets.errors import TransientError
from globalbev_assets.transforms.schemas import delta_schema_json, table_properties
from resources.places import is_local, local_path

if TYPE_CHECKING:
    import pyarrow as pa

FIRST = f"{0:020d}.json"
COMPACTED_EVERY = 100
"""Commits."""


def create_table(path: str, contract: Contract) -> None:
    """Create the table from its contract; nothing when it is there. Errors as :func:`create`."""
    create(
        path,
        Schema.from_json(delta_schema_json(contract)),
        table_properties(contract),
        partition_by=[contract.partition_column] if contract.partition_column else None,
        name=contract.table,
        description=contract.description,
    )


def create(path: str, schema: Any, properties: Mapping[str, str], **more: Any) -> None:
    """Create an empty table, of an Arrow schema or Delta's; nothing when it is there. ``more``: as ``DeltaTable.create`` takes it.

    Raises:
        TransientError: GB-3041, when it is missing in a lake that is no folder. There the contracts' SQL makes all tables; one that the host had made
            before, with a schema of its own, would be refused by it, and the deployment with it.
    """
    if DeltaTable.is_deltatable(path):
        return
    if not is_local(path):
        raise TransientError(
            "GB-3041",
            "A table of the lake is not made yet.",
            got="/".join(path.split("/")[-2:]),
            valid="the tables that the contracts' SQL makes",
            todo="Apply it, as deploy/README.md says; what was to be written is written at the next try.",
        )
    log = local_path(path) / "_delta_log"
    log.mkdir(parents=True, exist_ok=True)
    draft = log / f".{uuid.uuid4().hex}.tmp"
    try:
        with TemporaryDirectory(prefix="globalbev-table-") as made:
            DeltaTable.create(made, schema, configuration=dict(properties), **more)
            draft.write_bytes((Path(made) / "_delta_log" / FIRST).read_bytes())
        with suppress(FileExistsError):  # somebody was faster
            os.link(draft, log / FIRST)
    finally:
        draft.unlink(missing_ok=True)


def append(path: str, rows: pa.Table) -> None:
    """Append a few rows to a table that is there; now and then its small files become one, for each of them costs every reader a millisecond."""
    table = DeltaTable(path)
    write_deltalake(table, rows, mode="append")
    if is_local(path) and table.version() % COMPACTED_EVERY == 0:
        with suppress(DeltaError):  # somebody else is at it
            table.optimize.compact()
