"""``globalbev checks``: each rule and limit in words, what it saw, what is allowed, what the day before had, and the command that leads on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.verdicts import plain
from globalbev_assets.contracts.vocabulary import DUPLICATE_KEY
from globalbev_assets.operations.ledger_read import TableDay, newest_results, newest_rows, observed_before, open_ledger
from globalbev_assets.operations.named import day_named, rule_words, table_named
from resources.ledger import DqResult
from resources.settings import Settings

if TYPE_CHECKING:
    pass

KEPT_ASIDE = "rows kept aside"
HOME = "<home>"  # in a command, until it is known whose


@dataclass(frozen=True)
class CheckLine:
    """One rule or limit on one day.

    Attributes:
        kind: row (``observed`` counts rows), day (``observed`` is the day's figure) or state (the day itself was held or failed).
        words: what a good row or day is.
        previous: what the nearest earlier day with rows had.
        effect: what follows where it did not pass.
        todo: the command that leads on; empty where it passed.
    """

    table: str
    day: date
    rule: str
    kind: str
    words: str
    observed: Decimal | None
    allowed: str
    previous: Decimal | None
    passed: bool
    blocking: bool
    effect: str = ""
    todo: str = ""

    @property
    def is_finding(self) -> bool:
        """Whether somebody should look: a limit of the day is broken or the day was not published. Rows that a rule kept aside are its work."""
        return not self.passed and self.kind != "row"


@dataclass(frozen=True)
class ChecksView:
    """The lines, worst first within a table and day."""

    lines: tuple[CheckLine, ...]
    runs: Mapping[tuple[str, date], str]
    only_failed: bool
    passed: int

    @property
    def has_findings(self) -> bool:
        """Whether a limit is broken, or a day was not published."""
        return any(line.is_finding for line in self.lines)

    def as_document(self) -> dict[str, Any]:
        """For a program."""
        listed = [{**asdict(line), "run_id": self.runs.get((line.table, line.day))} for line in self.lines]
        return {"checks": listed, "passed": self.passed, "findings": sum(line.is_finding for line in self.lines)}


def read_checks(settings: Settings, book: ContractBook, what: str | None, day: str | None, *, only_failed: bool) -> ChecksView:
    """Read the results of one table or all, of one day, of each table's newest day with rows, or (``only_failed``, no day) of all days.

    Raises:
        TerminalError: GB-1001 and GB-1006 for the day, GB-1029 and GB-2301 for the table, GB-2304 without a ledger.
    """
    contract = table_named(book, what) if what else None
    wanted = day_named(settings, day) if day else None
    name = contract.name if contract else None
    connection = open_ledger(settings.lake_root)
    rows, results = newest_rows(connection, name), newest_results(connection, name)
    chosen = rows if only_failed and wanted is None else _of_day(rows, wanted)
    before = observed_before(results, rows)
    found: dict[tuple[str, date], list[DqResult]] = {}
    for result in results:
        found.setdefault((result.table_name, result.business_day), []).append(result)
    home, lines = str(settings.home), list[CheckLine]()
    for each in chosen:
        own = found.get((each.row.table_name, each.row.business_day), [])
        lines += [replace(line, todo=line.todo.replace(HOME, home)) for line in _lines(each, book.get(each.table), own, before)]
    shown = [line for line in lines if not line.passed] if only_failed else lines
    place = {str(table): number for number, table in enumerate(book)}
    shown.sort(key=lambda line: (line.day, place.get(line.table, len(place)), line.passed, line.kind == "row", line.rule))
    runs = {(each.row.table_name, each.row.business_day): each.row.run_id for each in chosen}
    return ChecksView(tuple(shown), runs, only_failed, sum(line.passed for line in lines))


def _of_day(rows: Sequence[TableDay], day: date | None) -> list[TableDay]:
    """The rows of a day, or each table's newest day with rows."""
    if day is not None:
        return [each for each in rows if each.row.business_day == day]
    newest: dict[str, TableDay] = {}
    for each in rows:  # by day, so that the last one stays
        if each.row.rows_in or not each.row.is_readable:
            newest[each.row.table_name] = each
    return list(newest.values())


def _lines(each: TableDay, contract: Contract | None, results: Sequence[DqResult], before: Mapping[Any, Decimal]) -> Iterator[CheckLine]:
    row = each.row
    if not row.is_readable:
        yield _of_state(each)
    for result in results:
        yield _of_result(each, contract, result, before.get((row.table_name, result.rule_id, row.business_day)))


def _of_state(each: TableDay) -> CheckLine:
    row = each.row
    effect = "readers see what an earlier run published" if each.standing else "readers see nothing of the day"
    todo = f"`globalbev backfill {row.business_day} {row.business_day} --select {row.table_name.replace('.', '/')}` when the cause is mended"
    return CheckLine(
        row.table_name, row.business_day, row.state, "state", f"The day is published. It is {row.state}: {row.reason or 'no reason was recorded'}", None, "",
        None, False, True, effect, todo,
    )  # fmt: skip


def _of_result(each: TableDay, contract: Contract | None, result: DqResult, previous: Decimal | None) -> CheckLine:
    is_row = result.kind == "row"
    effect = "" if result.passed else _effect_of_rule(contract, result) if is_row else _effect_of_limit(result)
    return CheckLine(
        result.table_name, result.business_day, result.rule_id, result.kind, rule_words(contract, result.rule_id), result.observed,
        "" if is_row else allowed(result.limit_minimum, result.limit_maximum), result.previous if previous is None else previous, result.passed,
        result.blocking, effect, "" if result.passed else _todo(each, result, effect),
    )  # fmt: skip


def _effect_of_rule(contract: Contract | None, result: DqResult) -> str:
    if result.severity == "error":
        return KEPT_ASIDE
    dedupe = contract.source.options.get("dedupe", {}) if contract else {}
    return "rows left out, one of each stays" if result.rule_id in (DUPLICATE_KEY, dedupe.get("rule")) else "rows published with a warning"


def _effect_of_limit(result: DqResult) -> str:
    return "holds the day" if result.blocking else "warns"


def _todo(each: TableDay, result: DqResult, effect: str) -> str:
    table, day = each.table, each.row.business_day
    if effect == KEPT_ASIDE:
        return f"`globalbev quarantine list {table.table} --day {day} --rule {result.rule_id}`"
    if result.kind == "row" and "left out" not in effect:
        query = f"FROM {table} WHERE _partition_date = DATE '{day}' AND list_contains(_warnings, '{result.rule_id}')"
        return f'`globalbev sql "{query}"`'
    return {
        "dead_letter": f"`head {HOME}/deadletter/{table.table}/{day}/*.reason.json` says what to tell the sender",
        "still_arriving": f"ask the sender of {table.table} whether the file of {day} is whole; it is taken when its .done is there",
        "few_quarantined": f"`globalbev quarantine list {table.table} --day {day}`",
    }.get(result.rule_id, f"`globalbev ledger {table}` shows the days before")


def allowed(minimum: Decimal | None, maximum: Decimal | None) -> str:
    """The limits in words."""
    if minimum is not None and minimum == maximum:
        return plain(minimum)
    parts = [f"at least {plain(minimum)}"] if minimum is not None else []
    return " and ".join([*parts, *([f"at most {plain(maximum)}"] if maximum is not None else [])]) or "anything"
