"""The standard's JSON Schema, run on each contract before anything is read from it.

The standard's own Python model drops misspelt nested keys: ``classificaton: restricted`` would mean a column without a mask. The schema
names them. It costs 20 ms a contract and an import of 0.2 s, so that what passed once is remembered by its hash (:class:`ValidationCache`).
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from globalbev_assets.contracts.problems import Problem, closest

_SCHEMA_PACKAGE = "open_data_contract_standard"
_UNKNOWN_KEY = frozenset({"unevaluatedProperties", "additionalProperties"})


class ValidationCache:
    """The hashes of contracts that passed the JSON Schema, in one small JSON file; worthless, and so left unread, once the schema changes."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known = self._read()
        self._seen: set[str] = set()

    def holds(self, digest: str) -> bool:
        """Whether a file of this hash has passed before."""
        if digest in self._known:
            self._seen.add(digest)
        return digest in self._known

    def add(self, digest: str) -> None:
        """Remember a file that passed."""
        self._seen.add(digest)

    def save(self) -> None:
        """Write what this load saw, if it differs; a folder that cannot be written only costs time."""
        if self._path is None or self._seen <= self._known:
            return
        text = json.dumps({"schema": schema_digest(), "valid": sorted(self._known | self._seen)})
        try:
            _replace(self._path, text)
        except OSError:
            return

    def _read(self) -> frozenset[str]:
        if self._path is None:
            return frozenset()
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
            return frozenset(stored["valid"]) if stored["schema"] == schema_digest() else frozenset()
        except (OSError, ValueError, TypeError, KeyError):
            return frozenset()


def schema_problems(document: Any, where: str) -> Iterator[Problem]:
    """What the standard's JSON Schema has against a contract."""
    said = set()
    for error in _validator().iter_errors(document):
        problem = _problem(error, document, where)
        if problem not in said:
            said.add(problem)
            yield problem


def digest_of(content: bytes) -> str:
    """The hash by which a file is known."""
    return hashlib.sha256(content).hexdigest()


@cache
def schema_digest() -> str:
    """The hash of the JSON Schema in use."""
    return digest_of(_schema_path().read_bytes())


def place(path: Sequence[object], document: Any) -> str:
    """A path in a document with names instead of numbers: ``schema.orders.properties.status``."""
    parts, node = [], document
    for step in path:
        node = node[step]
        name = (node.get("name") or node.get("property")) if isinstance(step, int) and isinstance(node, dict) else None
        parts.append(str(name or step))
    return ".".join(parts) or "(top)"


def _problem(error: Any, document: Any, where: str) -> Problem:
    at = f"{where}: {place(list(error.absolute_path), document)}"
    if error.validator in _UNKNOWN_KEY:
        unknown = [key for key in error.instance if f"'{key}'" in error.message]
        hints = [closest(key, _all_keys()) for key in unknown]
        return Problem(
            "GB-1021",
            at,
            "The contract has a key that the standard does not know.",
            ", ".join(unknown),
            " ".join(filter(None, hints)) or "a key of ODCS 3.2",
        )
    if error.validator == "required":
        return Problem("GB-1021", at, "The contract lacks a key.", valid=error.message)
    message = error.message if len(error.message) < 300 else f"a value that breaks the standard's rule '{error.validator}'"
    return Problem("GB-1021", at, "The contract does not follow the standard.", message)


@cache
def _validator() -> Any:
    from jsonschema import Draft201909Validator  # noqa: PLC0415  0.2 s, and not needed when all files are known

    return Draft201909Validator(_schema())


@cache
def _schema() -> Any:
    return json.loads(_schema_path().read_text(encoding="utf-8"))


@cache
def _all_keys() -> frozenset[str]:
    return frozenset(_keys_of(_schema()))


def _keys_of(node: Any) -> Iterable[str]:
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict):
            yield from node["properties"]
        for value in node.values():
            yield from _keys_of(value)
    elif isinstance(node, list):
        for value in node:
            yield from _keys_of(value)


def _schema_path() -> Path:
    """Where the standard's package keeps its schema; the package itself is not imported (it would bring pydantic)."""
    found = find_spec(_SCHEMA_PACKAGE)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(_SCHEMA_PACKAGE)
    return Path(found.origin).parent / "schema.json"


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
