"""A step: the tables of one domain and layer, published for the same days, side by side where each can have a session. No Dagster in here.

A table that fails does not take its siblings down; what can be tried again is tried again, a table at a time; the ledger is appended once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import date
from threading import Event

from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import TableName
from globalbev_assets.errors import TransientError
from partitions.days import DayRange, now
from resources.failpoints import failpoint
from resources.lakehouse import Lakehouse
from resources.ledger import LedgerRow
from resources.logs.error_redaction import scrubbed
from resources.logs.events import bound, emit
from resources.logs.step_events import code_of, reason_of, tell_table
from resources.publishing import Publisher, TableResult
from resources.side_by_side import SideBySide, at_once, reads_of
from resources.spark_errors import translated

ATTEMPTS, FIRST_WAIT_S, DEADLINE_S = 3, 1.0, 600.0
OVERTAKEN = "GB-1240"
SESSION_GONE = "GB-1242"


@dataclass
class Step:
    """One step of one run.

    Attributes:
        lake: the lake.
        publisher: publishes in the run's name.
        days: the days to publish, in order.
        latest: newest ledger row of each (table, day) that the step may ask for; what the step publishes is added.
        fork: opens the same step with a Spark session of its own; None where all share one.
        seen: the version that each table had before anything was read for it; None where there was no table.
    """

    lake: Lakehouse
    publisher: Publisher
    days: Sequence[date]
    latest: dict[tuple[str, date], LedgerRow] = field(default_factory=dict)
    fork: Callable[[Step], AbstractContextManager[Step]] | None = None
    seen: dict[TableName, int | None] = field(default_factory=dict)

    @property
    def range(self) -> DayRange:
        """The smallest range that holds the step's days."""
        return DayRange.around(self.days)

    def seen_of(self, contract: Contract) -> int:
        """The version that the table had before anything was read for it; 0, which its creation is, where there was none."""
        return self.seen.get(contract.name) or 0

    def history(self, name: TableName) -> dict[date, LedgerRow]:
        """Newest ledger row of each day of a table."""
        return {day: row for (table, day), row in list(self.latest.items()) if table == str(name)}

    def unreadable(self, name: TableName) -> dict[date, str]:
        """The step's days that may not be read of a table, with the reason in words."""
        history = self.history(name)
        found = {}
        for day in self.days:
            row = history.get(day)
            if row is None:
                found[day] = f"{name} of that day was never loaded"
            elif not row.is_readable:
                found[day] = f"{name} of that day is {row.state}: {row.reason}"
        return found


Publish = Callable[[Step, Contract], TableResult]


def run_step(step: Step, contracts: Sequence[Contract], publish: Publish) -> Iterator[TableResult]:
    """Publish the tables and record them; yields each table's result when it is through, a table after those of the step that it reads.

    The ledger is appended when the last is through, or when the caller stops listening.
    """
    tables = {str(name) for contract in contracts for name in (contract.name, *reads_of(contract))}
    step.lake.check_writable()
    step.latest |= step.lake.ledger.latest(tables)
    # All at once, before the first: a database's tables are read in one snapshot, which is as old as its first table's reading.
    step.seen |= {contract.name: step.lake.version(contract.name) for contract in contracts}
    done: list[TableResult] = []
    try:
        for result in _published(step, contracts, publish):
            done.append(result)
            step.latest |= {(row.table_name, row.business_day): row for row in result.rows}
            yield result
    finally:
        failpoint("step.before_ledger")
        _record(step, done)
        failpoint("step.after_ledger")


def _published(step: Step, contracts: Sequence[Contract], publish: Publish) -> Iterator[TableResult]:
    """The tables one after another, or side by side where the step can be forked."""
    places = min(at_once(), len(contracts))
    if step.fork is None or places < 2:
        for contract in contracts:
            yield _told(step, contract, publish)
        return
    with ExitStack() as forks:
        steps = [step, *(forks.enter_context(step.fork(step)) for _ in range(places - 1))]
        tables = SideBySide(steps, lambda place, contract: _told(place, contract, publish, tables.is_stopping), lambda place: place.lake.interrupt())
        yield from tables.results(contracts)


def _record(step: Step, done: Sequence[TableResult]) -> None:
    rows, results, started = [row for result in done for row in result.rows], [line for result in done for line in result.results], time.monotonic()
    _certainly(lambda: step.lake.ledger.append(rows))
    _certainly(lambda: step.lake.ledger.append((), results))
    emit("ledger.recorded", rows=len(rows), results=len(results), duration_s=time.monotonic() - started)


def _certainly(append: Callable[[], None]) -> None:
    """Append to the ledger, again where another commit came in between: the tables are committed by now."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            append()
        except Exception as raised:
            error = translated(raised)
            if attempt == ATTEMPTS or not isinstance(error, TransientError) or error.code != OVERTAKEN:
                raise error from raised
            time.sleep(FIRST_WAIT_S * attempt)
        else:
            return


def _told(step: Step, contract: Contract, publish: Publish, is_stopping: Event | None = None) -> TableResult:
    """Publish one table and tell of it."""
    with bound(asset=str(contract.name)):
        began = time.monotonic()
        result = _tried(step, contract, publish, is_stopping)
        tell_table(result, time.monotonic() - began)
    return result


def _tried(step: Step, contract: Contract, publish: Publish, is_stopping: Event | None = None) -> TableResult:
    """Publish one table, again while the error may pass by itself; a table that fails in the end is a result too."""
    deadline = time.monotonic() + DEADLINE_S
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return publish(step, contract)
        except Exception as raised:  # noqa: BLE001  a table's failure is recorded, named and raised at the step's end
            error = scrubbed(translated(raised))
            wait_s = FIRST_WAIT_S * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311  jitter, not a secret
            is_over = attempt == ATTEMPTS or time.monotonic() + wait_s > deadline or (is_stopping is not None and is_stopping.is_set())
            if not isinstance(error, TransientError) or is_over:
                return _failed(step, contract, error)
            emit("table.retry", attempt=attempt + 1, wait_s=wait_s, code=code_of(error), reason=reason_of(error))
            if error.code == SESSION_GONE:
                step.lake.forget_spark()
            time.sleep(wait_s)
            step.seen[contract.name] = step.lake.version(contract.name)
    raise AssertionError("the loop either returns or fails")


def _failed(step: Step, contract: Contract, error: BaseException) -> TableResult:
    reason = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
    recorded_at = now()
    rows = [LedgerRow(str(contract.name), day, step.publisher.run_id, "failed", recorded_at, contract.version, reason=reason) for day in step.days]
    return TableResult(contract, rows, error=error)
