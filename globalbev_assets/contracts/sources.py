"""The source mapping of a contract: which options each kind of source takes, so that a misspelt one is an error and not a default."""

from __future__ import annotations

import re
from typing import Any

from globalbev_assets.contracts.custom import known_keys, texts
from globalbev_assets.contracts.model import Kind, Source
from globalbev_assets.contracts.problems import malformed

_DATABASE = frozenset({"dsn", "relation", "mode", "businessTime", "fallbackTime", "parent"})
_FILE_FEED = frozenset({"feed", "format", "encodings", "delimiters"})
_JSON_API = frozenset(
    {
        "url",
        "token",
        "name",
        "path",
        "itemsField",
        "nextTokenField",
        "tokenParam",
        "pageSizeParam",
        "pageSize",
        "asOfParam",
        "totalField",
        "asOfField",
    }
    | {"keyFields", "missingStatus", "missingError", "query"}
)
_TABLE = frozenset({"table", "expand", "collapse", "dedupe", "rowKey", "groupKey", "versionBy", "personal"})

OPTIONS: dict[Kind, frozenset[str]] = {
    "database": _DATABASE,
    "file_feed": _FILE_FEED,
    "json_api": _JSON_API,
    "by_day": _TABLE,
    "by_key": _TABLE,
    "aggregate": frozenset({"snapshot"}),
}
NEEDED: dict[Kind, frozenset[str]] = {
    "database": frozenset({"relation", "mode"}),
    "file_feed": frozenset({"feed", "format"}),
    "json_api": frozenset({"url", "path"}),
    "by_day": frozenset({"table"}),
    "by_key": frozenset({"table"}),
    "aggregate": frozenset(),
}
CHOICES = {"mode": ("by_day", "full"), "format": ("csv", "json", "jsonl")}
_LISTS = frozenset({"encodings", "delimiters", "keyFields", "rowKey", "groupKey", "versionBy", "personal"})
_NUMBERS = frozenset({"pageSize", "missingStatus"})
_MAY_BE_NULL = frozenset({"nextTokenField", "pageSizeParam", "asOfParam", "totalField", "asOfField", "missingStatus", "missingError", "token"})
_PARTS: dict[str, dict[str, type]] = {"parent": {"relation": str, "on": str}, "dedupe": {"columns": list, "keep": str, "rule": str}}


def parse_source(value: Any, where: str) -> Source:
    """The source of a contract from its YAML mapping."""
    kind = value.get("kind") if isinstance(value, dict) else value
    if not isinstance(kind, str) or kind not in OPTIONS or not isinstance(value, dict):
        raise malformed(where, "The source has no known kind.", repr(kind), ", ".join(OPTIONS))
    options = {key: option for key, option in value.items() if key != "kind"}
    _check(kind, options, where)
    for key, option in options.items():
        _check_shape(key, option, f"{where}.{key}")
    return Source(kind, {_snake(key): option for key, option in options.items()})


def _check(kind: Kind, options: dict[str, Any], where: str) -> None:
    known_keys(options, OPTIONS[kind], where, f"option of a source of kind {kind}")
    missing = sorted(NEEDED[kind] - set(options))
    if missing:
        raise malformed(where, f"The source of kind {kind} lacks an option.", valid=", ".join(missing))
    if options.get("mode") == "by_day" and "businessTime" not in options:
        raise malformed(
            where,
            "A table that is read by day does not say by which time.",
            valid="businessTime, and fallbackTime for rows without one (else they lie under the day before the read); or mode: full",
        )
    for key, valid in CHOICES.items():
        if key in options and options[key] not in valid:
            raise malformed(f"{where}.{key}", "That choice does not exist.", repr(options[key]), ", ".join(valid))


def _check_shape(key: str, option: Any, where: str) -> None:
    if option is None and key in _MAY_BE_NULL:
        return
    if key in _PARTS:
        _check_parts(option, _PARTS[key], where)
    elif key in _LISTS:
        texts(option, where)
    elif key == "query":
        if not isinstance(option, list) or not all(len(texts(pair, where)) == 2 for pair in option):
            raise malformed(where, "Pairs of name and value are wanted.", repr(option))
    elif key in _NUMBERS:
        if not isinstance(option, int) or isinstance(option, bool):
            raise malformed(where, "A whole number is wanted.", repr(option))
    elif not isinstance(option, str):
        raise malformed(where, "A text is wanted.", repr(option))


def _check_parts(option: Any, parts: dict[str, type], where: str) -> None:
    if not isinstance(option, dict) or set(option) != set(parts):
        got = ", ".join(map(str, option)) if isinstance(option, dict) else repr(option)
        raise malformed(where, "A part is missing, or there is one too many.", got, ", ".join(parts))
    for name, kind in parts.items():
        if kind is list:
            texts(option[name], f"{where}.{name}")
        elif not isinstance(option[name], kind):
            raise malformed(f"{where}.{name}", "A text is wanted.", repr(option[name]))


def _snake(key: str) -> str:
    return re.sub(r"[A-Z]", lambda found: "_" + found[0].lower(), key)
