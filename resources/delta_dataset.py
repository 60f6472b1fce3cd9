"""A Delta table for Arrow, for readers that take no Spark.

A local one is read by Arrow's own file system. deltalake's calls into Python: DuckDB's threads wait for it, and a scan that ended early (LIMIT, an
error) crashed or hung half of the processes. Threads of Arrow that still hold its files when the process ends take it down: of 25 processes that read
a small table by ``to_pyarrow_table`` and ended, 9 were aborted (deltalake 1.6.6), none this way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from resources.places import is_local, local_path

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable
    from pyarrow.dataset import Dataset


def dataset_of(table: str | DeltaTable) -> Dataset:
    """The table, named by its path or open already, as a dataset.

    Raises:
        deltalake.exceptions.TableNotFoundError: there is no table.
    """
    from deltalake import DeltaTable  # noqa: PLC0415
    from pyarrow import fs  # noqa: PLC0415

    found = DeltaTable(table) if isinstance(table, str) else table
    place = table if isinstance(table, str) else unquote(found.table_uri)
    files = fs.SubTreeFileSystem(str(local_path(place)), fs.LocalFileSystem()) if is_local(place) else None
    return found.to_pyarrow_dataset(filesystem=files)


def rows_of(table: str | DeltaTable, columns: Sequence[str] | None = None, filters: Sequence[tuple[str, str, Any]] = ()) -> pa.Table:
    """Rows of a small table for which every filter (column, operator, value; as ``pyarrow.parquet`` has them) holds; of all columns, or of some.

    Raises:
        deltalake.exceptions.TableNotFoundError: there is no table.
    """
    from pyarrow.parquet import filters_to_expression  # noqa: PLC0415

    chosen = filters_to_expression(list(filters)) if filters else None
    return dataset_of(table).to_table(columns=list(columns) if columns is not None else None, filter=chosen)
