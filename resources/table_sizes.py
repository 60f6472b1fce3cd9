"""How many bytes a table's days take, from the sizes in Delta's log: no file is opened, no job is run."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from globalbev_assets.contracts.model import Contract
from resources.places import is_local


def bytes_by_day(path: str, contract: Contract) -> dict[date, int]:
    """Bytes of the files of each business day of a table that is partitioned by it; nothing for another, whose files hold many days,
    nor for a lake that only a cluster reads.

    A size is a figure beside the data: one that cannot be read is left out, and the day is reported without it.
    """
    if contract.partition_column is None or not is_local(path):
        return {}
    try:
        files = pa.table(DeltaTable(path).get_add_actions(flatten=True))
    except (DeltaError, OSError):
        return {}
    if not files.num_rows:
        return {}
    found: dict[date, int] = defaultdict(int)
    for size_bytes, day in zip(files["size_bytes"].to_pylist(), files[f"partition.{contract.partition_column}"].to_pylist(), strict=True):
        if day is not None:
            found[day] += size_bytes
    return dict(found)
