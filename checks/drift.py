"""The check ``schema_drift`` of each bronze table, as a run makes it: from the record alone. Between runs the sensor of that name reports it.

It has no partitions: a source looks as it looks, whatever day is loaded.
"""

# No `from __future__ import annotations` here: Dagster reads the annotations of the functions that it is given.
from collections.abc import Iterator

import dagster as dg

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.specs import asset_key
from resources.drift.evaluation import CHECK, DESCRIPTION, verdict
from resources.drift.record import Drifts
from resources.environments import runs_here
from resources.event_figures import drift_told
from resources.lakehouse_resource import LakehouseResource


def drift_checks(domain: str, book: ContractBook) -> dg.AssetChecksDefinition:
    """The checks of the bronze tables of one domain."""
    contracts = {asset_key(contract.name): contract for contract in book.domain("bronze", domain)}
    specs = [dg.AssetCheckSpec(CHECK, asset=key, description=DESCRIPTION) for key in contracts]

    @dg.multi_asset_check(name=f"bronze_{domain}_schema_drift", specs=specs, can_subset=True)
    def schema_drift(context: dg.AssetCheckExecutionContext, lakehouse: LakehouseResource) -> Iterator[dg.AssetCheckResult]:
        settings = lakehouse.settings
        selected = sorted(check.asset_key for check in context.selected_asset_check_keys)
        names = [str(contracts[key].name) for key in selected]
        # The storage of steps on a cluster is the cluster's; they have told what they found.
        told = [row for name in names for row in drift_told(context.instance, name)] if not runs_here(settings) else None
        rows = Drifts(settings.lake_root).rows(names) if told is None else told
        for key in selected:
            table = contracts[key].name
            found = verdict(table, [row for row in rows if row.is_open and row.table_name == str(table)], settings)
            yield dg.AssetCheckResult(
                asset_key=key,
                check_name=CHECK,
                passed=found.passed,
                severity=dg.AssetCheckSeverity.ERROR if found.is_breaking else dg.AssetCheckSeverity.WARN,
                description=found.description,
                metadata=found.metadata(),
            )

    return schema_drift
