"""A property of the standard becomes a column of the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from globalbev_assets.contracts.custom import ACTIONS, OF_COLUMN, choice, custom_properties, is_set, text
from globalbev_assets.contracts.model import Column

PII_TAG = "pii"


def parse_column(node: Mapping[str, Any], where: str) -> Column:
    """One column from its property, without its rules."""
    custom = custom_properties(node, OF_COLUMN, where)
    is_output = choice(custom, "filledBy", ("output", "contract"), "contract", where) == "output"
    return Column(
        name=node["name"],
        type=_type(node.get("physicalType") or node.get("logicalType") or "string"),
        description=" ".join((node.get("description") or "").split()),
        is_nullable=not node.get("required", False),
        is_key=bool(node.get("primaryKey", False)),
        is_partition=bool(node.get("partitioned", False)),
        classification=node.get("classification") or "internal",
        is_pii=PII_TAG in (node.get("tags") or ()),
        tags=tuple(node.get("tags") or ()),
        mask=text(custom, "masking", where),
        source=text(custom, "source", where),
        logic=node.get("transformLogic"),
        derive=text(custom, "derive", where),
        clean=text(custom, "clean", where),
        on_unreadable=choice(custom, "onUnreadable", ACTIONS, "quarantine", where),
        unreadable_rule=text(custom, "unreadableRule", where),
        raw_of=text(custom, "rawOf", where),
        is_output=is_output,
        source_type=text(custom, "sourceType", where),
        source_format=text(custom, "sourceFormat", where),
        may_be_absent=is_set(custom, "mayBeAbsent", where),
        lineage=tuple(node.get("transformSourceObjects") or ()),
    )


def _type(name: str) -> str:
    return name.replace(" ", "").lower()
