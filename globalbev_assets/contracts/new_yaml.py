"""A :class:`~globalbev_assets.contracts.new.Draft` as the YAML of a bronze and of a silver contract."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from globalbev_assets.contracts.flow_yaml import flow, lines
from globalbev_assets.contracts.new import Draft, SourceColumn
from globalbev_assets.errors import TerminalError

_PERSONAL = re.compile(
    r"(^|_)(name|first|last|full_?name|surname|e?_?mail|phone|mobile|fax|birth|born|dob|street|address|city|zip|postal|postcode|ssn|iban|card|passport|ip)(_|\Z)"
)
_LOGICAL = {"int": "integer", "bigint": "integer", "double": "number", "boolean": "boolean", "date": "date", "timestamp": "timestamp"}
_OWNER = {"name": "new-team", "members": [{"username": "", "role": "owner"}]}


@dataclass(frozen=True, slots=True)
class _Body:
    purpose: str
    properties: list[Any]
    quality: list[Any]
    custom: list[Any]


def bronze_yaml(draft: Draft) -> str:
    """The bronze contract."""
    properties = [_text_property(draft, column) for column in draft.columns]
    quality = [
        _limit(
            "every_source_row_arrived",
            "completeness",
            "Every row of the source is there.",
            {"metric": "source_difference", "minimum": 0, "maximum": 0},
        )
    ]
    custom: list[Any] = [{"property": "source", "value": dict(draft.source)}, {"property": "business", "value": f"Source of silver.{draft.table}."}]
    custom += [{"property": "partitionBy", "value": "_partition_date"}] if draft.business_time else []
    return _document("bronze", draft, _Body(f"One row a record of {draft.origin}, as it arrived.", properties, quality, custom + _erasure(draft)))


def silver_yaml(draft: Draft) -> str:
    """The silver contract: each column in the type that the sample suggests, one row a key."""
    properties = [_typed_property(draft, column) for column in draft.columns]
    quality = [
        _limit(
            "nothing_unaccounted",
            "completeness",
            "Every row that came in has exactly one outcome.",
            {"metric": "unaccounted", "minimum": 0, "maximum": 0},
        ),
        _limit("key_is_unique", "uniqueness", "No key stands twice.", {"metric": "duplicate_keys", "maximum": 0}),
    ]
    kind, custom = "by_key", list[Any]()
    if draft.business_time:
        kind, day = "by_day", _day_name(draft.business_time)
        derived = {"property": "derive", "value": f"cast({draft.business_time} as date)"}
        properties.append({"name": day, "logicalType": "date", "physicalType": "date", "partitioned": True, "partitionKeyPosition": 1,
                           "description": f"UTC date of {draft.business_time}; the business day.", "customProperties": [derived]})  # fmt: skip
        quality.insert(0, _time_rule(draft.business_time))
    custom = [
        {"property": "source", "value": {"kind": kind, "table": f"bronze.{draft.table}"}},
        {"property": "business", "value": "Say which report it serves."},
    ]
    return _document(
        "silver", draft, _Body(f"One row a record of {draft.origin}, in its newest version.", properties, quality, custom + _erasure(draft))
    )


def write_contracts(draft: Draft, folder: Path, layers: Sequence[str] = ("bronze", "silver")) -> tuple[Path, ...]:
    """Write a file a layer below ``folder``; GB-1048 when one is there already: a contract is not overwritten."""
    texts = {"bronze": bronze_yaml, "silver": silver_yaml}
    paths = {layer: folder / layer / f"{draft.table}.odcs.yaml" for layer in layers}
    for path in paths.values():
        if path.exists():
            raise TerminalError(
                "GB-1048",
                "There is such a contract already.",
                got=str(path),
                valid="a table without a contract",
                todo="Change the file, or remove it.",
            )
    for layer, path in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[layer](draft), encoding="utf-8")
    return tuple(paths.values())


def _document(layer: str, draft: Draft, body: _Body) -> str:
    left_out = "".join(f"# Left out, because it cannot be a column's name here; kept in _rescued: {flow(name)}\n" for name in draft.left_out)
    service = [{"property": "freshness", "value": 30, "unit": "h"}, {"property": "retention", "value": 3, "unit": "y"}]
    head = {"apiVersion": "v3.2.0", "kind": "DataContract", "id": f"globalbev.{layer}.{draft.table}", "name": draft.table, "version": "1.0.0"}
    head |= {"status": "draft", "domain": draft.domain}
    return (
        left_out
        + "".join(f"{key}: {flow(value)}\n" for key, value in head.items())
        + f"description:\n  purpose: {flow(body.purpose)}\n"
        + f"team: {flow(_OWNER)}\n"
        + f"schema:\n  - name: {draft.table}\n    physicalName: {layer}.{draft.table}\n    physicalType: table\n"
        + f"    properties:\n{lines(body.properties, 6)}    quality:\n{lines(body.quality, 6)}"
        + f"slaProperties:\n{lines(service, 2)}customProperties:\n{lines(body.custom, 2)}"
    )


def _property(draft: Draft, column: SourceColumn, logical: str, physical: str, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"name": column.name, "logicalType": logical, "physicalType": physical}
    if column.name in draft.key:
        found |= {"primaryKey": True, "primaryKeyPosition": draft.key.index(column.name) + 1}
    found |= more
    if _is_personal(column):
        found |= {"classification": "restricted", "tags": ["pii"]}
    found["description"] = column.comment or f"{column.name.replace('_', ' ').capitalize()}, as {draft.origin} has it."
    if _is_personal(column):
        found["customProperties"] = [{"property": "masking", "value": "redact"}]
    return found


def _text_property(draft: Draft, column: SourceColumn) -> dict[str, Any]:
    """A bronze column; a database's with the type that it has there, which the drift sensor compares."""
    found = _property(draft, column, "string", "string")
    if column.source_type:
        found.setdefault("customProperties", []).append({"property": "sourceType", "value": column.source_type})
    return found


