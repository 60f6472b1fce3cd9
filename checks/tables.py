"""The checks as Dagster runs them: one step a domain and layer, each day reported for itself."""

# No `from __future__ import annotations` here: Dagster reads the annotations of the functions that it is given.
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property

import dagster as dg

from checks.judgement import Judgement, judge
from checks.kinds import CheckKind, check_kinds
from checks.links import LINKS, with_next_step
from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.freshness import Freshness, Promise, judge_partition, why_owed
from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import Layer
from globalbev_assets.specs import asset_key
from partitions.automation import judge_skipped
from partitions.daily import days_of
from partitions.days import now
from partitions.reporting import DayCheck, report_day_checks
from resources.environments import runs_here
from resources.event_figures import EventLedger
from resources.freshness import FreshnessLog, Known, promise_of, with_late_source
from resources.lakehouse_resource import LakehouseResource
from resources.ledger import DqResult, Ledger, LedgerRow

# Days back from today of which freshness may ask where the ledger is not at hand: a week-day calendar and a holiday or two.
NEWEST_DAYS = 10


def domain_checks(layer: Layer, domain: str, book: ContractBook, partitions: dg.PartitionsDefinition[str]) -> dg.AssetChecksDefinition:
    """All checks of one domain and layer."""
    contracts = {asset_key(contract.name): contract for contract in book.domain(layer, domain)}
    kinds = {(key, kind.name): kind for key, contract in contracts.items() for kind in check_kinds(contract)}
    specs = [
        dg.AssetCheckSpec(
            name,
            asset=key,
            description=kind.description,
            blocking=kind.is_blocking,
            partitions_def=partitions,
            automation_condition=judge_skipped() if kind.is_blocking else None,
        )
        for (key, name), kind in kinds.items()
    ]

    @dg.multi_asset_check(name=f"{layer}_{domain}_checks", specs=specs, can_subset=True)
    def checks(context: dg.AssetCheckExecutionContext, lakehouse: LakehouseResource) -> Iterator[dg.AssetCheckResult]:
        days = days_of(context.partition_keys)
        ledger = _ledger(context, lakehouse, days)
        history = _History(lakehouse, ledger, [contracts[key] for key in {check.asset_key for check in context.selected_asset_check_keys}])
        found = []
        for check in sorted(context.selected_asset_check_keys):
            contract, kind = contracts[check.asset_key], kinds[check.asset_key, check.name]
            found.append(Checked(contract, kind, history.judge(contract, kind, days)))
        if len(days) > 1:
            report_day_checks(context, [line for checked in found for line in checked.lines()])
        yield from (checked.result for checked in found)

    return checks


def _ledger(context: dg.AssetCheckExecutionContext, lakehouse: LakehouseResource, days: Iterable[date]) -> Ledger | EventLedger:
    """The lake's ledger, or what the events of steps on a cluster told of it: its storage is the cluster's."""
    if runs_here(lakehouse.settings):
        return lakehouse.lake().ledger
    newest = [now().date() - timedelta(days=age) for age in range(NEWEST_DAYS)]
    return EventLedger(context.instance, [*days, *newest])


class Checked:
    """One check's judgements of all days of a run."""

    def __init__(self, contract: Contract, kind: CheckKind, by_day: Mapping[date, Judgement]) -> None:
        self._contract, self._kind, self._by_day = contract, kind, by_day

    @property
    def _severity(self) -> dg.AssetCheckSeverity:
        return dg.AssetCheckSeverity.ERROR if self._kind.is_blocking else dg.AssetCheckSeverity.WARN

    def lines(self) -> list[DayCheck]:
        """What is reported of each day in a range run.

        Every day: Dagster plans each check for each day of the run, and shows one that was not reported as skipped.
        """
        return [
            DayCheck(
                asset_key(self._contract.name),
                self._kind.name,
                str(day),
                found.passed,
                self._kind.is_blocking,
                self._severity,
                found.description,
                found.metadata,
            )
            for day, found in self._by_day.items()
        ]

    @property
    def result(self) -> dg.AssetCheckResult:
        """The result of the run: the day's, or over a range whether all passed."""
        failed = {day: found for day, found in self._by_day.items() if not found.passed}
        shown = next(iter(failed.values()), next(iter(self._by_day.values())))
        description = (
            shown.description
            if len(self._by_day) == 1
            else f"{len(self._by_day) - len(failed)} of {len(self._by_day)} days passed." + (f" First failed: {min(failed)}." if failed else "")
        )
        newest = failed[max(failed)].metadata if failed else {}
        of_range = {"failed_days": [str(day) for day in failed], **{name: newest[name] for name in LINKS if name in newest}} if failed else {}
        metadata = shown.metadata if len(self._by_day) == 1 else of_range
        return dg.AssetCheckResult(
            asset_key=asset_key(self._contract.name),
            check_name=self._kind.name,
            passed=not failed,
            severity=self._severity,
            description=description,
            metadata=metadata,
        )


class _History:
    """Ledger and results of some tables, read once a step."""

    def __init__(self, lakehouse: LakehouseResource, ledger: Ledger | EventLedger, contracts: Sequence[Contract]) -> None:
        self._lake, self._ledger = lakehouse.lake(), ledger
        self._tables = [str(contract.name) for contract in contracts]
        self._rows = ledger.latest(self._tables)
        self._results: dict[str, dict[tuple[str, date], list[DqResult]]] = {}

    def judge(self, contract: Contract, kind: CheckKind, days: Sequence[date]) -> dict[date, Judgement]:
        rows = {day: row for (table, day), row in self._rows.items() if table == str(contract.name)}
        promise = promise_of(contract, self._lake.book, self._lake.settings)
        freshness = self._freshness(contract, promise, rows) if kind.name == "freshness" else None
        found = {}
        for day in days:
            row = rows.get(day)
            judgement = judge(kind, contract, row, self._of_day(row, day), freshness)
            if freshness is not None and row is not None and judgement.passed and (why := why_owed(promise, day, rows, now())):
                judgement = Judgement(False, why, {"expected_day": str(day)})  # the table is fresh, and this day never came
            found[day] = with_next_step(judgement, contract, kind, day, self._lake.settings.docs_url)
        return found

    def _of_day(self, row: LedgerRow | None, day: date) -> list[DqResult]:
        if row is None:
            return []
        if row.run_id not in self._results:  # of all the tables: a run that was just through has published most of them
            found: dict[tuple[str, date], list[DqResult]] = {}
            for result in self._ledger.results(self._tables, row.run_id):
                found.setdefault((result.table_name, result.business_day), []).append(result)
            self._results[row.run_id] = found
        return self._results[row.run_id].get((row.table_name, day), [])

    def _freshness(self, contract: Contract, promise: Promise, rows: Mapping[date, LedgerRow]) -> Freshness:
        """Of the table and its source, whatever days the run was about: an old day that was loaded again makes nothing fresh."""
        partition = judge_partition(contract.name, promise, rows, now())
        return with_late_source(partition, self._sources)

    @cached_property
    def _sources(self) -> Known:
        """What the sensor has seen of the sources; nothing where the lake's storage is the cluster's."""
        settings = self._lake.settings
        return FreshnessLog(settings.lake_root).latest(now()) if runs_here(settings) else {}
