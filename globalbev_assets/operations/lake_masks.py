"""Masks for readers: what an analyst sees of a column that a contract marks as personal.

Built from DuckDB's expressions, never from text. NULL stays NULL, so that a filter on ``is null`` still tells the truth.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from globalbev_assets.contracts.masking import HASH_CHARACTERS, HIDDEN, masks_of
from resources.atomic_files import beside

if TYPE_CHECKING:
    from duckdb import Expression

__all__ = ["masked", "masks_of", "salt_of"]


def masked(name: str, kind: str, mask: str | None, salt: str) -> Expression:
    """The column as a reader sees it.

    Args:
        name: of the column.
        kind: its type, as DuckDB names it.
        mask: of the contract; None: the value itself.
        salt: of this installation, so that hashes cannot be looked up in a list of all phone numbers.
    """
    from duckdb import CaseExpression, ColumnExpression, ConstantExpression, FunctionExpression  # noqa: PLC0415

    column = ColumnExpression(name)
    if mask is None:
        return column
    text = column.cast("VARCHAR")
    if mask == "year" and kind.startswith(("DATE", "TIMESTAMP")):
        shown = FunctionExpression("date_trunc", ConstantExpression("year"), column).cast(kind)
    elif mask == "sha256_salted":
        digest = FunctionExpression("sha256", FunctionExpression("concat", ConstantExpression(salt), text))
        shown = FunctionExpression("left", digest, ConstantExpression(HASH_CHARACTERS))
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
