"""Which failures of Spark may pass by themselves, and what else is decided by words that Spark or Delta say. No Spark."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from globalbev_assets.errors import GlobalBevError, TerminalError, TransientError
from resources import spark, steps
from resources.commits import days_between, held_contents
from resources.delta_log import FolderLog
from resources.ledger import LedgerRow
from resources.spark_errors import translated
from resources.spark_profile import session_conf

DAY = date(2026, 3, 8)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("[CHECKPOINT_RDD_BLOCK_ID_NOT_FOUND] Checkpoint block rdd_7_1 not found!", "GB-1245"),
        ("Job aborted due to stage failure: ExecutorLostFailure (executor 3 exited): Connection reset by peer", "GB-1245"),
        ("io.delta.exceptions.ConcurrentDeleteDeleteException: [DELTA_CONCURRENT_DELETE_DELETE]", "GB-1240"),
        ("io.delta.exceptions.ProtocolChangedException: [DELTA_PROTOCOL_CHANGED]", "GB-1240"),
        ("[DELTA_METADATA_CHANGED] MetadataChangedException: the metadata of the table has been changed", "GB-1240"),
        ("java.net.SocketException: Connection reset", "GB-1242"),
    ],
)
def test_what_another_try_mends_is_known(said: str, code: str) -> None:
    found = translated(RuntimeError(said))
    assert isinstance(found, TransientError)
    assert found.code == code


class Log(FolderLog):
    """A log with these operations after the commit of the ledger's row, the oldest first."""

    def __init__(self, *operations: str) -> None:
        self.operations = operations

    def history(self, path: str, after: int) -> list[Any]:  # noqa: ARG002
        found = [{"version": 1 + number, "operation": operation} for number, operation in enumerate(self.operations, 1)]
        return [commit for commit in reversed(found) if commit["version"] > after]


@pytest.mark.parametrize("operations", [("DROP CONSTRAINT", "ADD CONSTRAINT"), ("UPGRADE PROTOCOL",), ("ADD COLUMNS", "CHANGE COLUMN")])
def test_a_commit_that_leaves_the_rows_leaves_the_days(operations: Sequence[str]) -> None:
    """A workspace's constraints are made anew with each deployment: every day before it would be written again."""
    row = LedgerRow("silver.orders", DAY, "run", "published", datetime.now(UTC), "1.0.0", content_hash="1:1", delta_version=1)
    assert list(held_contents("orders", {DAY: row}, [DAY], Log(*operations))) == [DAY]
    assert days_between("orders", 1, 9, [DAY], Log(*operations)) == set()
    assert held_contents("orders", {DAY: row}, [DAY], Log(*operations, "RESTORE")) == {}


def test_serverless_compute_is_asked_for_no_setting_that_it_refuses() -> None:
    assert session_conf(is_serverless=True) == {"spark.sql.session.timeZone": "UTC"}
    assert session_conf().items() > session_conf(is_serverless=True).items()


@pytest.mark.parametrize(("server", "fits"), [("4.2.1", True), ("4.0.0", False)])
def test_a_pyspark_of_another_version_than_its_spark_is_refused(server: str, fits: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyspark.__version__", "4.2.0")
    session: Any = SimpleNamespace(version=server)
    if fits:
        assert spark._of_one_version(session) is session
    else:
        with pytest.raises(TerminalError, match="GB-3007"):
            spark._of_one_version(session)


@pytest.mark.parametrize(("failures", "kind"), [(2, None), (3, TransientError)])
def test_the_ledger_is_appended_to_again_where_another_commit_came_in_between(
    failures: int, kind: type[GlobalBevError] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "FIRST_WAIT_S", 0.0)
    tries = list[int]()

    def append() -> None:
        tries.append(1)
        if len(tries) <= failures:
            raise RuntimeError("MetadataChangedException")

    if kind is None:
        steps._certainly(append)
        assert len(tries) == failures + 1
    else:
        with pytest.raises(kind, match="GB-1240"):
            steps._certainly(append)


def test_another_failure_of_the_ledger_is_told_at_once() -> None:
    tries = list[int]()

    def append() -> None:
        tries.append(1)
        raise RuntimeError("No space left on device")

    with pytest.raises(TransientError, match="GB-1211"):
        steps._certainly(append)
    assert len(tries) == 1


def test_what_may_quote_a_row_is_told_by_its_kind() -> None:
    """`[CAST_INVALID_INPUT] The value 'Ada …' of the type "STRING" cannot be cast`: the reason stands in the ledger, the run and the messages."""
    from pyspark.errors.exceptions.connect import NumberFormatException  # noqa: PLC0415

    said = '[CAST_INVALID_INPUT] The value \'Ada Canary, 12 Elm Street\' of the type "STRING" cannot be cast to "INT". SQLSTATE: 22018'
    found = translated(NumberFormatException(said))
    assert isinstance(found, TerminalError)
    assert (found.code, "Ada" in str(found), "NumberFormatException" in str(found)) == ("GB-1248", False, True)


def test_what_is_refused_before_rows_are_read_keeps_its_words() -> None:
    from pyspark.errors import AnalysisException  # noqa: PLC0415

    refused = AnalysisException("[UNRESOLVED_COLUMN] A column with name `amuont` cannot be resolved")
    assert translated(refused) is refused
