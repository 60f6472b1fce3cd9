"""The doctor's look at the lake: can it be written, who writes it, does the ledger know every commit."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator

from globalbev_assets.contracts.names import TableName
from globalbev_assets.errors import TransientError
from globalbev_assets.operations.doctor_machine import existing
from globalbev_assets.operations.findings import Finding, Installation, fail, ok, warn
from globalbev_assets.operations.ledger_repair import missing_rows
from globalbev_assets.operations.output import duration
from resources.ledger import LedgerRow, is_local, local_path


def look_at_lake(at: Installation) -> Iterator[Finding]:
    """The lake's folder."""
    root = at.settings.lake_root
    if not is_local(root):
        yield ok("lake", root)
        return
    place = existing(local_path(root))
    if not place.is_dir():
        yield fail("lake", f"{place} is a file", "Set GLOBALBEV_LAKE to a folder.")
    elif not os.access(place, os.W_OK | os.X_OK):
        yield fail("lake", f"{place} cannot be written by this user", "Set GLOBALBEV_LAKE, or mend the folder.")
    else:
        count = len(present_tables(at))
        yield ok("lake", f"{root}, {count} of {len(at.book)} tables" if count else f"{root}, empty")


def look_at_leases(at: Installation) -> Iterator[Finding]:
    """Who writes which table."""
    from resources.lease import TTL_S, holders  # noqa: PLC0415

    held = holders(at.settings.home / "leases")
    for table, holder in held.items():
        age_s = time.time() - holder.taken_at
        text = f"{table} by process {holder.pid}, run {holder.run_id}, for {duration(age_s)}"
        if not holder.is_alive:
            yield warn(
                "leases", f"{text}; it is dead", "The next writer of the table takes it over; `globalbev clean` removes it when no Spark server runs."
            )
        elif age_s > TTL_S:
            yield warn("leases", f"{text}; it hangs", "The next writer of the table takes it over; or end the process.")
        else:
            yield ok("leases", text)
    if not held:
        yield ok("leases", "none held")


def look_at_ledger(at: Installation) -> Iterator[Finding]:
    """Whether the ledger knows the newest commit of every table and day."""
    lost = lost_rows(at)
    if not lost:
        yield ok("ledger", "knows every commit")
        return
    counts = Counter(row.table_name for row in lost)
    text = f"does not know {len(lost)} committed days: {', '.join(f'{table} {count}' for table, count in counts.items())}"
    if is_at_work(at):
        yield warn("ledger", text, "A run is at work and writes them at its end; look again then.")
    else:
        yield fail("ledger", text, "`globalbev doctor --fix` writes them again from what the commits carry.")


def lost_rows(at: Installation) -> list[LedgerRow]:
    """The rows that the ledger lacks."""
    return missing_rows(at.settings.lake_root, present_tables(at))


def refuse_when_at_work(at: Installation) -> None:
    """Let nothing be mended under a run's hands.

    Raises:
        TransientError: GB-1520, while a run is at work: its commits are ahead of its ledger rows and events until it ends.
    """
    if is_at_work(at):
        raise TransientError(
            "GB-1520", "A run is at work.", got="a process that is connected to the Spark server, or holds a lease", valid="a lake that nobody writes",
            todo="Wait for its end, then try again.",
        )  # fmt: skip


def is_at_work(at: Installation) -> bool:
    """Whether somebody writes this lake from this machine: a living holder of a lease, or a client of the Spark server."""
    from resources.lease import holders  # noqa: PLC0415
    from resources.spark_profile import spark_folder  # noqa: PLC0415
    from resources.spark_server_activity import has_clients  # noqa: PLC0415
    from resources.spark_server_record import read_record  # noqa: PLC0415

    record = read_record(spark_folder(at.settings.home))
    has_client = record is not None and record.is_alive() and has_clients(record.pid, record.port)
    return has_client or any(holder.is_alive for holder in holders(at.settings.home / "leases").values())


def present_tables(at: Installation) -> list[TableName]:
    """The contracts' tables that are there."""
    from deltalake import DeltaTable  # noqa: PLC0415

    root = at.settings.lake_root
    return [name for name in at.book if DeltaTable.is_deltatable(f"{root}/{name.layer}/{name.table}")]
