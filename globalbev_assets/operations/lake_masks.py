"""Masks for readers: what an analyst sees of a column that a contract marks as personal.

Built from DuckDB's expressions, never from text. NULL stays NULL, so that a filter on ``is null`` still tells the truth.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from globalbev_assets.contracts.masking import HASH_CHARACTERS, HIDDEN, masks_of
from resources.atomic_files import beside

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, Expression

__all__ = ["add_hash_function", "masked", "masks_of", "salt_of"]

HASH = "globalbev_hash"


def add_hash_function(connection: DuckDBPyConnection, salt: str) -> None:
    """Give the connection the function that hashes for :func:`masked`.

    Args:
        connection: the reader's.
        salt: of this installation, so that hashes cannot be looked up in a list of all phone numbers. It stands in no view, plan or catalog, where each
            reader would see it.
    """
    import pyarrow as pa  # noqa: PLC0415
    from duckdb.func import PythonUDFType  # noqa: PLC0415

    def hashed(texts):  # type: ignore[no-untyped-def]
        return pa.array([None if text is None else _digest(f"{salt}{text}") for text in texts.to_pylist()], pa.string())

    connection.create_function(HASH, hashed, ["VARCHAR"], "VARCHAR", type=PythonUDFType.ARROW)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_CHARACTERS]


def masked(name: str, kind: str, mask: str | None) -> Expression:
    """The column as a reader sees it.

    Args:
        name: of the column.
        kind: its type, as DuckDB names it.
        mask: of the contract; None: the value itself.
    """
    from duckdb import CaseExpression, ColumnExpression, ConstantExpression, FunctionExpression  # noqa: PLC0415

    column = ColumnExpression(name)
    if mask is None:
        return column
    text = column.cast("VARCHAR")
    if mask == "year" and kind.startswith(("DATE", "TIMESTAMP")):
        shown = FunctionExpression("date_trunc", ConstantExpression("year"), column).cast(kind)
    elif mask == "sha256_salted":
        shown = FunctionExpression(HASH, text)
    elif mask == "prefix3":
        shown = FunctionExpression("concat", FunctionExpression("left", text, ConstantExpression(3)), ConstantExpression(HIDDEN))
    else:
        shown = ConstantExpression(HIDDEN)
    return CaseExpression(column.isnotnull(), shown).alias(name)


def salt_of(home: Path) -> str:
    """The salt of this installation, made on first use for its owner alone; a home that cannot be written gives another one each time."""
    path = home / "state" / "mask-salt"
    kept = _kept(path)
    if kept:
        return kept
    made = secrets.token_hex(16)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        _make(path, made)
    return _kept(path) or made


def _kept(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _make(path: Path, salt: str) -> None:
    """Put a whole file into its place, under a lock: two salts in one installation would give one number two hashes."""
    with FileLock(f"{path}.lock", timeout=10):
        if not _kept(path):  # somebody was faster
            draft = beside(path)
            try:
                with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                    file.write(salt)
                    file.flush()
                    os.fsync(file.fileno())
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)
