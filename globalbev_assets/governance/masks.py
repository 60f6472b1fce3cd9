"""Masks and row filters as SQL functions, and the policies that attach them to tagged columns.

A policy's function only masks: whom it does not concern stands in the policy's EXCEPT, because a look at groups inside the function would be
done row by row. The *guarded* twin, with that look inside, is for ``SET MASK`` in workspaces without policies. One column can have only one of both.
A function runs with its owner's rights, so that it reads the salt and the list of markets, which no analyst may.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from globalbev_assets.contracts.masking import HASH_CHARACTERS, HIDDEN, masks_of
from globalbev_assets.contracts.model import Column, Contract
from globalbev_assets.contracts.types import parse_type
from globalbev_assets.governance.principals import Groups
from globalbev_assets.governance.sql import Sql, call, column, commas, described, listed, number, principal, sql, text

Enforcement = Literal["policies", "columns"]
MASK_TAG, FILTER_TAG = "globalbev_mask", "globalbev_row_filter"
SALT_TABLE, ACCESS_TABLE = "mask_salt", "market_access"
MARKET_FILTER = "row_of_market"
CONTRACT_FILTER_TAG = "row_filter"
"""What a contract tags the column with by which its rows are filtered."""

VALUE, MARKET = column("value"), column("market")
Names = Callable[[str], Sql]


@dataclass(frozen=True, slots=True)
class Mask:
    """A mask as a function of one value: its SQL type, what it does in words, and what it makes of a value that is there."""

    name: str
    kind: str
    description: str
    shown: Callable[[Names], Sql]


def _hashed(names: Names) -> Sql:
    salt = listed([sql("SELECT", call("max", column("salt")), "FROM", names(SALT_TABLE))])
    return call("left", call("sha2", call("concat", salt, VALUE), number(256)), number(HASH_CHARACTERS))


MASKS: Mapping[str, Mask] = {
    mask.name: mask
    for mask in (
        Mask("redact", "STRING", "Three asterisks instead of the value.", lambda _: text(HIDDEN)),
        Mask("sha256_salted", "STRING", "A salted hash, the same for the same value; nothing while there is no salt.", _hashed),
        Mask("prefix3", "STRING", "The first three characters.", lambda _: call("concat", call("left", VALUE, number(3)), text(HIDDEN))),
        Mask("year_date", "DATE", "The first day of the year.", lambda _: call("trunc", VALUE, text("YEAR"))),
        Mask("year_timestamp", "TIMESTAMP", "The first instant of the year.", lambda _: call("date_trunc", text("YEAR"), VALUE)),
        Mask("empty", "STRING", "Nothing, for values that no text can stand for, such as numbers.", lambda _: sql("NULL")),
    )
}


def effective_masks(contract: Contract) -> dict[str, Mask]:
    """The functions that hide the personal columns of a table: the contract's masks, for the columns' types."""
    return {name: MASKS[_function_of(mask, contract.column(name))] for name, mask in masks_of(contract).items()}


def _function_of(mask: str, of: Column) -> str:
    kind = parse_type(of.type).name
    if mask == "year" and kind in {"date", "timestamp"}:
        return f"year_{kind}"
    if kind != "string":
        return "empty"
    return mask if mask in MASKS else "redact"


def mask_function(mask: Mask, names: Names) -> Sql:
    """CREATE FUNCTION of what a policy applies; NULL stays NULL, so that a filter on ``is null`` still tells the truth."""
    return _mask_function(mask, names, f"mask_{mask.name}", sql("CASE WHEN", VALUE, "IS NULL THEN NULL"))


def guarded_function(mask: Mask, names: Names, groups: Groups) -> Sql:
    """CREATE FUNCTION of what ``SET MASK`` applies: who is in one of two groups gets the value itself."""
    start = sql("CASE WHEN", VALUE, "IS NULL THEN NULL WHEN", _is_member(groups, "pii-readers", "etl"), "THEN", VALUE)
    return _mask_function(mask, names, f"guarded_{mask.name}", start)


def filter_functions(names: Names, groups: Groups) -> Iterator[Sql]:
    """CREATE FUNCTION of the market filter, plain and guarded."""
    granted = column("granted")
    is_listed = sql(
        "SELECT", number(1), "FROM", names(ACCESS_TABLE), "AS", granted,
        "WHERE", _of(granted, "market_id"), "=", MARKET, "AND", _of(granted, "principal"), "=", call("current_user"),
    )  # fmt: skip
    exists = sql("EXISTS", listed([is_listed]))
    yield _filter(names, MARKET_FILTER, exists)
    yield _filter(names, f"guarded_{MARKET_FILTER}", sql(_is_member(groups, "all-markets", "engineers", "etl"), "OR", exists))


def policies(catalog: Sql, contracts: Iterable[Contract], names: Names, groups: Groups) -> Iterator[Sql]:
    """CREATE POLICY of the catalog: one a mask that some column has, one for the rows; a new table falls under them with its tags."""
    everything = list(contracts)
    used = {mask.name: mask for contract in everything for mask in effective_masks(contract).values()}
    for name in sorted(used):
        yield sql(
            "CREATE OR REPLACE POLICY", column(f"mask_{name}"), "ON CATALOG", catalog, "COMMENT", described(used[name].description),
            "COLUMN MASK", names(f"mask_{name}"), "TO", principal("account users"),
            "EXCEPT", _groups(groups, "pii-readers", "etl"),
            "FOR TABLES MATCH COLUMNS", call("has_tag_value", text(MASK_TAG), text(name)), "AS", column("masked"), "ON COLUMN", column("masked"),
        )  # fmt: skip
    if any(filtered_column(contract) for contract in everything):
        yield sql(
            "CREATE OR REPLACE POLICY", column(MARKET_FILTER), "ON CATALOG", catalog, "COMMENT", described("Only the rows of markets that the reader has."),
            "ROW FILTER", names(MARKET_FILTER), "TO", principal("account users"),
            "EXCEPT", _groups(groups, "all-markets", "engineers", "etl"),
            "FOR TABLES MATCH COLUMNS", call("has_tag_value", text(FILTER_TAG), text("market")), "AS", column("market"),
            "USING COLUMNS", listed([column("market")]),
        )  # fmt: skip


def column_masks(contract: Contract, table: Sql, names: Names) -> Iterator[Sql]:
    """``SET MASK`` and ``SET ROW FILTER`` of one table, where policies cannot be had."""
    for name, mask in effective_masks(contract).items():
        yield sql("ALTER TABLE", table, "ALTER COLUMN", column(name), "SET MASK", names(f"guarded_{mask.name}"))
    filtered = filtered_column(contract)
    if filtered:
        yield sql("ALTER TABLE", table, "SET ROW FILTER", names(f"guarded_{MARKET_FILTER}"), "ON", listed([column(filtered)]))


def filtered_column(contract: Contract) -> str | None:
    """The column by which the table's rows are filtered, if its contract tags one."""
    return next((found.name for found in contract.columns if CONTRACT_FILTER_TAG in found.tags), None)


def _mask_function(mask: Mask, names: Names, name: str, start: Sql) -> Sql:
    kind = sql(mask.kind)
    body = sql(start, "ELSE", mask.shown(names), "END")
    return sql(
        "CREATE OR REPLACE FUNCTION", names(name), listed([sql(VALUE, kind)]), "RETURNS", kind, "COMMENT", described(mask.description), "RETURN", body
    )


def _filter(names: Names, name: str, body: Sql) -> Sql:
    head = sql("CREATE OR REPLACE FUNCTION", names(name), listed([sql(MARKET, "STRING")]), "RETURNS BOOLEAN COMMENT")
    return sql(head, text("Whether the reader may see rows of that market."), "RETURN", body)


def _groups(groups: Groups, *roles: str) -> Sql:
    return commas(principal(groups.role(role)) for role in roles)


def _is_member(groups: Groups, *roles: str) -> Sql:
    checks = [call("is_account_group_member", text(groups.role(role))) for role in roles]
    return Sql(f"({' OR '.join(map(str, checks))})")


def _of(owner: Sql, name: str) -> Sql:
    return Sql(f"{owner}.{column(name)}")
