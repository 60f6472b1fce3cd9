"""What crashed processes leave in the home and the lake: a server's record, leases, lost ledger rows, files that no table uses."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from globalbev_assets.operations.clean_local import dead_leases
from globalbev_assets.operations.clean_tables import unneeded_files
from globalbev_assets.operations.cleaning import LEAST_RETENTION_DAYS, Removal
from globalbev_assets.operations.doctor_lake import lost_rows
from globalbev_assets.operations.findings import Installation
from globalbev_assets.operations.output import size
from globalbev_assets.operations.printed import count
from globalbev_assets.operations.repairs import Repair
from resources.ledger import Ledger
from resources.spark_profile import spark_folder
from resources.spark_server_record import read_record


def stale_server(at: Installation) -> Iterator[Repair]:
    """The record of a Spark server that is gone, or that lives and answers nobody."""
    record = read_record(spark_folder(at.settings.home))
    if record is None or (record.is_alive() and record.answers()):
        return
    text = f"process {record.pid}, port {record.port}"
    if record.is_alive():
        found, will = f"the Spark server ({text}) lives and does not answer", "end it; the next run starts another"
    else:
        found, will = f"the record of a Spark server ({text}) that is gone", "remove the record, and end its keeper if it lives"
    yield Repair("Spark server", found, will, "", partial(_stop, at), partial(_has_no_record, at))


def _stop(at: Installation) -> None:
    from resources.spark_server import stop_server  # noqa: PLC0415

    stop_server(at.settings)


def _has_no_record(at: Installation) -> bool:
    return read_record(spark_folder(at.settings.home)) is None


def dead_locks(at: Installation) -> Iterator[Repair]:
    """Leases of dead holders that nothing can be written under any more."""
    for removal in dead_leases(at.settings):
        yield Repair("leases", f"{removal.target} is held by a dead process ({removal.why})", "remove the lease", "", removal.remove)


def lost_ledger_rows(at: Installation) -> Iterator[Repair]:
    """Ledger rows that a crash lost."""
    lost = lost_rows(at)
    if lost:
        tables = ", ".join(dict.fromkeys(row.table_name for row in lost))
        yield Repair(
            "ledger",
            f"{count(len(lost), 'committed day')} of {tables} that the ledger does not know",
            "write the ledger's rows again from what the commits carry",
            "",
            lambda: Ledger(at.settings.lake_root).append(lost),
            lambda: not lost_rows(at),
            len(lost),
        )


def unneeded(at: Installation) -> Iterator[Repair]:
    """Data files that no version of the last days needs: what a crash left behind, what was replaced. VACUUM removes them."""
    removals = list(unneeded_files(at.settings, LEAST_RETENTION_DAYS))
    broken, files = [each for each in removals if not each.files], [each for each in removals if each.files]
    for each in broken:
        yield Repair("files", f"{each.target}: {each.why}", "", "`globalbev doctor` and the table's _delta_log say more")
    if files:
        number, bytes_ = sum(each.files for each in files), sum(each.size_bytes for each in files)
        yield Repair(
            "files",
            f"{count(number, 'data file')} of {count(len(files), 'table')}, {size(bytes_)}, that no version of the last {LEAST_RETENTION_DAYS} days needs",
            "remove them by VACUUM, in each table's lease",
            "",
            partial(_remove, files),
            lambda: not any(each.files for each in unneeded_files(at.settings, LEAST_RETENTION_DAYS)),
            number,
        )


def _remove(files: list[Removal]) -> None:
    for each in files:
        each.remove()
