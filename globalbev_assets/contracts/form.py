"""The YAML form becomes the model: one document, validated by the standard's schema, becomes one :class:`Contract`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from globalbev_assets.contracts.calendar import parse_calendar
from globalbev_assets.contracts.columns import parse_column
from globalbev_assets.contracts.custom import OF_TABLE, choice, custom_properties, is_set, text, texts, whole_number
from globalbev_assets.contracts.model import Column, Contract, Limit, OnBadRecord, Rule, Source
from globalbev_assets.contracts.names import Layer, TableName, identifier
from globalbev_assets.contracts.problems import malformed
from globalbev_assets.contracts.rules import implied_rules, merged, stated_rules
from globalbev_assets.contracts.sources import parse_source
from globalbev_assets.contracts.technical import technical_columns
from globalbev_assets.errors import TerminalError

_DAYS_IN = {"d": 1, "day": 1, "days": 1, "y": 365, "yr": 365, "years": 365}
_HOURS_IN = {"h": 1, "hours": 1, "d": 24, "days": 24}

_ACCOUNTED = Limit(
    "nothing_unaccounted", "unaccounted", blocking=True, minimum=Decimal(0), maximum=Decimal(0), description="Every row that came in has one outcome."
)


def parse_contract(document: Mapping[str, Any], where: str) -> Contract:
    """The contract of one document.

    Raises:
        ProblemError: GB-1022 unknown key, GB-1023 malformed value.
    """
    try:
        return _parse(document, where)
    except TerminalError as error:
        raise malformed(where, error.what, str(error.got or ""), str(error.valid or "")) from error


def _parse(document: Mapping[str, Any], where: str) -> Contract:
    node = _only_table(document, where)
    custom = custom_properties(document, OF_TABLE, where)
    name = TableName.parse(node.get("physicalName") or "")
    source = parse_source(custom.get("source"), f"{where}: customProperties.source")
    columns, rules, limits = _columns_and_rules(node, source, where)
    service = {entry["property"]: entry for entry in document.get("slaProperties") or ()}
    return Contract(
        name=name,
        version=str(document["version"]),
        domain=document.get("domain") or "",
        description=" ".join(((document.get("description") or {}).get("purpose") or "").split()),
        limitations=" ".join(((document.get("description") or {}).get("limitations") or "").split()),
        owner=_owner(document),
        team=(document.get("team") or {}).get("name") or "",
        columns=_partitioned(columns + technical_columns(name.layer), text(custom, "partitionBy", where), where),
        source=source,
        rules=rules,
        limits=limits,
        upstream=tuple(other for other in _upstream(custom, source, rules, where) if other != name),
        lookback_days=whole_number(custom, "lookbackDays", where),
        date_column=_date_column(custom, columns, name.layer, where),
        due=_due(service),
        freshness_hours=_amount(service.get("freshness"), _HOURS_IN, where),
        retention_days=_amount(service.get("retention"), _DAYS_IN, where),
        erasure=text(custom, "erasure", where),
        on_bad_record=_on_bad_record(custom, source, where),
        business=" ".join((text(custom, "business", where) or "").split()),
        path=where,
        delivers=parse_calendar(custom.get("delivers"), f"{where}: customProperties.delivers"),
        has_change_feed=is_set(custom, "changeFeed", where),
        remind_after_hours=whole_number(custom, "remindAfterHours", where) if "remindAfterHours" in custom else None,
    )


def _on_bad_record(custom: Mapping[str, Any], source: Source, where: str) -> OnBadRecord:
    """What a record does that does not fit: only a CSV file has such records; of JSON and of rows each is whole or the file is dead."""
    found: OnBadRecord = choice(custom, "onBadRecord", ("permissive", "fail_fast"), "permissive", where)
    if found == "fail_fast" and source.options.get("format") != "csv":
        raise malformed(
            f"{where}: customProperties.onBadRecord",
            "Only a feed of CSV files can be fail-fast.",
            source.options.get("format") or source.kind,
            "format: csv; a JSON file that cannot be read whole is a dead letter",
        )
    return found


def _only_table(document: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    tables = document.get("schema") or []
    if len(tables) != 1:
        raise malformed(where, "A contract describes one table.", f"{len(tables)} tables", "one entry under schema")
    node: Mapping[str, Any] = tables[0]
    return node


def _columns_and_rules(node: Mapping[str, Any], source: Source, where: str) -> tuple[tuple[Column, ...], tuple[Rule, ...], tuple[Limit, ...]]:
    is_typed_from_text = source.kind in {"by_day", "by_key"}
    columns, implied, stated = [], list[Rule](), list[Rule | Limit]()
    for entry in node.get("properties") or ():
        at = f"{where}: {entry.get('name', '?')}"
        identifier(entry.get("name", ""))
        column = parse_column(entry, at)
        columns.append(column)
        implied += implied_rules(entry, column, at, is_typed_from_text=is_typed_from_text)
        stated += stated_rules(entry.get("quality") or [], at, column.name)
    stated += stated_rules(node.get("quality") or [], where)
    rules = merged(implied, [rule for rule in stated if isinstance(rule, Rule)])
    limits = tuple(limit for limit in stated if isinstance(limit, Limit))
    if is_typed_from_text:
        limits = _with_accounting(limits, where)
    return _in_key_order(node, tuple(columns)), rules, limits


def _with_accounting(limits: tuple[Limit, ...], where: str) -> tuple[Limit, ...]:
    """The limits with the one that no contract can do without; one that says less is refused."""
    stated = [limit for limit in limits if limit.metric == _ACCOUNTED.metric]
    for limit in stated:
        if not limit.blocking or limit.maximum != 0:
            raise malformed(
                f"{where}: {limit.id}", "A row without an outcome always holds the day.", "a limit that lets one pass", "maximum: 0, blocking: true"
            )
    is_named = any(limit.id == _ACCOUNTED.id for limit in limits)  # of another metric: the lint says what is wrong with it
    return limits if stated or is_named else (*limits, _ACCOUNTED)


def _in_key_order(node: Mapping[str, Any], columns: tuple[Column, ...]) -> tuple[Column, ...]:
    positions = [entry.get("primaryKeyPosition", 0) for entry in node.get("properties") or () if entry.get("primaryKey")]
    if positions != sorted(positions):
        raise malformed(node.get("physicalName", "?"), "The key's columns stand in another order than their positions.", str(positions))
    return columns


def _partitioned(columns: tuple[Column, ...], name: str | None, where: str) -> tuple[Column, ...]:
    if name is None:
        return columns
    if name not in {column.name for column in columns}:
        raise malformed(f"{where}: customProperties.partitionBy", "The table has no such column.", name)
    return tuple(replace(column, is_partition=column.name == name) for column in columns)


def _owner(document: Mapping[str, Any]) -> str:
    members = (document.get("team") or {}).get("members") or ()
    return next((member.get("username", "") for member in members if member.get("role") == "owner"), "")


def _upstream(custom: Mapping[str, Any], source: Source, rules: tuple[Rule, ...], where: str) -> tuple[TableName, ...]:
    """Its source table, what it says, and what its rules refer to; each once."""
    said = texts(custom.get("upstream", []), f"{where}: customProperties.upstream")
    named = (*([source.options["table"]] if "table" in source.options else []), *said)
    return tuple(dict.fromkeys([*map(TableName.parse, named), *(rule.reference for rule in rules if rule.reference)]))


def _date_column(custom: Mapping[str, Any], columns: tuple[Column, ...], layer: Layer, where: str) -> str | None:
    if layer == "bronze":
        return "_partition_date"
    return text(custom, "dateColumn", where) or next((column.name for column in columns if column.is_partition), None)


def _due(service: Mapping[str, Any]) -> str | None:
    return str(service["due"]["value"]) if "due" in service else None


def _amount(entry: Mapping[str, Any] | None, units: Mapping[str, int], where: str) -> int | None:
    if entry is None:
        return None
    value, unit = entry["value"], entry.get("unit")
    if not isinstance(value, int) or isinstance(value, bool) or not isinstance(unit, str) or unit not in units:
        raise malformed(
            f"{where}: slaProperties.{entry['property']}", "That is no length of time.", f"{value} {unit}", f"a whole number of {', '.join(units)}"
        )
    return value * units[unit]
