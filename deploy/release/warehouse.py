"""The tables of a catalog by statements on a SQL warehouse; signs in as Databricks' SDK does everywhere."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from deploy.release.plan import Restored
from globalbev_assets.contracts.names import TableName
from globalbev_assets.governance.sql import Sql, sql, tags, text
from globalbev_assets.governance.tables import table_of
from globalbev_assets.transforms.schemas import FILE_RETENTION_DAYS, LOG_RETENTION_DAYS

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

# What Delta says instead of doing nothing. Of a table without a commit since then: the first is a bare requirement of its RESTORE (delta-spark 4.4).
REFUSALS: dict[str, Restored] = {
    "should be less then last available version": "unchanged",
    "DELTA_CANNOT_RESTORE_TIMESTAMP_GREATER": "unchanged",
    "DELTA_TIMESTAMP_GREATER_THAN_COMMIT": "unchanged",
    "DELTA_CANNOT_RESTORE_TIMESTAMP_EARLIER": "younger",
    "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT": "younger",
    "DELTA_VERSION_NOT_FOUND": "younger",
    "TABLE_OR_VIEW_NOT_FOUND": "younger",
}
# RESTORE asks when the version that it goes back to was committed, not for which time it was asked: a table that seldom changes has an old one.
TOO_OLD = "DELETED_FILE_RETENTION"
LONGER, USUAL = (
    {"delta.logRetentionDuration": f"interval {log} days", "delta.deletedFileRetentionDuration": f"interval {files} days"}
    for log, files in ((3650, 3650), (LOG_RETENTION_DAYS, FILE_RETENTION_DAYS))
)


class StatementError(Exception):
    """A statement that the warehouse refused, with what it said."""


@dataclass(frozen=True)
class Warehouse:
    """A catalog's tables.

    Attributes:
        catalog: its name.
        warehouse_id: which executes the statements.
        pipeline: client id under which steps are submitted.
    """

    catalog: str
    warehouse_id: str
    pipeline: str = ""

    def wake(self) -> None:
        """A statement that nobody waits for starts a warehouse that sleeps; whoever may use it may do that."""
        self._workspace().statement_execution.execute_statement("SELECT 1", self.warehouse_id, wait_timeout="0s")

    def stop_writers(self) -> int:
        """Cancel the runs that the step launcher submitted, and nobody else's: killing Dagster's process does not end its cluster."""
        from databricks.sdk.errors import OperationFailed  # noqa: PLC0415
        from databricks.sdk.service.jobs import RunType  # noqa: PLC0415

        jobs = self._workspace().jobs
        found = jobs.list_runs(active_only=True, run_type=RunType.SUBMIT_RUN)
        active = [run.run_id for run in found if run.run_id and run.creator_user_name == self.pipeline]
        for waiter in [jobs.cancel_run(run_id) for run_id in active]:
            with suppress(OperationFailed):  # ended, in another way than by being cancelled
                waiter.result(timeout=timedelta(seconds=120))
        return len(active)

    def restore(self, name: TableName, moment: datetime) -> Restored:
        """RESTORE; Delta refuses where the table is what it was, or was not there yet.

        Where it refuses because of the version's age it is asked again, under a retention of years: RESTORE itself looks whether each file is still there,
        and brings the table's own retention back with all else.
        """
        table = table_of(self.catalog, name)
        at = text(moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))  # without its zone it would be read in the warehouse's
        try:
            self._back(table, sql("RESTORE TABLE", table, "TO TIMESTAMP AS OF", at))
        except StatementError as refused:
            for word, outcome in REFUSALS.items():
                if word in str(refused):
                    return outcome
            raise SystemExit(f"RESTORE of {name}: {str(refused)[:400]}") from None
        return "restored"

    def _back(self, table: Sql, back: Sql) -> None:
        try:
            self.ask(back)
        except StatementError as refused:
            if TOO_OLD not in str(refused):
                raise
        else:
            return
        self.ask(sql("ALTER TABLE", table, "SET TBLPROPERTIES", tags(LONGER)))
        try:
            self.ask(back)
        except StatementError:
            self.ask(sql("ALTER TABLE", table, "SET TBLPROPERTIES", tags(USUAL)))  # what is erased has to go in time
            raise

    def ask(self, statement: Sql) -> list[list[str | None]]:
        """Execute a statement to its end; its rows, as texts.

        Raises:
            StatementError: it did not succeed.
        """
        from databricks.sdk.service.sql import StatementState  # noqa: PLC0415

        api = self._workspace().statement_execution
        answer = api.execute_statement(str(statement), self.warehouse_id, wait_timeout="50s")
        while answer.status and answer.status.state in {StatementState.PENDING, StatementState.RUNNING}:
            time.sleep(1)
            answer = api.get_statement(answer.statement_id or "")
        if not answer.status or answer.status.state != StatementState.SUCCEEDED:
            raise StatementError((answer.status and answer.status.error and answer.status.error.message) or "no reason given")
        rows: list[Any] = list(answer.result.data_array or []) if answer.result else []
        for number in range(1, (answer.manifest and answer.manifest.total_chunk_count) or 1):
            rows += api.get_statement_result_chunk_n(answer.statement_id or "", number).data_array or []
        return rows

    def _workspace(self) -> WorkspaceClient:
        from databricks.sdk import WorkspaceClient  # noqa: PLC0415  a second that a dry run need not wait

        return WorkspaceClient()
