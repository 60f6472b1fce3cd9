"""A ledger row and its rules' results inside an event: how the figures of a step on a cluster reach the checks, which cannot read its storage."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import dagster as dg

from globalbev_assets.contracts.book import ContractBook
from resources.drift.record import DriftRow
from resources.ledger import DqResult, LedgerRow
from resources.publishing import TableResult

FIGURES, DRIFT, NEWEST = "figures", "drift", 500
_PARSERS: Mapping[str, Callable[[Any], Any]] = {
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
    "date | None": date.fromisoformat,
    "datetime | None": datetime.fromisoformat,
    "Decimal": Decimal,
    "Decimal | None": Decimal,
}


def figures_metadata(row: LedgerRow, results: Iterable[DqResult]) -> dict[str, Any]:
    """One metadata entry with everything that the checks judge of a table and day; no row of data is in it. Row rules that nobody broke need no telling."""
    of_day = [asdict(result) for result in results if result.business_day == row.business_day and not result.is_unbroken_rule]
    return {FIGURES: dg.MetadataValue.text(json.dumps({"row": asdict(row), "results": of_day}, separators=(",", ":"), default=str))}


def drift_metadata(rows: Iterable[DriftRow]) -> dict[str, Any]:
    """What is open of a table's schema drift, for the check of that name."""
    return {DRIFT: dg.MetadataValue.text(json.dumps([asdict(row) for row in rows], separators=(",", ":"), default=str))}


def drift_told(instance: dg.DagsterInstance, table: str) -> list[DriftRow]:
    """What the table's newest step on a cluster told of its schema drift."""
    asset = dg.AssetKey(table.split("."))
    records = [*instance.fetch_materializations(asset, limit=NEWEST).records, *instance.fetch_observations(asset, limit=NEWEST).records]
    for record in sorted(records, key=lambda record: record.storage_id, reverse=True):
        event = record.asset_materialization or record.asset_observation
        if event is not None and DRIFT in event.metadata:
            return [_of(DriftRow, row) for row in json.loads(str(event.metadata[DRIFT].value))]
    return []


class EventLedger:
    """What the ledger says, from the events of an instance: of some days only, and of tables whose steps ran on a cluster."""

    def __init__(self, instance: dg.DagsterInstance, days: Iterable[date]) -> None:
        """Take the instance; nothing is read yet."""
        self._instance, self._days = instance, sorted({str(day) for day in days})
        self._results: dict[tuple[str, str], list[DqResult]] = {}

    def latest(self, tables: Iterable[str]) -> dict[tuple[str, date], LedgerRow]:
        """The newest row of each table and day."""
        found: dict[tuple[str, date], LedgerRow] = {}
        for table in tables:
            for text in self._newest(dg.AssetKey(table.split("."))).values():
                row, results = _parsed(text)
                found[table, row.business_day] = row
                self._results.setdefault((table, row.run_id), []).extend(results)
        return found

    def results(self, tables: Iterable[str], run_id: str) -> list[DqResult]:
        """The rules' results of some tables in a run that recorded newest rows of theirs."""
        return [result for table in tables for result in self._results.get((table, run_id), [])]

    def _newest(self, asset: dg.AssetKey) -> dict[str, str]:
        """By day: the figures of the newest event, a materialisation or, of a day that was not published, an observation."""
        newest: dict[str, tuple[int, str]] = {}
        for record in self._records(asset):
            event = record.asset_materialization or record.asset_observation
            told = event.metadata.get(FIGURES) if event is not None else None
            if event is None or event.partition is None or told is None:
                continue
            known = newest.get(event.partition, (0, ""))
            newest[event.partition] = max(known, (record.storage_id, str(told.value)))
        return {day: text for day, (_, text) in newest.items()}

    def _records(self, asset: dg.AssetKey) -> Sequence[dg.EventLogRecord]:
        filtered = dg.AssetRecordsFilter(asset_key=asset, asset_partitions=self._days)
        limit = 4 * len(self._days) + 20
        materialised = self._instance.fetch_materializations(filtered, limit=limit).records
        return [*materialised, *self._instance.fetch_observations(filtered, limit=limit).records]


def told(result: TableResult) -> dict[str, Any]:
    """What became of a table, as plain JSON values."""
    document = {
        "table": str(result.contract.name),
        "rows": [asdict(row) for row in result.rows],
        "results": [asdict(line) for line in result.results],
        "drift": None if result.drift is None else [asdict(row) for row in result.drift],
        "error": None if result.error is None else str(result.error),
    }
    plain: dict[str, Any] = json.loads(json.dumps(document, default=str))
    return plain


def result_of(document: Mapping[str, Any], book: ContractBook) -> TableResult:
    """The same again."""
    rows = [_of(LedgerRow, row) for row in document["rows"]]
    drift = None if document["drift"] is None else [_of(DriftRow, row) for row in document["drift"]]
    error = RuntimeError(document["error"]) if document["error"] else None
    return TableResult(book.parse(document["table"]), rows, [_of(DqResult, line) for line in document["results"]], error, drift)


def _parsed(text: str) -> tuple[LedgerRow, list[DqResult]]:
    document: Mapping[str, Any] = json.loads(text)
    return _of(LedgerRow, document["row"]), [_of(DqResult, result) for result in document["results"]]


def _of(kind: type[Any], document: Mapping[str, Any]) -> Any:
    given = {field.name: document[field.name] for field in fields(kind) if field.name in document}
    types = {field.name: str(field.type) for field in fields(kind)}
    return kind(**{name: _PARSERS[types[name]](value) if types[name] in _PARSERS and value is not None else value for name, value in given.items()})
