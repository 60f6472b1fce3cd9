"""Names of tables, parsed once: what passed here may stand in a path or a statement."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from globalbev_assets.errors import TerminalError

Layer = Literal["bronze", "silver", "gold", "quarantine", "ops"]
LAYERS: tuple[Layer, ...] = get_args(Layer)
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")


def identifier(text: str) -> str:
    """A column, table or rule name that needs no quoting; GB-1010 otherwise."""
    if not isinstance(text, str) or not _IDENTIFIER.match(text):
        raise TerminalError(
            "GB-1010",
            "That is not a name.",
            got=repr(text)[:80],
            valid="lower-case letters, digits and _, starting with a letter, at most 63",
            todo="Correct the name.",
        )
    return text


@dataclass(frozen=True, slots=True, order=True)
class TableName:
    """A table of the lake: ``layer`` and ``table``."""

    layer: Layer
    table: str

    def __post_init__(self) -> None:
        if self.layer not in LAYERS:
            raise TerminalError(
                "GB-1011", "Unknown layer.", got=repr(self.layer)[:80], valid=", ".join(LAYERS), todo="Name the table as layer.table."
            )
        identifier(self.table)

    @classmethod
    def parse(cls, text: str) -> TableName:
        """Parse ``layer.table`` or ``layer/table``; GB-1010 or GB-1011 otherwise."""
        layer, _, table = text.replace("/", ".").partition(".")
        return cls(layer, table)  # type: ignore[arg-type]

    def __str__(self) -> str:
        return f"{self.layer}.{self.table}"


def is_relation(source: str) -> bool:
    """Whether a row's source is a relation, ``schema.table``, in which a key is unique; files and pages have a slash."""
    return "/" not in source


def position_named(source: str, position: str) -> str:
    """What names a source row on the command line: the key of a database row, else ``source#record``."""
    return position if is_relation(source) else f"{source}#{position}"
