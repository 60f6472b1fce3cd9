"""YAML as text becomes data, without YAML 1.1's surprises: ``on`` and ``NO`` stay texts, as do days and ``06:30``, and a key stands once."""

from __future__ import annotations

import re
from typing import Any

import yaml

from globalbev_assets.contracts.problems import Problem, ProblemError

_Fast: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # 0.22 s instead of 1.7 s for forty contracts


class _DuplicateKeyError(Exception):
    pass


class _Loader(_Fast):  # type: ignore[misc]
    """The safe loader, in C, with the scalars of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  PyYAML's own form

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        mapping = super().construct_mapping(node, deep=deep)
        if len(mapping) != len(node.value):
            names = [str(key.value) for key, _ in node.value]
            raise _DuplicateKeyError(next((name for name in names if names.count(name) > 1), "?"))
        return mapping


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?[0-9]+\Z"), list("-+0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\Z"), list("-+.0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""])


def load_document(content: str | bytes, where: str) -> dict[str, Any]:
    """The YAML of one contract, as data.

    Raises:
        ProblemError: GB-1020, when it is no YAML, no mapping, or has a key twice.
    """
    try:
        document = yaml.load(content, _Loader)  # noqa: S506  derived from the safe loader
    except _DuplicateKeyError as error:
        raise ProblemError(Problem("GB-1020", where, "A key stands twice in one mapping.", str(error))) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ProblemError(Problem("GB-1020", where, "The contract is not YAML.", _explained(error))) from error
    if not isinstance(document, dict):
        raise ProblemError(Problem("GB-1020", where, "The contract is empty, or not a mapping.", type(document).__name__, "a mapping"))
    return document


def _explained(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    at = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return (getattr(error, "problem", None) or "bytes that are not UTF-8") + at
