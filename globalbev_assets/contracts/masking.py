"""Which columns of a table are masked, and how: read by the local SQL prompt and by what is generated for Unity Catalog, so that both agree."""

from __future__ import annotations

from globalbev_assets.contracts.model import Contract

HIDDEN = "***"
HASH_CHARACTERS = 16  # 64 bits: enough to join by, short enough to read
RESCUED = "_rescued"  # fields that no contract knows, so nobody has said that they are not personal


def masks_of(contract: Contract) -> dict[str, str]:
    """The table's personal columns, each with its mask."""
    personal = {column.name: column.mask or "redact" for column in contract.columns if column.is_pii}
    return personal | ({RESCUED: "redact"} if RESCUED in contract.column_names else {})
