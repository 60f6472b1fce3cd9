"""Files that are there whole or not at all: written beside their place, synced, then renamed into it."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path


def beside(path: Path) -> Path:
    """A hidden name in the same folder that nobody else uses."""
    return path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex[:12]}.tmp")


def write_text(path: Path, text: str) -> None:
    """Replace a file's content; a reader sees the old or the new, never a part."""
    temporary = beside(path)
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def append_line(path: Path, line: str) -> None:
    """Append a line to a file of lines; a stump that a full disk or a killed process left at its end is a line of its own then."""
    with path.open("a+b") as file:
        is_stump = False
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            is_stump = file.read(1) != b"\n"
        file.write(b"\n" * is_stump + line.encode() + b"\n")


def replace_folder(new: Path, place: Path) -> None:
    """Put a finished folder at ``place``, whatever stood there before; a crash in between leaves nothing there, never a mixture."""
    for _ in range(100):
        try:
            new.rename(place)
        except OSError:
            if not place.exists():
                raise
            old = beside(place)
            try:
                place.rename(old)
            except FileNotFoundError:
                continue  # another process has just moved it away
            shutil.rmtree(old, ignore_errors=True)
        else:
            return
    raise OSError(f"{place} is replaced by somebody else all the time")
