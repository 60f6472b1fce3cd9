"""The answer to a query, written: a table for a person, CSV or one JSON document for a program."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from globalbev_assets.operations.lake_sql import Answer
from globalbev_assets.operations.output import console

if TYPE_CHECKING:
    from rich.table import Table

Form = Literal["table", "csv", "json"]
MOST_ROWS = 500
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UBIGINT", "DECIMAL", "DOUBLE", "FLOAT")


def write_answer(answer: Answer, form: Form, masked: Iterable[str] = ()) -> None:
    """Write it to stdout. ``masked`` are the columns that the JSON document says are masked."""
    if form == "csv":
        _write_csv(answer)
    elif form == "json":
        _write_json(answer, masked)
    else:
        _write_table(answer)


def text_of(value: Any) -> str:
    """A value as text: times in UTC, decimals exact, nested values as JSON."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ").removesuffix("+00:00") + ("Z" if value.tzinfo else "")
    if isinstance(value, dict | list):
        return json.dumps(value, default=text_of, ensure_ascii=False)
    if isinstance(value, bytes):
        return value.hex()
    return str(value).lower() if isinstance(value, bool) else str(value)


def _write_csv(answer: Answer) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(answer.columns)
    for batch in answer.batches:
        writer.writerows(["" if value is None else text_of(value) for value in row] for row in batch)


def _write_json(answer: Answer, masked: Iterable[str]) -> None:
    """``{"columns": {name: type}, "masked": [...], "rows": [{...}]}``, a row a line; decimals are strings, for JSON's numbers are not exact."""
    out, names = sys.stdout, list(answer.columns)
    out.write(f'{{"columns": {json.dumps(answer.columns)},\n "masked": {json.dumps(sorted(masked))},\n "rows": [')
    separator = "\n  "
    for batch in answer.batches:
        for row in batch:
            out.write(separator + json.dumps(dict(zip(names, row, strict=True)), default=text_of, ensure_ascii=False))
            separator = ",\n  "
    out.write("]}\n")


def _write_table(answer: Answer) -> None:
    shown, out = 0, console()
    table, has_more = _empty_table(answer), False
    for batch in answer.batches:
        has_more = shown + len(batch) > MOST_ROWS
        for row in batch[: MOST_ROWS - shown]:
            table.add_row(*["" if value is None else text_of(value) for value in row])
        shown += min(len(batch), MOST_ROWS - shown)
        if has_more:
            break
    out.print(table)
    out.print(f"the first {MOST_ROWS} rows; --csv gives all" if has_more else f"{shown:,} row{'' if shown == 1 else 's'}")


def _empty_table(answer: Answer) -> Table:
    from rich import box  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD if sys.stdout.isatty() else box.ASCII2, pad_edge=False)
    for name, kind in answer.columns.items():
        table.add_column(name, justify="right" if kind.startswith(_NUMBERS) else "left", overflow="fold")
    return table