def _typed_property(draft: Draft, column: SourceColumn) -> dict[str, Any]:
    more = {"required": True} if column.name in draft.key else {}
    found = _property(draft, column, _LOGICAL.get(column.type, "number" if column.type.startswith("decimal") else "string"), column.type, **more)
    if column.name == draft.business_time:
        found.setdefault("customProperties", []).append({"property": "unreadableRule", "value": f"{column.name}_invalid"})
    return found


def _is_personal(column: SourceColumn) -> bool:
    """Whether the name sounds like a person's datum. ``product_name`` and the like are marked too: to unmark is the owner's decision."""
    return sounds_personal(column.name) and column.type in ("string", "date")


def sounds_personal(name: str) -> bool:
    """Whether a name is one that a person's datum may have."""
    return bool(_PERSONAL.search(name))


def _erasure(draft: Draft) -> list[dict[str, Any]]:
    if not any(_is_personal(column) for column in draft.columns):
        return []
    return [{"property": "erasure", "value": f"The row is deleted by {', '.join(draft.key)}."}]


def _day_name(business_time: str) -> str:
    return f"{business_time.removesuffix('_at').removesuffix('_on')}_date"


def _time_rule(business_time: str) -> dict[str, Any]:
    expression = f"{business_time} is not null and {business_time} <= _ingested_at"
    return {
        "name": f"{business_time}_invalid", "type": "custom", "engine": "globalbev", "severity": "error", "dimension": "accuracy",
        "description": "The row has a time that can be read and is not after the read.",
        "implementation": {"expression": expression, "nulls": "fail", "action": "quarantine", "column": business_time},
    }  # fmt: skip


def _limit(name: str, dimension: str, description: str, implementation: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name, "type": "custom", "engine": "globalbev", "severity": "error", "dimension": dimension, "description": description,
        "implementation": {**implementation, "blocking": True},
    }  # fmt: skip
