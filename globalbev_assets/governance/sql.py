"""SQL for Unity Catalog out of typed parts: what is not a keyword, a checked name or a literal does not get into a statement."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from globalbev_assets.contracts.names import identifier
from globalbev_assets.errors import TerminalError

_KEYWORDS = re.compile(r"[A-Z][A-Z ]*\Z|<=\Z|>=\Z|=\Z")
_PRINCIPAL = re.compile(r"[a-z][a-z0-9 -]{0,126}[a-z0-9]\Z")


@dataclass(frozen=True, slots=True)
class Sql:
    """A part of a statement that was checked when it was made."""

    text: str

    def __str__(self) -> str:
        return self.text


def sql(*parts: Sql | str) -> Sql:
    """The parts one after the other; a plain string has to be keywords in capitals.

    Raises:
        TerminalError: GB-3201, for text that is none: a value or a name that nobody has quoted.
    """
    for part in parts:
        if isinstance(part, str) and not _KEYWORDS.match(part):
            raise TerminalError(
                "GB-3201",
                "Unchecked text was to become part of a statement.",
                got=repr(part)[:80],
                valid="SQL keywords in capitals, or a name or literal from governance.sql",
                todo="Report it: this is a mistake of ours, not of the contract.",
            )
    return Sql(" ".join(str(part) for part in parts))


def column(name: str) -> Sql:
    """A column, quoted; technical ones may start with an underscore."""
    identifier(name.lstrip("_"))
    return Sql(f"`{name}`")


def qualified(*names: str) -> Sql:
    """A catalog, a schema in it, or something in that schema, each part checked and quoted."""
    return Sql(".".join(f"`{identifier(name)}`" for name in names))


def text(value: str) -> Sql:
    """A string literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return Sql(f"'{escaped}'")


def unmistakable(description: str) -> str:
    """A description that nobody can take for the end of a statement or literal.

    Whether Databricks' SQL tasks, which part a script into statements, look for semicolons and escaped quotes inside of literals is said nowhere.
    """
    return description.replace("'", "\N{RIGHT SINGLE QUOTATION MARK}").replace(";", ",")


def described(description: str) -> Sql:
    """A description as a literal."""
    return text(unmistakable(description))


def number(value: int | Decimal) -> Sql:
    """A number literal, never in the form 1E+3, which would be a double."""
    return Sql(format(value, "f") if isinstance(value, Decimal) else str(int(value)))


def principal(name: str) -> Sql:
    """A group, quoted.

    Raises:
        TerminalError: GB-3202, for a name that is no group of ours.
    """
    if not _PRINCIPAL.match(name):
        raise TerminalError(
            "GB-3202",
            "That is no name of a group.",
            got=repr(name)[:80],
            valid="small letters, digits, - and spaces",
            todo="Correct the group's name.",
        )
    return Sql(f"`{name}`")


def call(function: str, *arguments: Sql) -> Sql:
    """A call of a built-in function."""
    return Sql(f"{identifier(function)}{listed(arguments)}")


def commas(parts: Iterable[Sql]) -> Sql:
    """Parts with commas between them."""
    return Sql(", ".join(map(str, parts)))


def listed(parts: Iterable[Sql]) -> Sql:
    """Parts in brackets, with commas between them."""
    return Sql(f"({commas(parts)})")


def tags(values: Mapping[str, str]) -> Sql:
    """A list of tags and their values."""
    return listed(sql(text(name), "=", text(value)) for name, value in values.items())
