"""``globalbev quarantine replay``: the chosen rows again, by running their days through the ordinary path; one plan, previewed or carried out.

There is no way into a table but publishing, so a replay is a run of the table, of the tables whose rows hang on it, and of gold's figures.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import TableName
from globalbev_assets.operations.backfill import Stage, StageResult, plan
from globalbev_assets.operations.ledger_read import newest_rows, open_ledger
from globalbev_assets.operations.quarantine_read import Chosen, QuarantinedRow, read_quarantine
from globalbev_assets.operations.trace_rows import IN_LIST, open_traced
from partitions.days import DayRange
from resources.settings import Settings

if TYPE_CHECKING:
    from resources.silver_preview import Preview


@dataclass(frozen=True)
class ReplayPlan:
    """What a replay does.

    Attributes:
        contract: the table whose rows are chosen.
        chosen: which ones, as they were asked for.
        rows: them, as they are in quarantine now.
        silver: the table and, after it, those whose rows hang on it.
        stages: the runs.
    """

    contract: Contract
    chosen: Chosen
    rows: tuple[QuarantinedRow, ...]
    silver: tuple[Contract, ...]
    stages: tuple[Stage, ...]

    @property
    def days(self) -> DayRange:
        """The days that silver runs for."""
        return self.stages[0].days


@dataclass(frozen=True)
class Replayed:
    """What became of the chosen rows: published; no longer rejected, but another row stands for them; failed again, by rule; of a day that is held."""

    published: int
    left_out: int
    failed: dict[str, int]
    held: dict[date, str]
    unaccounted: int
    others_published: int

    @property
    def failed_again(self) -> int:
        """Chosen rows that are still in quarantine."""
        return sum(self.failed.values())


def plan_replay(settings: Settings, book: ContractBook, contract: Contract, chosen: Chosen) -> ReplayPlan:
    """The rows and the runs; no stages where there is no row.

    Raises:
        TerminalError: GB-1006, when a row's day is not in the history any more.
    """
    rows = read_quarantine(settings.lake_root, [contract], book, chosen)
    silver = (contract, *dependents(book, {contract.name}, "silver"))
    if not rows:
        return ReplayPlan(contract, chosen, (), silver, ())
    days = {row.partition for row in rows}
    if contract.is_keyed:
        days |= _days_of_children(settings, book, silver)
    names = {each.name for each in silver}
    gold = dependents(book, names, "gold")
    stages = plan(settings, DayRange.around(days), [str(each.name) for each in (*silver, *gold)])
    return ReplayPlan(contract, chosen, tuple(rows), silver, tuple(stages))


def dependents(book: ContractBook, names: Collection[TableName], layer: str) -> tuple[Contract, ...]:
    """The tables of a layer that are made from these, directly or by way of each other, in the order of the book."""
    from globalbev_assets.specs import dependencies  # noqa: PLC0415  Dagster takes a second to import

    reached, found = set(names), list[Contract]()
    for contract in book.values():  # in dependency order, so that one pass reaches all
        if contract.layer == layer and contract.name not in names and reached & set(dependencies(contract, book)):
            reached.add(contract.name)
            found.append(contract)
    return tuple(found)


def _days_of_children(settings: Settings, book: ContractBook, silver: Sequence[Contract]) -> set[date]:
    """Days on which other tables keep rows aside because a reference to one of these tables failed."""
    names, days = {contract.name for contract in silver}, set[date]()
    for contract in silver[1:]:
        rules = {rule.id for rule in contract.rules if rule.reference in names}
        rows = read_quarantine(settings.lake_root, [contract], book, Chosen(state="open"))
        days |= {row.partition for row in rows if rules & set(row.rules)}
    return days


def preview_replay(settings: Settings, replay: ReplayPlan, tell: Callable[[str], None]) -> list[Preview]:
    """Do all of it but the commits: the outcomes of the table and of those that hang on it."""
    from resources.silver_preview import open_preview, preview  # noqa: PLC0415

    chosen_days = None if replay.chosen.day is None else [replay.chosen.day]
    found = []
    with open_preview(settings, list(replay.days)) as step:
        tell(f"working {replay.contract.name} out …")
        for each in preview(step, _with_quarantine(step.lake.version, replay.silver), replay.chosen.rule, chosen_days):
            found.append(each)
            tell(f"{each.contract.name} is worked out …")
    return found


def _with_quarantine(version: Callable[[TableName], int | None], silver: Sequence[Contract]) -> list[Contract]:
    """The tables that were loaded at all."""
    return [contract for contract in silver if version(TableName("quarantine", contract.table)) is not None]


def carried_out(settings: Settings, book: ContractBook, replay: ReplayPlan, results: Sequence[StageResult]) -> Replayed:
    """What became of the chosen rows, read from what the runs have left."""
    contract = replay.contract
    now = {(row.source, row.source_position): row for row in read_quarantine(settings.lake_root, [contract], book)}
    rejected, cleared = dict[str, int](), list[QuarantinedRow]()
    for row in replay.rows:
        still = now.get((row.source, row.source_position))
        if still is not None and still.state != "replayed":
            rules = ", ".join(still.rules)
            rejected[rules] = rejected.get(rules, 0) + 1
        else:
            cleared.append(row)
    published = _published(settings, book, contract, cleared)
    connection = open_ledger(settings.lake_root)
    newest = [each for table in replay.silver for each in newest_rows(connection, table.name) if each.row.business_day in replay.days]
    own = [each for each in newest if each.table == contract.name]
    others = _others(replay, now)
    return Replayed(
        published, len(cleared) - published, rejected, {each.row.business_day: each.row.reason for each in own if not each.row.is_readable},
        sum(each.row.unaccounted for each in newest if each.row.run_id in {result.run_id for result in results}), others,
    )  # fmt: skip


def _others(replay: ReplayPlan, now: Mapping[tuple[str, str], QuarantinedRow]) -> int:
    """Rows beside the chosen ones that left quarantine with them: the same days were run."""
    chosen = {(row.source, row.source_position) for row in replay.rows}
    began = max(row.last_seen for row in replay.rows)
    return sum(row.state == "replayed" and row.last_seen > began and place not in chosen for place, row in now.items())


def _published(settings: Settings, book: ContractBook, contract: Contract, rows: Sequence[QuarantinedRow]) -> int:
    """How many of these rows stand in silver now."""
    lake = open_traced(settings, book, [contract.name])
    places = {(row.source, row.source_position) for row in rows}
    positions, found = sorted({position for _, position in places}), set[tuple[Any, Any]]()
    for start in range(0, len(positions), IN_LIST):
        standing = lake.rows(contract.name, "_source_position", positions[start : start + IN_LIST])
        found |= {(row["_source"], row["_source_position"]) for row in standing}
    return len(places & found)
