"""One look at one source: its shape, and a way to compare some of its values with bronze's. The values themselves stay inside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from globalbev_assets.contracts.drift import Shape, SourceField
from globalbev_assets.contracts.drift_formats import forms_of

Key = tuple[str, ...]
Record = Mapping[str, str | None]
Lookup = Callable[[Sequence[Key], Sequence[str]], Mapping[Key, Record]]


@dataclass(frozen=True)
class Observation:
    """What one look saw.

    Attributes:
        shape: names, types and forms.
        lookup: gives, for keys (values of ``key_names``, as text), the records' values of some names.
        key_names: the source's names of the contract's key; empty when a part of it is not there, so that nothing can be compared.
        keys: keys that are known to be in the source; None: any that bronze has may be asked for.
    """

    shape: Shape
    lookup: Lookup
    key_names: tuple[str, ...] = ()
    keys: tuple[Key, ...] | None = None


def of_records(shape: Shape, records: Sequence[Record], key_names: Sequence[str]) -> Observation:
    """An observation of records that are in memory."""
    names = tuple(key_names) if set(key_names) <= set(shape.names) else ()
    by_key = {key: record for record in records if (key := key_of(record, names)) is not None} if names else {}

    def lookup(keys: Sequence[Key], wanted: Sequence[str]) -> dict[Key, Record]:
        return {key: {name: by_key[key].get(name) for name in wanted} for key in keys if key in by_key}

    return Observation(shape, lookup, names, tuple(by_key))


def key_of(record: Record, names: Sequence[str]) -> Key | None:
    """The record's key as text; None when a part of it is empty."""
    parts = [record.get(name) for name in names]
    return tuple(part.strip() for part in parts if part) if all(parts) else None


def fields_of(names: Iterable[str], records: Sequence[Record], sampled: Sequence[str]) -> tuple[SourceField, ...]:
    """The names as fields; of those that are sampled, with the forms of their values."""
    return tuple(SourceField(name, forms=forms_of(record.get(name) for record in records) if name in sampled else {}) for name in names)
