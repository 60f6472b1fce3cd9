"""Ending another process's Spark session for good, so that nothing of it can land in a table afterwards."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

from globalbev_assets.errors import TransientError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_END_S = 60.0
_PAUSE_S = 0.05
# Of an operation that may still write (spark.connect.GetStatusResponse.OperationStatus, Spark 4.2). One that is TERMINATING has left its plan behind:
# only its answer is kept for the client, and for one that was killed the server waits two minutes to deliver it.
_MAY_WRITE = "OPERATION_STATE_RUNNING"
_CLOSED = "SESSION_CLOSED"


def interrupt(spark: SparkSession) -> int:
    """Interrupt all operations of the session that ``spark`` is a client of, wait until they have ended, and close it.

    A closed session's id is refused by the server from then on: a client that only seemed dead cannot go on with it.

    Raises:
        TransientError: GB-1132, when an operation does not end in 60 s.
    """
    try:
        interrupted = interrupt_work(spark)
    except Exception as error:
        if _CLOSED not in str(error):
            cast("Any", spark).client.close()  # the session stays open: whoever tries again finds what still runs in it
            raise
        interrupted = 0  # ended before, by its own client or by somebody who died before telling
    spark.stop()
    return interrupted


def interrupt_work(spark: SparkSession) -> int:
    """Interrupt all operations of the session and wait until they have ended; the session stays usable.

    Raises:
        TransientError: GB-1132, when an operation does not end in 60 s.
    """
    interrupted = len(spark.interruptAll())
    _wait_until_ended(cast("Any", spark).client)
    return interrupted


def _wait_until_ended(client: Any) -> None:
    deadline = time.monotonic() + _END_S
    while operations := _may_write(client):
        if time.monotonic() > deadline:
            raise TransientError(
                "GB-1132",
                "An interrupted Spark session does not end its work.",
                got=f"{len(operations)} operations after {_END_S:.0f} s",
                valid="none",
                todo="End the Spark server with `make down` and try again.",
            )
        time.sleep(_PAUSE_S)


def _may_write(client: Any) -> list[str]:
    statuses = client._get_operation_statuses().operation_statuses
    return [status.operation_id for status in statuses if status.OperationState.Name(status.state) == _MAY_WRITE]
