"""Which columns an SQL expression of a contract names. A tokenizer, not a parser: enough to find a misspelt column, at no dependency."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
    \s+
  | (?P<text>'(?:[^'\\]|\\.|'')*')
  | (?P<number>\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|\.\d+)
  | (?P<name>(?:`[^`]+`|[A-Za-z_]\w*)(?:\.(?:`[^`]+`|[A-Za-z_]\w*))*)
  | (?P<sign><=>|->|::|<>|!=|<=|>=|==|\|\||[-+*/%<>=!,()\[\]&|^~:])
    """,
    re.VERBOSE,
)
_OPERATORS = {"and", "or", "not", "is", "null", "true", "false", "in", "between", "like", "ilike", "rlike", "regexp", "escape", "div"}
_CLAUSES = {"case", "when", "then", "else", "end", "as", "distinct", "from", "over", "partition", "by", "order", "asc", "desc", "nulls"}
_FRAMES = {"rows", "range", "preceding", "following", "unbounded", "current", "row", "current_date", "current_timestamp", "interval"}
_UNITS = {"day", "days", "hour", "hours", "minute", "minutes", "second", "seconds", "week", "weeks", "month", "months", "year", "years"}
_WORDS = _OPERATORS | _CLAUSES | _FRAMES | _UNITS


class MalformedExpressionError(ValueError):
    """The text cannot be an expression; the message says why."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def columns_in(expression: str) -> tuple[str, ...]:
    """The columns that an expression names, each once, ``struct.field`` where it is written so.

    Raises:
        MalformedExpressionError: an open quote, a bracket too many or too few, a character that SQL does not have.
    """
    tokens = list(_tokens(expression))
    _check_brackets(tokens)
    bound = set(_lambda_names(tokens))
    return tuple(dict.fromkeys(name for name in _names(tokens) if name.partition(".")[0] not in bound))


def _tokens(expression: str) -> Iterator[_Token]:
    position = 0
    while position < len(expression):
        found = _TOKEN.match(expression, position)
        if found is None:
            raise MalformedExpressionError(f"cannot read {expression[position : position + 20]!r}")
        position = found.end()
        if found.lastgroup:
            yield _Token(found.lastgroup, found.group())


def _names(tokens: list[_Token]) -> Iterator[str]:
    """Names that are columns: no word of SQL, no function, no type of a cast, no ``date`` of a literal."""
    for index, token in enumerate(tokens):
        following = tokens[index + 1] if index + 1 < len(tokens) else _Token("end", "")
        before = tokens[index - 1].text.lower() if index else ""
        is_called = following.text == "(" or following.kind == "text"
        if token.kind == "name" and token.text.lower() not in _WORDS and not is_called and before not in ("as", "::"):
            yield token.text.replace("`", "")


def _lambda_names(tokens: list[_Token]) -> Iterator[str]:
    for index, token in enumerate(tokens):
        if token.text != "->":
            continue
        back = index - 1
        if tokens[back].text == ")":
            while back > 0 and tokens[back].text != "(":
                back -= 1
        yield from (bound.text for bound in tokens[back:index] if bound.kind == "name")


def _check_brackets(tokens: list[_Token]) -> None:
    depth = 0
    for token in tokens:
        depth += (token.text == "(") - (token.text == ")")
        if depth < 0:
            raise MalformedExpressionError("a bracket closes that was never opened")
    if depth:
        raise MalformedExpressionError("a bracket is never closed")
    if not tokens:
        raise MalformedExpressionError("it is empty")
