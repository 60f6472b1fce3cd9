"""Tables of one step published side by side, each with a Spark session of its own; a table waits for those of the step that it reads.

A small table's work is mostly one thread's: plan, generate, compile, commit. One table after another left a quarter of two cores idle.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Generic, TypeVar

from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import TableName

MOST = 4
Place = TypeVar("Place")
Result = TypeVar("Result")


def at_once() -> int:
    """How many tables of a step are published at once: one more than there are cores, four at most, for a table waits as often as it computes."""
    return min(MOST, 1 + (os.cpu_count() or 1))


class SideBySide(Generic[Place, Result]):
    """Works through tables at several places.

    Args:
        places: where one table at a time can be worked on (a step with its session).
        work: one table at one place; must not raise, but for what ends everything.
        interrupt: ends what runs at a place, from another thread.
    """

    def __init__(self, places: Sequence[Place], work: Callable[[Place, Contract], Result], interrupt: Callable[[Place], object]) -> None:
        """Start nothing yet."""
        self._places, self._work, self._interrupt = places, work, interrupt
        self.is_stopping = threading.Event()

    def results(self, contracts: Sequence[Contract]) -> Iterator[Result]:
        """The results as they come; who stops listening, or is interrupted, ends what runs."""
        waiting, running, free = list(contracts), dict[Future[Result], tuple[Contract, Place]](), list(self._places)
        with ThreadPoolExecutor(len(self._places), thread_name_prefix="table") as pool:
            try:
                while waiting or running:
                    for contract in _ready(waiting, [contract for contract, _ in running.values()])[: len(free)]:
                        place = free.pop(0)
                        waiting.remove(contract)
                        running[pool.submit(copy_context().run, self._work, place, contract)] = (contract, place)
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        free.append(running.pop(future)[1])
                        yield future.result()
            except BaseException:
                self.is_stopping.set()
                for _, place in running.values():
                    self._interrupt(place)
                raise


def reads_of(contract: Contract) -> set[TableName]:
    """The tables that a table is made of."""
    table = contract.source.options.get("table")
    return {*contract.upstream, *({TableName.parse(table)} if table else set())}


def _ready(waiting: Sequence[Contract], running: Sequence[Contract]) -> list[Contract]:
    """Those that read nothing which is still to come, in order."""
    to_come = {contract.name for contract in (*waiting, *running)}
    return [contract for contract in waiting if not reads_of(contract) & to_come - {contract.name}]
