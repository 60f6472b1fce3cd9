"""Files of Delta tables that no version within the retention needs: VACUUM, by ``deltalake``, in the table's lease."""

from __future__ import annotations

import errno
import uuid
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from globalbev_assets.contracts.loader import read_contracts
from globalbev_assets.contracts.names import TableName
from globalbev_assets.operations.cleaning import Removal
from globalbev_assets.operations.lake_views import lake_contracts, present
from resources.ledger import is_local, local_path
from resources.settings import Settings

if TYPE_CHECKING:
    from deltalake import DeltaTable

LEASE_WAIT_S = 10.0


def unneeded_files(settings: Settings, retention_days: int) -> Iterator[Removal]:
    """A removal a table that has such files."""
    from deltalake import DeltaTable  # noqa: PLC0415

    book, _ = read_contracts(settings.contract_folders, cache=settings.home / "state" / "contracts.json")
    for name in present(settings.lake_root, lake_contracts(book)):
        path = f"{settings.lake_root}/{name.layer}/{name.table}"
        try:
            files = _vacuum(DeltaTable(path), retention_days, is_dry_run=True)
        except Exception as error:  # noqa: BLE001  one table that cannot be read is said, and the others are cleaned
            yield Removal("files", str(name), f"the table cannot be read: {type(error).__name__}", _refuse)
            continue
        if files:
            remove = partial(_remove, settings, name, path, retention_days)
            why = f"not in use for {retention_days} days"
            yield Removal("files", str(name), why, remove, files=len(files), size_bytes=_size(path, files))


def _refuse() -> None:
    raise OSError(errno.EIO, "the table cannot be read")


def _vacuum(table: DeltaTable, retention_days: int, *, is_dry_run: bool) -> list[str]:
    """With ``full``, files that a broken write left behind are found too: the log has never heard of them."""
    return table.vacuum(retention_hours=24 * retention_days, dry_run=is_dry_run, full=True)


def _remove(settings: Settings, name: TableName, path: str, retention_days: int) -> None:
    """VACUUM commits to the log, and Spark's own commits replace a file that came in between; the lease keeps both apart."""
    from deltalake import DeltaTable  # noqa: PLC0415

    from resources.lease import Leases  # noqa: PLC0415

    def end_session(session: str) -> object:
        from resources.spark import interrupt_session  # noqa: PLC0415

        return interrupt_session(settings, session)

    leases = Leases(settings.home / "leases", end_session, wait_s=LEASE_WAIT_S)
    with leases.hold(name, f"clean-{uuid.uuid4()}", "clean"):
        _vacuum(DeltaTable(path), retention_days, is_dry_run=False)


def _size(path: str, files: list[str]) -> int:
    if not is_local(path):
        return 0
    places = (local_path(path) / file for file in files)
    return sum(place.stat().st_size for place in places if place.is_file())
