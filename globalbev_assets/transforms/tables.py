"""Which Python belongs to which silver table."""

from __future__ import annotations

from globalbev_assets.contracts.names import TableName
from globalbev_assets.transforms import catalog, customers, sales, supply
from globalbev_assets.transforms.registry import Transform

TRANSFORMS: dict[str, Transform] = {**catalog.TRANSFORMS, **customers.TRANSFORMS, **sales.TRANSFORMS, **supply.TRANSFORMS}


def transform_of(name: TableName) -> Transform:
    """The transform of a silver table; a table that needs none gets the empty one."""
    return TRANSFORMS.get(name.table, Transform())
