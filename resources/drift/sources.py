"""The sources of an installation, looked at one after another: cheap to see whether they changed, and whole where they did.

A source that does not answer is reported as silent, with its tables; nothing is concluded from that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Protocol

import psycopg

from globalbev_assets.contracts.drift import Readers, Shape
from globalbev_assets.contracts.drift_formats import dominant
from globalbev_assets.contracts.model import Contract
from globalbev_assets.errors import GlobalBevError
from partitions.days import now
from resources.bronze_sources import api_feed, file_feed
from resources.drift.files import HEAD_BYTES, deliveries_to_look_at, observe_files
from resources.drift.items import first_items, observe_items, reason_of
from resources.drift.observation import Observation
from resources.drift.relations import NOT_NOW, catalog, observe_relation
from resources.landing_mirror import LandingMirror
from resources.landing_walk import Candidate
from resources.settings import Settings
from resources.shop import not_carried_out, parse_dsn, refused

CONNECT_S, STATEMENT_MS, LOCK_MS, PAST_DAYS = 2, 1_500, 300, 31


@dataclass(frozen=True)
class Glance:
    """A source that answered.

    Attributes:
        contract: the bronze table's.
        stamp: what changes when the source does.
        observe: looks at it whole; to be called before the next glance is asked for, while the connection is open.
        days: days of delivery that are looked at; None where the source is no files.
    """

    contract: Contract
    stamp: str
    observe: Callable[[], Sequence[Observation]]
    days: frozenset[date] | None = None


@dataclass(frozen=True)
class Silent:
    """A source that could not be looked at, and why."""

    source: str
    tables: tuple[str, ...]
    reason: str


class Sources(Protocol):
    """Where the bronze tables come from."""

    def glances(
        self, contracts: Iterable[Contract], readers: Callable[[Contract], Readers], also: Mapping[str, Collection[date]]
    ) -> Iterator[Glance | Silent]:
        """A glance at each contract's source; ``also``: days of delivery to look at beside the newest, by table."""


@dataclass(frozen=True)
class InstalledSources:
    """The databases, folders and APIs that the settings name."""

    settings: Settings

    def glances(
        self, contracts: Iterable[Contract], readers: Callable[[Contract], Readers], also: Mapping[str, Collection[date]]
    ) -> Iterator[Glance | Silent]:
        """See :class:`Sources`."""
        by_kind: dict[str, list[Contract]] = {}
        for contract in contracts:
            by_kind.setdefault(contract.source.kind, []).append(contract)
        yield from self._of_databases(by_kind.get("database", []), readers)
        for contract in by_kind.get("file_feed", []):
            yield self._of_files(contract, readers(contract), also.get(str(contract.name), ()))
        for contract in by_kind.get("json_api", []):
            yield self._of_api(contract, readers(contract))

    def _of_databases(self, contracts: Sequence[Contract], readers: Callable[[Contract], Readers]) -> Iterator[Glance | Silent]:
        def variable(contract: Contract) -> str:
            return str(contract.source.options.get("dsn", "GLOBALBEV_SHOP_DSN"))

        for name, group in groupby(sorted(contracts, key=variable), key=variable):
            named = list(group)
            try:
                yield from _of_database(self.settings.variable(name), named, readers)
            except GlobalBevError as error:
                yield Silent(f"database {name}", _names(named), reason_of(error))

    def _of_files(self, contract: Contract, readers: Readers, also: Collection[date]) -> Glance | Silent:
        feed = file_feed(contract)
        past = sorted(also, reverse=True)[:PAST_DAYS]
        mirror = LandingMirror.of(self.settings)
        try:
            root = mirror.names(feed.name) if mirror else self.settings.landing_root
            files = deliveries_to_look_at(root, feed, now(), past)
        except GlobalBevError as error:
            return Silent(f"files {feed.name}", _names([contract]), reason_of(error))
        except OSError as error:
            return Silent(f"files {feed.name}", _names([contract]), error.strerror or type(error).__name__)
        days = frozenset({*past, *(one.day for one in files if one.day)})
        places = [(one.path, one.day) for one in files if one.day]

        def observed() -> list[Observation]:
            if mirror:
                for path, _ in places:
                    mirror.fill(path, feed.size_limit if feed.format == "json" else HEAD_BYTES)
            return list(observe_files(contract, feed, places, readers))

        # In the mirror a file's inode changes with each look at it; storage keeps one time, that of the upload.
        return Glance(contract, _digest(_stamp(one, with_inode=mirror is None) for one in files), observed, days)

    def _of_api(self, contract: Contract, readers: Readers) -> Glance | Silent:
        options = contract.source.options
        try:
            token = self.settings.variable(options["token"]) if options.get("token") else None
            items = first_items(api_feed(contract), self.settings.variable(options["url"]), token)
        except GlobalBevError as error:
            return Silent(f"API {options.get('name', contract.table)}", _names([contract]), reason_of(error))
        seen = observe_items(contract, items, readers)
        return Glance(contract, shape_stamp(seen.shape) if seen else "", lambda: [seen] if seen else [])


def _of_database(dsn: str, contracts: Sequence[Contract], readers: Callable[[Contract], Readers]) -> Iterator[Glance | Silent]:
    """All tables of one database, over one connection; a statement that fails fails for its own table."""
    parameters = parse_dsn(dsn)
    try:
        options = f"-c timezone=UTC -c statement_timeout={STATEMENT_MS} -c lock_timeout={LOCK_MS} -c default_transaction_read_only=on"
        connection = psycopg.connect(dsn, connect_timeout=CONNECT_S, options=options, autocommit=True, application_name="globalbev-drift")
        with connection:
            found = catalog(connection, [str(contract.source.options["relation"]) for contract in contracts])
            for contract in contracts:
                columns = found[str(contract.source.options["relation"])]
                try:
                    seen = observe_relation(connection, contract, columns, readers(contract))
                except NOT_NOW as error:
                    yield Silent(str(contract.source.options["relation"]), _names([contract]), type(error).__name__)
                    continue
                yield Glance(contract, shape_stamp(seen.shape), lambda seen=seen: [seen])  # type: ignore[misc]
    except psycopg.OperationalError as error:
        raise refused(error, parameters) from None
    except psycopg.Error as error:
        raise not_carried_out(error) from None


def shape_stamp(shape: Shape) -> str:
    """What changes when names, types or the usual form of a column do; not with every other value."""
    return _digest(f"{one.name}|{one.type}|{one.is_nullable}|{dominant(one.forms)}|{bool(one.forms)}" for one in shape.fields)


def _stamp(file: Candidate, *, with_inode: bool) -> str:
    return f"{file.key}|{file.size_bytes}|{file.mtime_ns}|{file.ctime_ns if with_inode else ''}"


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _names(contracts: Iterable[Contract]) -> tuple[str, ...]:
    return tuple(str(contract.name) for contract in contracts)
