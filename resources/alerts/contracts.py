"""What a contract says about a rule: in words, and with which limits."""

from __future__ import annotations

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.model import Contract, Limit, Rule
from globalbev_assets.contracts.names import TableName
from globalbev_assets.errors import TerminalError
from resources.alerts.observations import FRESHNESS, NOT_CHECKED, NOT_PUBLISHED, RUN_FAILED, SCHEMA_DRIFT, TOO_LONG, UNCHECKED

IN_WORDS = {
    RUN_FAILED: "The run goes through.",
    NOT_PUBLISHED: "The day is published.",
    NOT_CHECKED: "The day was published, every source row is accounted for, and no blocking limit is broken.",
    TOO_LONG: "The run ends in time.",
    UNCHECKED: "The run's checks are carried out.",
    FRESHNESS: "Each day that is due has been published.",
    SCHEMA_DRIFT: "The source has the columns that the contract says.",
}


def contract_of(book: ContractBook, table: str) -> Contract | None:
    """The contract of a table; None for what is none of ours."""
    try:
        return book.get(TableName.parse(table))
    except TerminalError:
        return None


def rule_of(contract: Contract | None, rule: str) -> Rule | Limit | None:
    """The contract's rule or limit of that id."""
    if contract is None:
        return None
    known: tuple[Rule | Limit, ...] = (*contract.rules, *contract.limits)
    return next((each for each in known if each.id == rule), None)


def in_words(contract: Contract | None, rule: str) -> str:
    """What the rule asks for, as the contract says it."""
    known = rule_of(contract, rule)
    if known is not None and known.description:
        return known.description
    if isinstance(known, Limit):
        return f"{known.metric} stays within its limits."
    return IN_WORDS.get(rule, f"The rule {rule} is kept.")
