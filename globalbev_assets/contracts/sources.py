"""The source mapping of a contract: which options each kind of source takes, so that a misspelt one is an error and not a default."""

from __future__ import annotations

import re
from typing import Any

from globalbev_assets.contracts.model import Kind, Source
from globalbev_assets.contracts.problems import Problem, ProblemError, closest, malformed

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


def parse_source(value: Any, where: str) -> Source:
    """The source of a contract from its YAML mapping."""
    if not isinstance(value, dict) or value.get("kind") not in OPTIONS:
        got = value.get("kind") if isinstance(value, dict) else value
        raise malformed(where, "The source has no known kind.", repr(got), ", ".join(OPTIONS))
    kind: Kind = value["kind"]
    options = {key: option for key, option in value.items() if key != "kind"}
    _check(kind, options, where)
    return Source(kind, {_snake(key): option for key, option in options.items()})


def _check(kind: Kind, options: dict[str, Any], where: str) -> None:
    for key in options:
        if key not in OPTIONS[kind]:
            known = ", ".join(sorted(OPTIONS[kind])) or "none"
            raise ProblemError(Problem("GB-1022", where, f"A source of kind {kind} has no such option.", key, closest(key, OPTIONS[kind]) or known))
    missing = sorted(NEEDED[kind] - set(options))
    if missing:
        raise malformed(where, f"The source of kind {kind} lacks an option.", valid=", ".join(missing))
    for key, valid in CHOICES.items():
        if key in options and options[key] not in valid:
            raise malformed(f"{where}.{key}", "That choice does not exist.", repr(options[key]), ", ".join(valid))


def _snake(key: str) -> str:
    return re.sub(r"[A-Z]", lambda found: "_" + found[0].lower(), key)
