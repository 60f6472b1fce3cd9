"""How ``globalbev quarantine`` prints: how many rows each rule keeps aside, the rows themselves, one row with its errors in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import TableName, is_relation
from globalbev_assets.operations.landing_lines import line_of
from globalbev_assets.operations.named import rule_words
from globalbev_assets.operations.printed import count, moment, next_steps, short, table
from globalbev_assets.operations.quarantine_read import QuarantinedRow, parsed
from resources.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

SHOWN = 40


def show_rules(rows: Sequence[QuarantinedRow], book: ContractBook, out: Console) -> None:
    """How many rows each rule of each table keeps aside."""
    shown = table(("table", False), ("rule", False), ("a good row", False), ("rows", True), ("state", False), ("days", False), ("last run", False))
    groups: dict[tuple[str, tuple[str, ...], str], list[QuarantinedRow]] = {}
    for row in rows:
        groups.setdefault((row.table_name, row.rules, row.state), []).append(row)
    place = {str(name): number for number, name in enumerate(book)}
    for (name, rules, state), own in sorted(groups.items(), key=lambda item: (place.get(item[0][0], len(place)), -len(item[1]))):
        days = sorted(row.partition for row in own)
        words = " ".join(rule_words(book.get(TableName.parse(name)), rule) for rule in rules)
        newest = max(own, key=lambda row: row.last_seen)
        span = str(days[0]) if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
        shown.add_row(name, ", ".join(rules), words, f"{len(own):,}", state, span, short(newest.run_id))
    out.print(shown)


def show_rows(rows: Sequence[QuarantinedRow], out: Console) -> None:
    """The newest rows, each with the position that the other commands take."""
    shown = table(("position", False), ("day", False), ("rules", False), ("state", False), ("tries", True), ("first seen", False))
    for row in rows[:SHOWN]:
        shown.add_row(row.position, str(row.partition), ", ".join(row.rules), row.state, str(row.attempts), moment(row.first_seen))
    out.print(shown)
    if len(rows) > SHOWN:
        out.print(f"The newest {SHOWN} of {len(rows):,}; --day and --rule choose, --json has them all.")


def next_of_list(rows: Sequence[QuarantinedRow], contract: Contract | None, out: Console) -> None:
    """What can be done about what is listed."""
    still = [row for row in rows if row.state == "open"]
    if not still:
        return
    name = contract.table if contract else TableName.parse(still[0].table_name).table
    first = next(row for row in still if TableName.parse(row.table_name).table == name)
    steps = [f"`globalbev quarantine list {name}` has the rows"] if contract is None else []
    steps.append(f"`globalbev quarantine show {name} {first.position}` shows a row with its errors in words")
    steps.append(f"when contract or source are mended: `globalbev quarantine replay {name} --rule {first.rules[0]} --dry-run`")
    next_steps(out, steps)


def show_row(row: QuarantinedRow, contract: Contract, book: ContractBook, settings: Settings, out: Console) -> None:
    """One row: state, errors in words beside the value that broke them, where it came from, the record."""
    out.print(f"{row.table_name} {row.position}, {row.partition}: {state_words(row)}", soft_wrap=True)
    record = parsed(row.record)
    for rule, column in row.errors:
        out.print(f"  {rule}. A good row: {rule_words(contract, rule)}{_value(contract, column, record)}", soft_wrap=True)
    out.print(f"  from {origin(row.source, row.source_position, contract, book, settings)}", soft_wrap=True)
    seen = f"first seen {moment(row.first_seen)}, last {moment(row.last_seen)}, {count(row.attempts, 'try', 'tries')}"
    out.print(f"  {seen}, contract {row.contract_version}, run {short(row.run_id)}", soft_wrap=True)
    for name, value in record.items() if isinstance(record, dict) else [("record", record)]:
        out.print(f"    {name}: {value if value is not None else ''}", soft_wrap=True)


def next_of_row(rows: Iterable[QuarantinedRow], contract: Contract, out: Console) -> None:
    """What can be done about rows."""
    for row in rows:
        if row.state == "open":
            mended = f"`globalbev quarantine replay {contract.table} --day {row.partition} --rule {row.rules[0]} --dry-run`"
            discard = f'`globalbev quarantine discard {contract.table} {row.position} --reason "…"`'
            next_steps(out, [f"when contract or source are mended: {mended}", f"when it is to be given up: {discard}"])
            return


def state_words(row: QuarantinedRow) -> str:
    """The state, and who decided what where somebody did."""
    by = f" by {row.decided_by} at {moment(row.decided_at)}: {row.decision}" if row.decided_by else ""
    words = {"open": "kept aside", "replayed": "no longer rejected", "discarded": "discarded"}[row.state]
    return words + (f" (opened again{by})" if by and row.state == "open" else by)


def origin(source: str, position: str, contract: Contract, book: ContractBook, settings: Settings) -> str:
    """Where a row came from, in words: a row of a relation, or file and line."""
    bronze = book.get(TableName.parse(contract.source.options["table"])) if contract.source.options.get("table") else None
    if is_relation(source):
        key = bronze.key if bronze and bronze.key else ("key",)
        return f"{source}, {', '.join(f'{name} {value}' for name, value in zip(key, position.split('/'), strict=False))}"
    if bronze is None or bronze.source.kind != "file_feed":
        return f"{source}, item {position}"
    line = line_of(settings.landing_root, bronze, source, int(position)) if position.isdecimal() else None
    path = settings.landing_root / source
    if line is not None:
        return f"{path}, line {line} (record {position})"
    return f"{path}, record {position}" + ("" if path.exists() else " (the file is no longer there)")


def _value(contract: Contract, column: str | None, record: Any) -> str:
    """The value that broke the rule, where the record has the rule's column."""
    if column is None or not isinstance(record, dict) or column not in contract.column_names:
        return ""
    name = contract.column(column).source_name
    return f" This one's {name} is {json_text(record[name])}." if name in record else ""


def json_text(value: Any) -> str:
    """A value as a person reads it: texts in quotes, so that blanks are seen."""
    return "empty" if value is None else f'"{value}"' if isinstance(value, str) else str(value)
