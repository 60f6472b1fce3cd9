"""What an incident means for those who read the figures: from the contracts' words, their lineage and the ledger's figures. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.calendar import DEFAULT_DUE
from globalbev_assets.contracts.model import Contract
from resources.alerts.contracts import contract_of, rule_of
from resources.alerts.facts import Touched
from resources.alerts.incident import Incident
from resources.alerts.lineage import Lineage
from resources.alerts.observations import FRESHNESS, SCHEMA_DRIFT, TOO_LONG, UNCHECKED

MOST_FIGURES = 6
_EFFECTS = {
    TOO_LONG: "Nothing is wrong with the data; its days come later.",
    UNCHECKED: "Days may be published that nobody has checked.",
    FRESHNESS: "The day is not there: reports show nothing of it.",
}


def effect_of(incident: Incident) -> str:
    """What readers of the table notice."""
    if incident.rule == SCHEMA_DRIFT:
        return "Silver's new days of it are held." if incident.severity == "error" else "Bronze keeps what is new; nothing is lost, nothing uses it."
    held = "The days are not published; readers see what was there before."
    return _EFFECTS.get(incident.rule, held if incident.severity == "error" else "The days are published, with a warning.")


def reports_touched(incident: Incident, book: ContractBook, lineage: Lineage) -> Iterator[str]:
    """One line a report: its words, the table, and which of its figures come from the broken table; without a report what the table is for."""
    below = (contract_of(book, table) for table in (incident.table, *lineage.downstream(incident.table)))
    reports = [contract for contract in below if contract is not None and contract.layer == "gold"]
    for contract in reports:
        figures = _figures(contract, incident, book, lineage)
        shown = ", ".join(figures[:MOST_FIGURES]) + (f" and {len(figures) - MOST_FIGURES} more" if len(figures) > MOST_FIGURES else "")
        yield f"{contract.business.rstrip('.')}, due {contract.due or DEFAULT_DUE} UTC ({contract.name}{f': {shown}' if shown else ''})"
    itself = contract_of(book, incident.table)
    if not reports and itself is not None and itself.business:
        yield itself.business


def _figures(contract: Contract, incident: Incident, book: ContractBook, lineage: Lineage) -> list[str]:
    """The report's columns that are computed from the broken column, or else table, directly or through a table between."""
    measures = [column for column in contract.columns if not column.is_key and not column.name.startswith("_")]
    if contract_of(book, incident.table) is contract:
        return [column.name for column in measures]
    source = contract_of(book, incident.table)
    known = rule_of(source, incident.rule)
    column = getattr(known, "column", None)
    exact = [each.name for each in measures if column and f"{incident.table}.{column}" in each.lineage]
    tables = {incident.table, *lineage.downstream(incident.table)}
    return exact or [each.name for each in measures if any(origin.rpartition(".")[0] in tables for origin in each.lineage)]


def how_much(touched: Touched, *, is_held: bool) -> str:
    """How much of the data it is; nothing where nobody can say which days."""
    if not touched.rows_in:
        return "That run published no row of them." if is_held else ""
    share = f", {touched.share:.1%} of the last {touched.compared_days} days'" if touched.share is not None else ""
    aside = f"; {touched.quarantined:,} of them ({touched.quarantined / touched.rows_in:.1%}) are kept aside" if touched.quarantined else ""
    return f"{touched.rows_in:,} rows of these days{share}{aside}."
