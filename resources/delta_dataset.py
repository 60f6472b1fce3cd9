"""A Delta table as a dataset of Arrow, for readers that take no Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resources.places import is_local, local_path

if TYPE_CHECKING:
    from pyarrow.dataset import Dataset


def dataset_of(path: str) -> Dataset:
    """The table for Arrow, a local one read by Arrow's own file system.

    deltalake's is in Python: DuckDB's threads wait for it, and a scan that ended early (LIMIT, an error) crashed or hung half of the processes.

    Raises:
        deltalake.exceptions.TableNotFoundError: there is no table.
    """
    from deltalake import DeltaTable  # noqa: PLC0415
    from pyarrow import fs  # noqa: PLC0415

    files = fs.SubTreeFileSystem(str(local_path(path)), fs.LocalFileSystem()) if is_local(path) else None
    return DeltaTable(path).to_pyarrow_dataset(filesystem=files)
