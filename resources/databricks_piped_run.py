"""Dagster's Pipes client for serverless compute, with what it leaves open: its run is ended whatever goes wrong, and its messages are kept.

The client cancels after an interruption alone, and then goes on as if the run had succeeded (1.13); after any other error what the run had told is
lost, and the run goes on beside the attempt that follows. Imported where steps are sent by Pipes only: it imports the azure and databricks packages.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from dagster._core.errors import raise_execution_interrupts
from dagster._utils.interrupts import capture_interrupts
from dagster_databricks.pipes import PipesDatabricksServerlessClient, PipesUnityCatalogVolumesMessageReader

from resources.databricks_cluster import access
from resources.databricks_run import SubmittedRun
from resources.databricks_settings import DatabricksSettings

if TYPE_CHECKING:
    import dagster as dg
    from dagster._core.pipes.context import PipesMessageHandler
    from databricks.sdk import WorkspaceClient


class PipedRun(PipesDatabricksServerlessClient):
    """Sends one run; afterwards tells what was submitted, what went wrong, and every message that came.

    Attributes:
        submitted: the run, once the workspace has taken it.
        error: what went wrong while it ran.
    """

    def __init__(self, client: WorkspaceClient, databricks: DatabricksSettings) -> None:
        self._databricks = databricks
        self._reader = _Kept(interval=databricks.poll_s, client=client, volume_path=databricks.volume_path)
        super().__init__(client, databricks.volume_path, message_reader=self._reader, poll_interval_seconds=databricks.poll_s)
        self.submitted: SubmittedRun | None = None
        self.error: BaseException | None = None

    @property
    def messages(self) -> list[Any]:
        """What the run has told, also when it did not end well."""
        return self._reader.messages

    def run(self, **given: Any) -> Any:
        """As the client's; whoever interrupts it waits until it is known which run that would leave behind."""
        with capture_interrupts():
            try:
                return super().run(**given)
            finally:
                with raise_execution_interrupts():
                    """One that has come since the polling ended."""

    def _poll_til_success(self, context: dg.OpExecutionContext | dg.AssetExecutionContext, run_id: int) -> None:
        self.submitted = SubmittedRun(self.client, run_id)
        try:
            self.submitted.record(context.get_step_execution_context())
            self.submitted.watch_start(self._databricks.start_s)
            with raise_execution_interrupts():
                if self._databricks.readers:
                    self.submitted.share(access(self._databricks))
                super()._poll_til_success(context, run_id)
        except BaseException as error:  # noqa: BLE001  raised again by who asks for the messages first
            self.error = error
            self.submitted.make_end()
        finally:
            self.submitted.leave()

    def _extract_dagster_metadata(self, run_id: int) -> Any:
        with suppress(OSError):  # the run is through; its page's address is not worth a failure
            return super()._extract_dagster_metadata(run_id)
        return {}


class _Kept(PipesUnityCatalogVolumesMessageReader):
    """Keeps hold of what it has read when the session that it reads for ends in an error."""

    _handler: PipesMessageHandler | None = None

    @property
    def messages(self) -> list[Any]:
        return list(self._handler.get_custom_messages()) if self._handler else []

    @contextmanager
    def read_messages(self, handler: PipesMessageHandler) -> Iterator[Any]:
        self._handler = handler
        with super().read_messages(handler) as params:
            yield params
