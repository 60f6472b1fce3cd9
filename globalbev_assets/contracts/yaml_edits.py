"""Edits of a contract's YAML as text: what is not edited stays as it stands, comments, order and line breaks included.

PyYAML tells where each node begins and ends; the new text goes in between. Both styles are served: a property on one line in braces, as our
contracts have it, and blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from globalbev_assets.contracts.flow_yaml import flow

_Fast: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class NotThereError(ValueError):
    """The contract has no place for the edit: it was written otherwise than the edit expects."""


def with_column(text: str, column: Mapping[str, Any]) -> str:
    """The contract with one column more, at the end of its columns, on a line of its own."""
    properties = _properties(text)
    if not properties.value:
        raise NotThereError("the contract has no columns")
    last = properties.value[-1]
    if properties.flow_style:
        return _inserted(text, last.end_mark.index, f", {flow(column)}")
    end = _end_of(text, last)
    return _inserted(text, end, f"\n{' ' * properties.start_mark.column}- {flow(column)}")


def with_custom(text: str, column: str, name: str, value: object) -> str:
    """The contract with a custom property of a column set."""
    node = _column(text, column)
    entry = {"property": name, "value": value}
    custom = _child(node, "customProperties")
    if custom is None:
        return _with_key(text, node, "customProperties", [entry])
    for one in custom.value:
        if (found := _child(one, "property")) is not None and found.value == name:
            old = _need(one, "value")
            return text[: old.start_mark.index] + flow(value) + text[_end_of(text, old) :]
    if custom.flow_style:
        start = custom.end_mark.index - 1
        return _inserted(text, start, f"{', ' if custom.value else ''}{flow(entry)}")
    return _inserted(text, _end_of(text, custom.value[-1]), f"\n{' ' * custom.start_mark.column}- {flow(entry)}")


def with_source_option(text: str, option: str, value: str) -> str:
    """The contract with an option of its source set to another value; it must be there."""
    entries = _child(_root(text), "customProperties")
    for entry in entries.value if entries is not None else ():
        if (found := _child(entry, "property")) is not None and found.value == "source":
            old = _need(_need(entry, "value"), option)
            return text[: old.start_mark.index] + flow(value) + text[_end_of(text, old) :]
    raise NotThereError(f"the contract has no source option {option}")


def with_next_version(text: str) -> str:
    """The contract with its minor version raised: 1.0.0 becomes 1.1.0."""
    node = _need(_root(text), "version")
    try:
        major, minor, _ = (int(part) for part in str(node.value).split("."))
    except ValueError:
        raise NotThereError("the contract's version is not three numbers") from None
    return text[: node.start_mark.index] + f"{major}.{minor + 1}.0" + text[_end_of(text, node) :]


def _root(text: str) -> Any:
    try:
        root = yaml.compose(text, Loader=_Fast)
    except yaml.YAMLError as error:
        raise NotThereError("the contract is no YAML") from error
    if not isinstance(root, yaml.MappingNode):
        raise NotThereError("the contract is no mapping")
    return root


def _properties(text: str) -> Any:
    tables = _need(_root(text), "schema")
    if not isinstance(tables, yaml.SequenceNode) or len(tables.value) != 1:
        raise NotThereError("the contract does not describe one table")
    return _need(tables.value[0], "properties")


def _column(text: str, column: str) -> Any:
    for node in _properties(text).value:
        if (name := _child(node, "name")) is not None and name.value == column:
            return node
    raise NotThereError(f"the contract has no column {column}")


def _with_key(text: str, node: Any, key: str, value: object) -> str:
    """The mapping with one key more at its end."""
    if node.flow_style:
        return _inserted(text, _end_of(text, node) - 1, f", {key}: {flow(value)}")
    return _inserted(text, _end_of(text, node.value[-1][1]), f"\n{' ' * node.start_mark.column}{key}: {flow(value)}")


def _child(node: Any, key: str) -> Any:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _need(node: Any, key: str) -> Any:
    found = _child(node, key)
    if found is None:
        raise NotThereError(f"the contract has no {key}")
    return found


def _end_of(text: str, node: Any) -> int:
    """Where the node's own text ends; a block's mark stands at the start of what follows it, behind blank lines and comments."""
    if isinstance(node, yaml.ScalarNode) or node.flow_style:
        end = int(node.end_mark.index)
        return end if not isinstance(node, yaml.ScalarNode) else len(text[:end].rstrip())
    inner = [child for item in node.value for child in (item if isinstance(item, tuple) else (item,))]
    return max((_end_of(text, child) for child in inner), default=int(node.end_mark.index))


def _inserted(text: str, place: int, more: str) -> str:
    return text[:place] + more + text[place:]
