"""What the lake knows about an incident: the values before, keys of rows, and how much of the business it touches. Reads only, no JVM.

Of a row only what `globalbev quarantine show` takes is taken, and not even those where the key is a personal datum.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from deltalake.exceptions import DeltaError

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.model import Contract, Limit, Rule
from globalbev_assets.contracts.names import position_named
from resources.alerts.contracts import contract_of, rule_of
from resources.alerts.incident import Incident
from resources.delta_dataset import rows_of
from resources.logs.redaction import REDACTOR

VALUES, KEYS, COMPARED_DAYS = 7, 3, 28


@dataclass(frozen=True)
class Touched:
    """The rows of the incident's days, and of the 28 days or more that end with its newest."""

    rows_in: int = 0
    published: int = 0
    quarantined: int = 0
    compared: int = 0
    compared_days: int = COMPARED_DAYS

    @property
    def share(self) -> Decimal | None:
        """The part of those days' rows; None when there were none."""
        return Decimal(self.rows_in) / Decimal(self.compared) if self.compared else None


@dataclass(frozen=True)
class Facts:
    """What is added to an incident in its message."""

    before: tuple[Decimal, ...] = ()
    keys: tuple[str, ...] = ()
    touched: Touched = Touched()


class LakeFacts:
    """Facts from one lake."""

    def __init__(self, lake_root: str, book: ContractBook) -> None:
        """Take the root of the lake; nothing is read yet."""
        self._root, self._book = lake_root, book
        self._ledger_rows: dict[str, list[dict[str, Any]]] = {}

    def of(self, incident: Incident) -> Facts:
        """The facts about one incident."""
        contract = contract_of(self._book, incident.table)
        days = [date.fromisoformat(day) for day in incident.all_days if day]
        if contract is None:
            return Facts()
        rows = self._ledger(incident.table)
        return Facts(self._before(incident, contract, rows), self._keys(contract, incident.rule, days), _touched(rows, days))

    def _before(self, incident: Incident, contract: Contract, rows: Sequence[dict[str, Any]]) -> tuple[Decimal, ...]:
        """The rule's last seven values before its newest broken day; a row rule's as shares of the day's rows."""
        newest = date.fromisoformat(incident.newest_day) if incident.newest_day else None
        filters = [("table_name", "=", incident.table), ("rule_id", "=", incident.rule)]
        columns = ["business_day", "observed", "kind", "run_id", "recorded_at"]
        found = sorted(_read(f"{self._root}/ops/dq_results", columns, filters), key=lambda row: row["recorded_at"])
        seen = {(result["business_day"], result["run_id"]): result for result in found}
        is_of_rows = isinstance(rule_of(contract, incident.rule), Rule)
        by_day: dict[date, Decimal] = {}
        for row in (row for row in rows if newest is None or row["business_day"] < newest):
            result = seen.get((row["business_day"], row["run_id"]))
            if result is not None:
                by_day[row["business_day"]] = result["observed"] / max(row["rows_in"], 1) if is_of_rows else result["observed"]
        return tuple(by_day[day] for day in sorted(by_day)[-VALUES:])

    def _keys(self, contract: Contract, rule: str, days: Sequence[date]) -> tuple[str, ...]:
        known = rule_of(contract, rule)
        is_share = isinstance(known, Limit) and known.metric == "quarantined_ratio"
        wanted = known.metric.removeprefix("rule:") if isinstance(known, Limit) else rule
        if known is None or not days or any(contract.column(name).is_pii for name in contract.key):
            return ()
        if isinstance(known, Rule) and known.action == "warn":
            return self._published_keys(contract, rule, days)
        filters = [("partition", "in", list(days)), ("state", "=", "open")]
        rows = _read(f"{self._root}/quarantine/{contract.table}", ["source", "source_position", "errors"], filters)
        chosen = (row for row in rows if is_share or any(error["rule_id"] == wanted for error in row["errors"] or ()))
        keys = sorted(key for key in {position_named(row["source"], row["source_position"]) for row in chosen} if REDACTOR.text(key) == key)
        return tuple(keys[:KEYS])

    def _published_keys(self, contract: Contract, rule: str, days: Sequence[date]) -> tuple[str, ...]:
        """Of rows that are published with a warning, of the newest days alone: these are whole tables' rows."""
        filters = [("_partition_date", "in", sorted(days)[-KEYS:])]
        rows = _read(f"{self._root}/{contract.name.layer}/{contract.table}", [*contract.key, "_warnings"], filters)
        keys = sorted({"/".join(str(row[name]) for name in contract.key) for row in rows if rule in (row["_warnings"] or ())})
        return tuple(keys[:KEYS])

    def _ledger(self, table: str) -> list[dict[str, Any]]:
        if table not in self._ledger_rows:
            columns = ["business_day", "run_id", "state", "rows_in", "published", "quarantined", "recorded_at"]
            found = _read(f"{self._root}/ops/ledger", columns, [("table_name", "=", table)])
            newest = {row["business_day"]: row for row in sorted(found, key=lambda row: row["recorded_at"])}
            self._ledger_rows[table] = list(newest.values())
        return self._ledger_rows[table]


def _touched(rows: Iterable[dict[str, Any]], days: Sequence[date]) -> Touched:
    if not days:
        return Touched()
    chosen, last = set(days), max(days)
    mine = [row for row in rows if row["business_day"] in chosen]
    first = min(*days, last - timedelta(days=COMPARED_DAYS - 1))
    compared = sum(row["rows_in"] for row in rows if first <= row["business_day"] <= last)
    rows_in, published, quarantined = (sum(row[name] for row in mine) for name in ("rows_in", "published", "quarantined"))
    return Touched(rows_in, published, quarantined, compared, (last - first).days + 1)


def _read(path: str, columns: list[str], filters: list[tuple[str, str, Any]]) -> list[dict[str, Any]]:
    """The rows; none where the table is not there or damaged: an alert has to be told most of all when something else is broken, too."""
    try:
        found: list[dict[str, Any]] = rows_of(path, columns, filters).to_pylist()
    except (DeltaError, OSError, pa.ArrowException):
        return []
    return found
