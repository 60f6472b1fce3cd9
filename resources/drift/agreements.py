"""Whether a column that is gone and a new one hold the same values: bronze's newest rows against the source's, found by key."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import islice

import pyarrow.compute as pc
from deltalake.exceptions import TableNotFoundError

from globalbev_assets.contracts.drift import Difference
from globalbev_assets.contracts.drift_renames import Agreement
from globalbev_assets.contracts.model import Contract
from resources.delta_dataset import dataset_of
from resources.drift.observation import Key, Observation, Record, key_of
from resources.places import is_local

ROWS, BATCH_ROWS = 300, 2_000


def agreements(path: str, contract: Contract, seen: Observation, found: Iterable[Difference]) -> dict[tuple[str, str], Agreement]:
    """Each pair of a gone and a new column, compared in the rows that both have; nothing while bronze has none.

    Args:
        path: where the bronze table lies.
        contract: its contract.
        seen: the look at the source.
        found: its differences.
    """
    differences = list(found)
    gone = [one.column for one in differences if one.kind == "missing"]
    new = [one.column for one in differences if one.kind == "added"]
    if not gone or not new or not seen.key_names or set(gone) & set(contract.key):
        return {}
    return {(old, name): compared for old in gone for name, compared in _of_column(path, contract, seen, old, new)}


def _of_column(path: str, contract: Contract, seen: Observation, gone: str, new: Sequence[str]) -> list[tuple[str, Agreement]]:
    held = bronze_values(path, contract.key, gone, seen.keys)
    there = seen.lookup(list(held), new)
    return [(name, _agreement([(held[key], there[key].get(name)) for key in there])) for name in new]


def _agreement(pairs: Sequence[tuple[str | None, str | None]]) -> Agreement:
    """Empty values agree with anything, so they are not counted."""
    filled = [(old, new) for old, new in pairs if old]
    return Agreement(len(filled), sum(new is not None and old.strip() == new.strip() for old, new in filled if old))


def bronze_values(path: str, key: Sequence[str], column: str, keys: Collection[Key] | None) -> dict[Key, str | None]:
    """The column's values in some of bronze's rows, those of the newest days first; only of ``keys`` where they are given."""
    if not is_local(path):  # on a cluster's storage a new name is told as a column gone and a column new, both of which a person sees
        return {}
    try:
        dataset = dataset_of(path)
    except TableNotFoundError:
        return {}
    names = list(dict.fromkeys([*key, column]))
    if not {*names, "_partition_date"} <= set(dataset.schema.names):
        return {}
    wanted = pc.field(column).is_valid()
    if keys is not None:
        wanted = wanted & pc.field(key[0]).isin(sorted({one[0] for one in keys}))
    fragments = sorted(dataset.get_fragments(), key=lambda one: str(one.partition_expression), reverse=True)
    found: dict[Key, str | None] = {}
    for fragment in fragments:
        batches = fragment.to_batches(schema=dataset.schema, columns=names, filter=wanted, batch_size=BATCH_ROWS)
        for batch in islice(batches, 50):
            _collect(found, batch.to_pylist(), key, column, keys)
            if len(found) >= ROWS:
                return found
    return found


def _collect(found: dict[Key, str | None], records: Sequence[Record], names: Sequence[str], column: str, keys: Collection[Key] | None) -> None:
    wanted = None if keys is None else set(keys)
    for record in records:
        key = key_of(record, names)
        if key is not None and (wanted is None or key in wanted):
            found.setdefault(key, record[column])
