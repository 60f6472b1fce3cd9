"""What a person types for a table, a day, a rule or a state, parsed once: each either found or refused with what there is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.model import Contract, Limit, Rule
from globalbev_assets.contracts.names import LAYERS, Layer
from globalbev_assets.contracts.problems import closest
from globalbev_assets.contracts.vocabulary import DUPLICATE_KEY
from globalbev_assets.errors import TerminalError
from partitions.days import DayRange, parse_day
from partitions.history import within_history
from resources.settings import Settings

STATES = ("open", "replayed", "discarded")
TYPES = {
    **dict.fromkeys(("int", "bigint", "smallint"), " as a whole number"),
    **dict.fromkeys(("decimal", "double", "float"), " as a number"),
    "date": " as a date", "timestamp": " as a time", "boolean": " as yes or no",
}  # fmt: skip
# Results that no contract declares: the bronze step counts the files that it could not take.
OUTSIDE_RULES = {
    "dead_letter": "Every delivered file can be read.",
    "still_arriving": "Every delivered file is complete.",
    DUPLICATE_KEY: "No key comes twice in one read; the newest stays.",
}


def table_named(book: ContractBook, text: str, layers: tuple[Layer, ...] = LAYERS) -> Contract:
    """The contract of ``layer.table``, or of ``table`` alone where just one of the layers has it.

    Raises:
        TerminalError: GB-2301 where several have it; GB-1010, GB-1011 and GB-1029 as :meth:`ContractBook.parse`.
    """
    if "." in text or "/" in text:
        return book.parse(text)
    found = [contract for contract in book.values() if contract.table == text and contract.layer in layers]
    if len(found) > 1:
        raise TerminalError(
            "GB-2301",
            "Several tables have that name.",
            got=text,
            valid=", ".join(str(contract.name) for contract in found),
            todo="Say which, as layer.table.",
        )
    return found[0] if found else book.parse(f"{layers[0]}.{text}")


def silver_named(book: ContractBook, text: str) -> Contract:
    """The silver table that a quarantine belongs to: ``orders``, ``silver.orders`` or ``quarantine.orders``."""
    return table_named(book, text.replace("quarantine.", "silver.").replace("quarantine/", "silver."), ("silver",))


def day_named(settings: Settings, text: str) -> date:
    """A day of the history; GB-1001 or GB-1006 otherwise."""
    day = parse_day(text)
    within_history(DayRange(day, day), settings.start_date, settings.end_date)
    return day


def is_day(text: str) -> bool:
    """Whether somebody meant a day: no table's name starts with a digit."""
    return text[:1].isdigit()


def rule_named(contract: Contract, text: str, kept: Iterable[str] = ()) -> str:
    """A rule that may keep a row of the table aside, or one of ``kept``, which did under an earlier contract; GB-2302 otherwise."""
    known = [*dict.fromkeys([*(rule.id for rule in contract.rules if rule.action == "quarantine"), *sorted(set(kept))])]
    return _one_of(text, known, "GB-2302", f"{contract.name} keeps no row aside by that rule.")


def state_named(text: str) -> str:
    """A state of a quarantined row; GB-2303 otherwise."""
    return _one_of(text, STATES, "GB-2303", "A quarantined row has no such state.")


def rule_words(contract: Contract | None, rule_id: str) -> str:
    """What a good row or day is, by the rule's own description."""
    declared: tuple[Rule | Limit, ...] = () if contract is None else (*contract.rules, *contract.limits)
    stated = {} if contract is None else {one.id: _words(contract, one) for one in declared}
    return stated.get(rule_id) or OUTSIDE_RULES.get(rule_id) or _of_dedupe(contract, rule_id) or rule_id


def _words(contract: Contract, rule: Rule | Limit) -> str:
    """The description; of a rule about a type, the type in words."""
    if isinstance(rule, Rule) and rule.kind == "type" and rule.column:
        column = contract.column(rule.column)
        return f"Where {column.source_name} is filled, it can be read{TYPES.get(column.type.partition('(')[0], '')}."
    return rule.description


def _of_dedupe(contract: Contract | None, rule_id: str) -> str:
    dedupe = contract.source.options.get("dedupe") if contract is not None else None
    if not dedupe or dedupe["rule"] != rule_id:
        return ""
    return f"No two rows of a day say the same in {', '.join(dedupe['columns'])}; the lowest {dedupe['keep']} stays."


def _one_of(text: str, known: Iterable[str], code: str, what: str) -> str:
    listed = list(known)
    if text in listed:
        return text
    raise TerminalError(code, what, got=text[:80], valid=closest(text, listed) or ", ".join(listed) or "none", todo="Correct the name.")
