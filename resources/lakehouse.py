"""The lake: where a table lies, how it is read, and that it exists before anything is written to it."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import TableName
from globalbev_assets.errors import TerminalError, TransientError
from resources.delta_log import ClusterLog, DeltaLog, FolderLog
from resources.delta_sql import days_predicate
from resources.ledger import Ledger, is_local, local_path
from resources.places import Catalogued
from resources.settings import Settings
from resources.spark import close_session, settle
from resources.table_frames import load_table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

LEAST_FREE_BYTES = 200 * 1024 * 1024


@dataclass
class Lakehouse:
    """The tables of one lake, read through one Spark session that opens when it is first needed."""

    settings: Settings
    book: ContractBook
    open_spark: Callable[[], SparkSession]
    is_ended: bool = False
    _ensured: set[TableName] = field(default_factory=set)

    @cached_property
    def spark(self) -> SparkSession:
        """The session."""
        return self.open_spark()

    def forget_spark(self) -> None:
        """Let the next use open another session, on a new server if need be: this one's server went away, or somebody ended the session."""
        if "spark" in vars(self):
            close_session(vars(self).pop("spark"))

    def interrupt(self) -> None:
        """End what this lake's session is doing, from another thread, and let it begin nothing more: see :meth:`refuse_when_ended`."""
        self.is_ended = True
        if "spark" in vars(self):
            settle(self.settings, self.spark)

    def refuse_when_ended(self) -> None:
        """Before something that would stay.

        Raises:
            TransientError: GB-1212 after :meth:`interrupt`.
        """
        if self.is_ended:
            raise TransientError(
                "GB-1212",
                "The step was ended.",
                got="an interruption, or an error of the run",
                valid="a running step",
                todo="Run again; what was committed stays.",
            )

    @cached_property
    def log(self) -> DeltaLog:
        """How the tables' logs are read: a folder's without Spark, a cluster's storage with it."""
        return FolderLog() if is_local(self.settings.lake_root) else ClusterLog(lambda: self.spark, self.settings.lake_root, self.settings.catalog)

    @cached_property
    def ledger(self) -> Ledger:
        """The lake's ledger."""
        return Ledger(self.settings.lake_root, self.log)

    def path(self, name: TableName) -> str:
        """Where the table lies; on a cluster with a catalog, the table's name in it."""
        if self.settings.catalog and not is_local(self.settings.lake_root):
            return Catalogued(f"{self.settings.catalog}.{name.layer}.{name.table}")
        return f"{self.settings.lake_root}/{name.layer}/{name.table}"

    def version(self, name: TableName) -> int | None:
        """The newest version of the table; None when there is no table."""
        return self.log.version(self.path(name))

    def is_empty(self, name: TableName) -> bool:
        """Whether no version of the table ever held a row: its creation is all that its log has."""
        return not self.version(name)

    def ensure_table(self, contract: Contract) -> None:
        """Create the table from its contract when it is missing, so that nothing that fans out races to create it."""
        if contract.name not in self._ensured:
            self.log.create(self.path(contract.name), contract)
            # A folder's is asked for again, in 10 ms: somebody may have deleted it.
            self._ensured |= set() if isinstance(self.log, FolderLog) else {contract.name}

    def evolve_table(self, contract: Contract) -> None:
        """Add the columns that the contract has by now and the table has not: one commit of metadata. To be called by who holds the lease."""
        self.log.add_missing_columns(self.path(contract.name), contract)

    def read(self, name: TableName, days: Collection[date] | None = None) -> DataFrame:
        """The table's rows, of some business days only if given; an empty frame with the contract's columns when there is no table yet."""
        contract = self.book[name]
        self.ensure_table(contract)
        frame = load_table(self.spark, self.path(name))
        if days is None or contract.date_column is None:
            return frame
        return frame.where(days_predicate(contract.date_column, days))

    def cut(self, frame: DataFrame) -> DataFrame:
        """The same rows behind a temporary view: a plan of Spark Connect may nest 100 levels of messages, two an operation, and this one starts at 0."""
        view = f"cut_{uuid.uuid4().hex}"
        frame.createOrReplaceTempView(view)
        return self.spark.table(view)

    def check_writable(self) -> None:
        """Fail early and clearly, before anything is read, when nothing could be written.

        Raises:
            TerminalError: GB-1210 the root is a file or not writable.
            TransientError: GB-1211 the disk is all but full.
        """
        if not is_local(self.settings.lake_root):
            return
        root = local_path(self.settings.lake_root)
        try:
            root.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError, PermissionError) as error:
            raise _not_writable(str(root)) from error
        if not os.access(root, os.W_OK | os.X_OK):
            raise _not_writable(str(root))
        free = shutil.disk_usage(root).free
        if free < LEAST_FREE_BYTES:
            raise TransientError(
                "GB-1211",
                "The lake's disk is full.",
                got=f"{free:,} bytes free at {root}",
                valid=f"at least {LEAST_FREE_BYTES:,}",
                todo="Free space, or run `globalbev clean`.",
            )


def _not_writable(root: str) -> TerminalError:
    return TerminalError(
        "GB-1210",
        "The lake cannot be written.",
        got=root,
        valid="a folder, or a place where one can be made, that this user may write",
        todo="Set GLOBALBEV_LAKE, or mend the folder.",
    )
