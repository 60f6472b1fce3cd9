"""How the commands for the person on call lay out what they print: plain tables, moments in UTC, runs by their first eight characters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from globalbev_assets.contracts.verdicts import plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def table(*columns: tuple[str, bool]) -> Table:
    """An empty table; a column is its name and whether it holds numbers. Texts fold, numbers never."""
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name, is_number in columns:
        made.add_column(name, justify="right" if is_number else "left", no_wrap=is_number, overflow="fold")
    return made


def next_steps(out: Console, steps: Iterable[str]) -> None:
    """What to do now, a line each; each is said once."""
    for step in dict.fromkeys(steps):
        out.print(f"do: {step}", soft_wrap=True)


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 row``, ``2,345 rows``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def short(run_id: str | None) -> str:
    """A run as the UI shows it."""
    return (run_id or "")[:8]


def moment(at: datetime | None) -> str:
    """A time to the second, in UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S}Z" if at else ""


def figure(number: Decimal | None) -> str:
    """A figure, thousands parted; empty when there is none."""
    if number is None:
        return ""
    return f"{int(number):,}" if number == number.to_integral_value() else plain(number)


def filled(columns: Sequence[str], rows: Sequence[Any], always: Sequence[str] = ()) -> list[str]:
    """The columns that say something: those of ``always``, and those that are not 0 or empty in every row."""
    return [name for name in columns if name in always or any(getattr(row, name) for row in rows)]
