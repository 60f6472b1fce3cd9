"""The assets of bronze."""

from __future__ import annotations

import dagster as dg

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.domains import domain_asset


def build_assets(book: ContractBook, partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """One multi-asset for each domain that has a bronze contract, those of further folders included."""
    return [domain_asset("bronze", domain, book, partitions) for domain in book.domains("bronze")]
