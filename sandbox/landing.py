"""Deliveries: files as other systems drop them, whole or not, and what is wrong with a file as such."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from partitions.days import now

from .ledger import Defect, Outcome

NEVER_QUIET = timedelta(days=3650)


@dataclass
class Landing:
    """The landing zone of one feed, and the defects of what was delivered to it."""

    root: Path
    feed: str
    defects: list[Defect] = field(default_factory=list)

    def deliver(self, day: date, name: str, content: bytes, *, has_marker: bool = True) -> Path:
        """Drop a complete file: with a ``.done`` beside it, or else quiet since the morning of its day."""
        target = self.root / self.feed / str(day) / name
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(target, content, datetime.combine(day, time(6), UTC))
        if has_marker:
            _write(target.with_name(name + ".done"), b"", datetime.combine(day, time(6, 1), UTC))
        return target

    def spoil(self, day: date, name: str, content: bytes, kind: str, outcome: Outcome = "dead_letter") -> None:
        """Drop a file that is wrong as a whole."""
        self.deliver(day, name, content)
        self.note(day, name, kind, outcome)

    def still_writing(self, day: date, name: str, content: bytes) -> None:
        """Drop a file that somebody is still writing: no marker, and a time that is never 30 s old (the writer's clock runs ahead)."""
        target = self.deliver(day, name, content, has_marker=False)
        _touch(target, now() + NEVER_QUIET)
        self.note(day, name, "incomplete", "waiting")

    def note(self, day: date, name: str, kind: str, outcome: Outcome, *, rows: int | None = None) -> None:
        """Write a file's own line of the ledger."""
        key: dict[str, object] = {"file": f"{self.feed}/{day}/{name}"} | ({"rows": rows} if rows is not None else {})
        self.defects.append(Defect(self.feed, key, kind, outcome, "ops.landing_files", day=day))

    def spoil_csv(self, days: Sequence[date], stem: str, header: Sequence[str], row: Sequence[object]) -> None:
        """Drop one file of each kind that no reader should take, and an empty-handed one that it should, on so many days."""
        whole = csv_bytes(header, [row] * 5)
        self.spoil(days[0], f"{stem}_utf16.csv", whole.decode().encode("utf-16"), "wrong_encoding")
        self.spoil(days[1], f"{stem}_pipe.csv", csv_bytes(header, [row] * 5, delimiter="|"), "wrong_delimiter")
        self.spoil(days[2], f"{stem}_empty.csv", b"", "empty")
        self.spoil(days[3], f"{stem}_corrupt.csv", bytes((number * 89 + 7) % 256 for number in range(4096)), "corrupt")
        self.spoil(days[4], f"{stem}_header.csv", csv_bytes(header, []), "header_only", "published")


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[object]], *, delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    """Rows as CSV."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue().encode(encoding)


def count_files(root: Path) -> dict[str, int]:
    """Delivered files by feed, markers not counted."""
    if not root.is_dir():
        return {}
    return {
        feed.name: sum(1 for file in feed.rglob("*") if file.is_file() and file.suffix != ".done") for feed in sorted(root.iterdir()) if feed.is_dir()
    }


def _write(target: Path, content: bytes, moment: datetime) -> None:
    target.write_bytes(content)
    _touch(target, moment)


def _touch(target: Path, moment: datetime) -> None:
    os.utime(target, (moment.timestamp(), moment.timestamp()))
