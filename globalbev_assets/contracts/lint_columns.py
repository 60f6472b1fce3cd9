"""What can be wrong with a contract's columns: types, masks, where their values come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from globalbev_assets.contracts.expressions import MalformedExpressionError, columns_in
from globalbev_assets.contracts.model import Column, Contract
from globalbev_assets.contracts.names import TableName
from globalbev_assets.contracts.problems import Problem, closest
from globalbev_assets.contracts.types import parse_type
from globalbev_assets.contracts.vocabulary import CLEANERS, MASKS

RAW = "_raw"
_TYPED_FROM_TEXT = frozenset({"by_day", "by_key"})


def column_problems(contract: Contract, book: Mapping[TableName, Contract]) -> Iterator[Problem]:
    """Everything that is wrong with the columns of one contract."""
    text = source_columns(contract, book)
    yield from _twice(contract)
    for number, column in enumerate(contract.columns):
        if column.name.startswith("_"):
            continue
        at = f"{contract.path}: {column.name}"
        yield from _described(column, at)
        yield from _typed(contract, column, at)
        yield from _masked(column, at)
        yield from _sourced(contract, column, text, at)
        yield from _expressions(contract, column, number, text, at)
        yield from _raw_kept(contract, column, at)
        yield from _lineage(column, book, at)
    yield from _day_column(contract)


def source_columns(contract: Contract, book: Mapping[TableName, Contract]) -> tuple[Column, ...] | None:
    """The text columns that the table is typed from; None when it is not typed from text or its source is not known."""
    if contract.source.kind not in _TYPED_FROM_TEXT:
        return None
    source = book.get(TableName.parse(contract.source.options["table"]))
    return source.business_columns if source else None


def unknown_columns(expression: str, known: Collection[str], raw: Collection[str] | None) -> list[str]:
    """The columns that an expression names and that are not there; helper columns, with a leading underscore, are the transform's.

    Raises:
        MalformedExpressionError: when it is no expression.
    """
    missing = []
    for name in columns_in(expression):
        base, _, field = name.partition(".")
        is_helper = base.startswith("_") and (base != RAW or raw is None or field in raw)
        if not is_helper and base not in known:
            missing.append(name)
    return missing


def _twice(contract: Contract) -> Iterator[Problem]:
    for name, count in Counter(contract.column_names).items():
        if count > 1:
            yield Problem("GB-1038", contract.path, "A column stands twice.", name)


def _described(column: Column, at: str) -> Iterator[Problem]:
    if not column.description:
        yield Problem(
            "GB-1043", at, "The column does not say what it is.", valid="a description", todo="Describe it for someone who does not know the table."
        )


def _typed(contract: Contract, column: Column, at: str) -> Iterator[Problem]:
    try:
        parse_type(column.type)
    except ValueError:
        yield Problem(
            "GB-1035",
            f"{at}.physicalType",
            "The column has a type that we do not know.",
            column.type,
            "Spark SQL's, such as bigint, decimal(18,4), date, string",
        )
    if contract.layer == "bronze" and column.type != "string":
        yield Problem("GB-1035", f"{at}.physicalType", "Bronze keeps what arrived, as text.", column.type, "string")
    if contract.layer == "silver" and column.is_key and column.is_nullable and not column.is_output:
        yield Problem("GB-1027", at, "A column of the key may be empty.", valid="required: true")


def _masked(column: Column, at: str) -> Iterator[Problem]:
    if column.mask is not None and column.mask not in MASKS:
        yield Problem("GB-1031", f"{at}.masking", "There is no such mask.", column.mask, closest(column.mask, MASKS) or ", ".join(MASKS))
    if column.is_pii and column.mask is None:
        yield Problem("GB-1031", at, "The column holds personal data and has no mask.", valid=f"a custom property masking: {', '.join(MASKS)}")
    if column.is_pii and column.classification != "restricted":
        yield Problem("GB-1031", f"{at}.classification", "Personal data is restricted.", column.classification, "restricted")
    if column.mask is not None and not column.is_pii:
        yield Problem("GB-1031", f"{at}.tags", "The column has a mask and is not marked as personal data.", valid="tags: [pii]")


def _sourced(contract: Contract, column: Column, text: tuple[Column, ...] | None, at: str) -> Iterator[Problem]:
    if column.clean is not None and column.clean not in CLEANERS:
        yield Problem(
            "GB-1042", f"{at}.clean", "There is no such cleaner.", column.clean, closest(column.clean, CLEANERS) or ", ".join(sorted(CLEANERS))
        )
    is_renamed = column.source is not None and contract.layer != "bronze"
    if contract.source.kind not in _TYPED_FROM_TEXT and (not column.is_cast or is_renamed or column.clean):
        yield Problem("GB-1045", at, f"A table of kind {contract.source.kind} has no column that is cleaned or computed by its contract.")
    if contract.layer != "bronze" and (column.source_type or column.source_format or column.may_be_absent):
        yield Problem("GB-1045", at, "What the source has is said in bronze.", valid="sourceType, sourceFormat, mayBeAbsent in the bronze contract")
    if text is None or not column.is_cast:
        return
    names = [other.name for other in text]
    if column.source_name not in names:
        table = contract.source.options["table"]
        yield Problem(
            "GB-1045",
            at,
            f"{table} has no column from which it could be read.",
            column.source_name,
            closest(column.source_name, names) or "source, derive or filledBy",
        )


def _expressions(contract: Contract, column: Column, number: int, text: tuple[Column, ...] | None, at: str) -> Iterator[Problem]:
    raw = [other.name for other in text] if text is not None else None
    before = [other.name for other in contract.columns[:number]]
    for key, expression, known in (("transformLogic", column.logic, raw or ()), ("derive", column.derive, before)):
        if expression is None or (key == "transformLogic" and raw is None):
            continue
        try:
            missing = unknown_columns(expression, known, raw)
        except MalformedExpressionError as error:
            yield Problem("GB-1032", f"{at}.{key}", "The expression cannot be read.", str(error))
            continue
        for name in missing:
            yield Problem(
                "GB-1032", f"{at}.{key}", "The expression names a column that is not there, or stands behind it.", name, closest(name, known)
            )
    yield from _privacy(contract, column, text or (), at)


def _privacy(contract: Contract, column: Column, text: tuple[Column, ...], at: str) -> Iterator[Problem]:
    """What is made from personal data is personal data: else a mask would end at the next layer."""
    if column.is_pii:
        return
    personal = {other.name for other in text if other.is_pii}
    own = {other.name for other in contract.columns if other.is_pii}
    try:
        logic, derive = columns_in(column.logic or "null"), columns_in(column.derive or "null")
    except MalformedExpressionError:
        return
    raw = {name.removeprefix(f"{RAW}.") for name in (*logic, *derive) if name.startswith(f"{RAW}.")}
    used = {*logic, *raw} & personal | {*derive, column.raw_of or ""} & own
    used |= {column.source_name} & personal if column.is_cast else set()
    if used:
        yield Problem(
            "GB-1031", at, "The column is made from personal data and is not marked as such.", ", ".join(sorted(used)), "tags: [pii] and a mask"
        )


def _raw_kept(contract: Contract, column: Column, at: str) -> Iterator[Problem]:
    kept = {other.raw_of for other in contract.columns if other.raw_of}
    if column.on_unreadable == "warn" and column.name not in kept:
        yield Problem(
            "GB-1041",
            at,
            "Unreadable text of this column is published as empty and kept nowhere.",
            valid=f"a string column with rawOf: {column.name}",
        )
    if column.raw_of is not None and (column.raw_of not in contract.column_names or column.type != "string"):
        yield Problem(
            "GB-1041",
            f"{at}.rawOf",
            "The column keeps the raw text of no column, or is no text.",
            column.raw_of,
            closest(column.raw_of, contract.column_names),
        )


def _lineage(column: Column, book: Mapping[TableName, Contract], at: str) -> Iterator[Problem]:
    for source in column.lineage:
        table, _, name = source.rpartition(".")
        contract = next((other for known, other in book.items() if str(known) == table), None)
        if contract is None or name not in contract.column_names:
            yield Problem(
                "GB-1037",
                f"{at}.transformSourceObjects",
                "There is no such column.",
                source,
                closest(name, contract.column_names if contract else ()) or "layer.table.column",
            )


def _day_column(contract: Contract) -> Iterator[Problem]:
    for column in contract.columns:
        if column.is_partition and (column.type != "date" or column.name != contract.date_column):
            yield Problem(
                "GB-1045",
                f"{contract.path}: {column.name}",
                "Tables are partitioned by their business day only.",
                f"{column.type}",
                "the date column",
            )
