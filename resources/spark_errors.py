"""Errors of Spark and its sources as ours: whether another try may help, what to do, and no row, secret or stack trace in the text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from globalbev_assets.errors import GlobalBevError, TerminalError, TransientError


@dataclass(frozen=True)
class _Known:
    signs: tuple[str, ...]
    kind: type[GlobalBevError]
    code: str
    what: str
    todo: str


def _database(*signs: str) -> _Known:
    return _Known(
        signs, TransientError, "GB-1230", "The database does not answer.", "Start it and run again; the read starts anew from its snapshot."
    )


_KNOWN = (
    _Known(
        ("No space left on device", "Disk quota exceeded"),
        TransientError,
        "GB-1211",
        "The lake's disk is full.",
        "Free space, or run `globalbev clean`; nothing was half-published.",
    ),
    _Known(("password authentication failed",), TerminalError, "GB-1231", "The database refuses the connection.", "Correct GLOBALBEV_SHOP_DSN."),
    _database("PSQLException"),  # before the server: through it come the database's words, which may be "Connection reset" too
    _Known(  # before the server's, whose signs stand in the words about a lost machine
        ("CHECKPOINT_RDD_BLOCK_ID_NOT_FOUND", "Checkpoint block", "ExecutorLostFailure", "FetchFailed", "executor decommission"),
        TransientError,
        "GB-1245",
        "A machine of the cluster was lost, with rows that were staged on it.",
        "Nothing: the table is staged anew. If it stays so, give the step workers that are not taken away.",
    ),
    _Known(
        (
            "UNAVAILABLE",
            "failed to connect to all addresses",
            "Socket closed",
            "SESSION_CLOSED",
            "INVALID_HANDLE.SESSION",
            "OPERATION_CANCELED",
            "Connection reset",
        ),
        TransientError,
        "GB-1242",
        "The Spark server went away or ended this session.",
        "Run again; `globalbev doctor` shows the server.",
    ),
    _database("Connection refused", "terminating connection", "statement timeout"),  # after it: a server that died refuses connections too
    _Known(
        (
            "ConcurrentAppendException",
            "ConcurrentDeleteReadException",
            "ConcurrentWriteException",
            "ConcurrentTransactionException",
            "ConcurrentDeleteDeleteException",
            "MetadataChangedException",
            "ProtocolChangedException",
            "DELTA_CONCURRENT_",
            "DELTA_METADATA_CHANGED",
            "DELTA_PROTOCOL_CHANGED",
        ),
        TransientError,
        "GB-1240",
        "Another writer committed to the table at the same time.",
        "Run again.",
    ),
    _Known(
        ("OutOfMemoryError", "Java heap space", "GC overhead"),
        TransientError,
        "GB-1243",
        "Spark ran out of memory.",
        "Raise GLOBALBEV_SPARK_MEMORY, or run fewer days at once.",
    ),
    _Known(
        (
            "DELTA_TABLE_NOT_FOUND",
            "DELTA_FILE_NOT_FOUND",
            "DELTA_LOG_FILE_NOT_FOUND",
            "DELTA_TRUNCATED_TRANSACTION_LOG",
            "CANNOT_READ_FILE_FOOTER",
            "FAILED_READ_FILE",
        ),
        TerminalError,
        "GB-1244",
        "A file of the lake is missing or damaged.",
        "Run `globalbev doctor`; restore the table or process its days again.",
    ),
)


def translated(error: BaseException) -> BaseException:
    """The same failure as one of our errors when we know it, else the error itself."""
    if isinstance(error, GlobalBevError):
        return error
    text = f"{type(error).__name__}: {error}"
    for known in _KNOWN:
        sign = next((sign for sign in known.signs if sign in text), None)
        if sign:
            return known.kind(known.code, known.what, got=sign, todo=known.todo)
    return _by_its_kind(error) if _may_quote_a_row(error) else error


def _may_quote_a_row(error: BaseException) -> bool:
    """Whether it was raised while rows were read: `[CAST_INVALID_INPUT] The value 'Ada …'`. What is refused before names columns alone."""
    kinds = {kind.__name__ for kind in type(error).__mro__ if kind.__module__.startswith("pyspark.errors")}
    return bool(kinds) and not kinds & {"AnalysisException", "ParseException", "PySparkTypeError", "PySparkValueError"}


def _by_its_kind(error: Any) -> TerminalError:
    condition = getattr(error, "getCondition", lambda: None)() or "no condition"
    return TerminalError(
        "GB-1248",
        f"Spark could not carry out the plan: {condition}.",
        got=f"{type(error).__name__} ({getattr(error, 'getSqlState', lambda: None)() or 'no state'})",
        valid="a plan that holds for every row",
        todo="Look at the contract's expressions. <home>/spark/server.log, on Databricks the step's run, has the whole story, which may quote a row.",
    )
