"""Tables side by side: none before what it reads, none twice, and an end that ends what runs."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import pytest

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.loader import load_contracts
from globalbev_assets.contracts.model import Contract
from resources.side_by_side import SideBySide, reads_of


@dataclass
class Desk:
    """A place that notes what it did."""

    name: str
    stop: threading.Event = field(default_factory=threading.Event)


@pytest.fixture(scope="module")
def book() -> ContractBook:
    return load_contracts()


@pytest.mark.parametrize("domain", ["sales", "catalog", "customers", "supply"])
@pytest.mark.parametrize("places", [1, 2, 4])
def test_every_table_once_and_after_what_it_reads(book: ContractBook, domain: str, places: int) -> None:
    contracts = book.domain("silver", domain)
    at_work: list[str] = []

    def work(desk: Desk, contract: Contract) -> Contract:
        at_work.append(desk.name)
        time.sleep(0.01)
        assert at_work.count(desk.name) == 1, "one place, two tables"
        at_work.remove(desk.name)
        return contract

    done = list(SideBySide([Desk(str(number)) for number in range(places)], work, lambda _: None).results(contracts))
    assert sorted(done, key=lambda contract: contract.name) == sorted(contracts, key=lambda contract: contract.name)
    for contract in done:
        before = {other.name for other in done[: done.index(contract)]}
        assert reads_of(contract) & {other.name for other in contracts} - {contract.name} <= before


def test_independent_tables_run_at_the_same_time(book: ContractBook) -> None:
    meeting = threading.Barrier(2, timeout=10)
    contracts = book.domain("silver", "supply")[:2]
    assert len(contracts) == 2
    assert not any(reads_of(one) & {other.name} for one in contracts for other in contracts)
    tables = SideBySide([Desk("a"), Desk("b")], lambda _, contract: (meeting.wait(), contract)[1], lambda _: None)
    assert {contract.name for contract in tables.results(contracts)} == {contract.name for contract in contracts}


def test_who_stops_listening_ends_what_runs(book: ContractBook) -> None:
    contracts = book.domain("bronze", "catalog")
    first = contracts[0]

    def work(desk: Desk, contract: Contract) -> Contract:
        if contract is not first:
            assert desk.stop.wait(10), "was not interrupted"
        return contract

    tables = SideBySide([Desk("a"), Desk("b")], work, lambda desk: desk.stop.set())
    results = tables.results(contracts)
    assert next(results) is first
    results.close()
    assert tables.is_stopping.is_set()
