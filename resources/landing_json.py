"""The shape of delivered json: one document or an array of them, or one a line."""

from __future__ import annotations

import io

from resources.file_feed import DeadReason
from resources.landing_text import DeadFileError, Shape, bounded_lines
from resources.strict_json import JsonFault, JsonValue, MalformedJsonError, parse_document

_REASONS = {
    JsonFault.SYNTAX: DeadReason.INVALID_JSON,
    JsonFault.DUPLICATE_KEY: DeadReason.DUPLICATE_KEY,
    JsonFault.NOT_A_NUMBER: DeadReason.NOT_A_NUMBER,
    JsonFault.TOO_DEEP: DeadReason.TOO_DEEP,
}


def read_json(text: io.TextIOWrapper) -> Shape:
    """Count the documents of a file that is one, or an array of them.

    Raises:
        DeadFileError: it is no JSON, or holds something else than objects.
    """
    content = text.read()
    try:
        document = parse_document(content)
    except MalformedJsonError as error:
        raise DeadFileError(DeadReason.TRUNCATED if error.is_cut else _REASONS[error.fault], error.message) from None
    documents = document if isinstance(document, list) else [document]
    if not all(isinstance(one, dict) for one in documents):
        raise DeadFileError(DeadReason.NO_RECORD, "neither a document nor an array of documents")
    return Shape(len(documents))


def read_jsonl(text: io.TextIOWrapper) -> Shape:
    """Count the lines that hold a document or ``null``; blank lines are none.

    Raises:
        DeadFileError: a line is no JSON, or something else than an object or ``null``: the whole file, since a part is worse than none.
    """
    records = 0
    for number, line in enumerate(bounded_lines(text), start=1):
        if line.strip():
            _check_record(_parsed(line, number), number)
            records += 1
    return Shape(records)


def _parsed(line: str, number: int) -> JsonValue:
    try:
        return parse_document(line)
    except MalformedJsonError as error:
        is_cut = error.fault is JsonFault.SYNTAX and not line.endswith(("\n", "\r"))
        raise DeadFileError(DeadReason.TRUNCATED if is_cut else _REASONS[error.fault], f"line {number}: {error.message}") from None


def _check_record(value: JsonValue, number: int) -> None:
    if value is not None and not isinstance(value, dict):
        raise DeadFileError(DeadReason.NO_RECORD, f"line {number}: neither a document nor null")
