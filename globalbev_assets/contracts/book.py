"""All contracts together: found by name, and in the order in which the tables depend on each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import LAYERS, Layer, TableName
from globalbev_assets.contracts.problems import closest
from globalbev_assets.errors import TerminalError


class ContractBook(Mapping[TableName, Contract]):
    """The contracts of an installation, in layer and dependency order."""

    def __init__(self, contracts: Iterable[Contract]) -> None:
        self._contracts = in_order({contract.name: contract for contract in contracts})

    def __getitem__(self, name: TableName) -> Contract:
        """The contract of that table (KeyError when there is none; :meth:`parse` says it to a person)."""
        return self._contracts[name]

    def __iter__(self) -> Iterator[TableName]:
        return iter(self._contracts)

    def __len__(self) -> int:
        return len(self._contracts)

    def parse(self, text: str) -> Contract:
        """The contract of ``layer.table``.

        Raises:
            TerminalError: GB-1010, GB-1011 for a malformed name, GB-1029 for a table without a contract.
        """
        name = TableName.parse(text)
        if name in self._contracts:
            return self._contracts[name]
        known = [str(other) for other in self._contracts]
        raise TerminalError(
            "GB-1029", "No contract describes that table.", got=text[:80], valid=closest(text, known) or ", ".join(known), todo="Correct the name."
        )

    def layer(self, layer: Layer) -> tuple[Contract, ...]:
        """The contracts of a layer, in dependency order."""
        return tuple(contract for contract in self._contracts.values() if contract.layer == layer)

    def domain(self, layer: Layer, domain: str) -> tuple[Contract, ...]:
        """The contracts that are published in one step, in dependency order."""
        return tuple(contract for contract in self.layer(layer) if contract.domain == domain)

    def domains(self, layer: Layer) -> tuple[str, ...]:
        """The domains of a layer, by name."""
        return tuple(sorted({contract.domain for contract in self.layer(layer)}))

    def upstream_of(self, name: TableName) -> tuple[Contract, ...]:
        """The tables that this one is made from, directly."""
        return tuple(self._contracts[other] for other in self._contracts[name].upstream if other in self._contracts)

    def downstream_of(self, name: TableName) -> tuple[Contract, ...]:
        """The tables that are made from this one, directly."""
        return self._downstream.get(name, ())

    @cached_property
    def _downstream(self) -> dict[TableName, tuple[Contract, ...]]:
        found: dict[TableName, tuple[Contract, ...]] = {}
        for contract in self._contracts.values():
            for name in contract.upstream:
                found[name] = (*found.get(name, ()), contract)
        return found


def cycle(contracts: Mapping[TableName, Contract]) -> tuple[TableName, ...]:
    """Tables that depend on each other in a circle; empty when none do."""
    try:
        TopologicalSorter(_graph(contracts)).prepare()
    except CycleError as error:
        return tuple(error.args[1])
    return ()


def in_order(contracts: Mapping[TableName, Contract]) -> dict[TableName, Contract]:
    """The same contracts by layer, inside a layer after what they depend on, else by name; tables in a circle end up in some order."""
    graph, ordered = _graph(contracts), dict[TableName, Contract]()
    started: set[TableName] = set()

    def place(name: TableName) -> None:
        if name not in started:
            started.add(name)
            for other in sorted(graph[name]):
                place(other)
            ordered[name] = contracts[name]

    for name in sorted(contracts):
        place(name)
    return {name: ordered[name] for layer in LAYERS for name in ordered if name.layer == layer}


def _graph(contracts: Mapping[TableName, Contract]) -> dict[TableName, tuple[TableName, ...]]:
    return {name: tuple(other for other in contract.upstream if other in contracts) for name, contract in contracts.items()}
