"""The data dictionary: every table, column and rule in words, generated from the contracts into ``docs/data-dictionary.md``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.model import Column, Contract, Limit, Rule
from globalbev_assets.contracts.names import LAYERS
from globalbev_assets.contracts.operations import operations_contracts, quarantine_contract
from globalbev_assets.contracts.verdicts import plain
from globalbev_assets.contracts.vocabulary import MASKS

LAYER_TEXTS = {
    "bronze": "What arrived, as it arrived: every column is text.",
    "silver": "Clean, typed, one row a key. A row that breaks a rule is kept aside in quarantine, or published with a warning.",
    "gold": "What the business reads.",
    "quarantine": "Rejected rows, with every rule that they broke. All quarantine tables have the same columns.",
    "ops": "What the lakehouse keeps about itself.",
}
QUARANTINE_TEXT = "One row a source row that the silver table of that name rejected; a later run keeps when it was first seen."
HEAD = """# Data dictionary

Generated from the contracts by `globalbev contract docs`; change the contract, not this file. A business day is a UTC date. Columns with a leading
underscore are technical.
"""


def data_dictionary(book: ContractBook) -> str:
    """The whole dictionary as Markdown."""
    silver = book.layer("silver")
    extra = [*([replace(quarantine_contract(silver[0]), description=QUARANTINE_TEXT, owner="")] if silver else []), *operations_contracts()]
    contracts = [*book.values(), *extra]
    parts = [HEAD, *_contents(contracts)]
    for layer in LAYERS:
        chosen = [contract for contract in contracts if contract.layer == layer]
        if chosen:
            parts += [f"## {layer.capitalize()}\n\n{LAYER_TEXTS[layer]}\n", *(table_text(contract, book) for contract in chosen)]
    return "\n".join(parts)


def table_text(contract: Contract, book: ContractBook) -> str:
    """One table as Markdown."""
    parts = [
        f"### {_title(contract)}\n",
        contract.description + (f" {contract.limitations}" if contract.limitations else "") + "\n",
        _facts(contract, book),
    ]
    parts.append(_table(("Column", "Type", "What it is", ""), (_column(column) for column in contract.columns)))
    if contract.rules:
        parts.append(_table(("Rule on a row", "A good row", "Otherwise", "Empty value"), (_rule(rule) for rule in contract.rules)))
    if contract.limits:
        parts.append(_table(("Rule on a day", "A good day", "Otherwise"), (_limit(limit) for limit in contract.limits)))
    return "\n".join(parts)


def _title(contract: Contract) -> str:
    return "quarantine.&lt;table&gt;" if contract.layer == "quarantine" else str(contract.name)


def _contents(contracts: Iterable[Contract]) -> Iterator[str]:
    rows = [
        (f"`{_title(contract)}`" if contract.layer != "quarantine" else _title(contract), contract.domain, contract.description)
        for contract in contracts
    ]
    yield _table(("Table", "Domain", "One row is"), rows)


def _facts(contract: Contract, book: ContractBook) -> str:
    downstream = book.downstream_of(contract.name)
    facts = {
        "Key": ", ".join(f"`{name}`" for name in contract.key),
        "Business day": f"`{contract.date_column}`" if contract.date_column else "",
        "For": contract.business,
        "Owner": contract.owner,
        "Delivered": contract.delivers.words if contract.delivers else "",
        "Due": f"{contract.due} UTC" if contract.due else "",
        "Fresh": f"at most {contract.freshness_hours} hours old" if contract.freshness_hours else "",
        "Reminded of": f"every {contract.remind_after_hours} hours while an alert is open" if contract.remind_after_hours else "",
        "Kept": f"{contract.retention_days} days" if contract.retention_days else "",
        "Made from": ", ".join(f"`{name}`" for name in contract.upstream if contract.layer != "quarantine"),
        "Goes into": ", ".join(f"`{other.name}`" for other in downstream),
        "Erasure": contract.erasure or "" if contract.layer != "quarantine" else "As in the table that rejected the row.",
    }
    return "".join(f"- {name}: {text}\n" for name, text in facts.items() if text)


def _column(column: Column) -> tuple[str, ...]:
    notes = ["key"] if column.is_key else []
    notes += ["never empty"] if not column.is_nullable else []
    notes += [f"personal, masked: {MASKS.get(column.mask or '', column.mask)}"] if column.is_pii else []
    notes += [f"from {', '.join(f'`{source}`' for source in column.lineage)}"] if column.lineage else []
    notes += [f"from `{column.source}`"] if column.source else []
    notes += [f"`{column.derive}`"] if column.derive else []
    return f"`{column.name}`", f"`{column.type}`", column.description, "; ".join(notes)


def _rule(rule: Rule) -> tuple[str, ...]:
    text = rule.description or (f"`{rule.expression}`" if rule.expression else "")
    outcome = "kept aside" if rule.action == "quarantine" else "published, warned"
    empty = {"not_null": "breaks it"}.get(rule.kind, "passes" if rule.passes_null else "breaks it")
    return f"`{rule.id}`", text, outcome, empty


def _limit(limit: Limit) -> tuple[str, ...]:
    bounds = [f"at least {plain(limit.minimum)}"] if limit.minimum is not None else []
    bounds += [f"at most {plain(limit.maximum)}"] if limit.maximum is not None else []
    text = f"{limit.description} " if limit.description else ""
    return f"`{limit.id}`", f"{text}(`{limit.metric}` {' and '.join(bounds)})", "the day is held" if limit.blocking else "warned"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
