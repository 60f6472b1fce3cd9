"""Delivered files in places and in an encoding that Spark reads as they are: a sender's names hold blanks, brackets, umlauts, plus signs.

Spark takes ``[1]``, ``{}``, ``*`` and ``?`` in a path for patterns, passes over names that start with ``_`` or ``.``, and writes some letters otherwise
than Python does when it says which file a record came from. A file whose path has such a thing is linked into the step's own folder under a number,
or, on a cluster, whose volumes know no links, copied.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from resources.file_feed import ReadyFile
from resources.landing_errors import unreadable

_PLAIN = re.compile(r"[A-Za-z0-9/._-]+\Z")
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ReadableFile:
    """A delivered file and where Spark reads it; ``uri`` is what Spark then says that it read."""

    file: ReadyFile
    path: str
    uri: str


def working_folder(home: Path, name: str) -> Path:
    """Where a step keeps what it reads: ``<home>/staging/<name>``, or a folder of its own among the machine's where the home's path is none for Spark."""
    folder = home / "staging" / name
    if is_plain(folder):
        return folder
    machine = next((place for place in (tempfile.gettempdir(), "/tmp") if is_plain(Path(place))), None)  # noqa: S108  mkdtemp's own, for us alone
    return Path(tempfile.mkdtemp(prefix=f"globalbev-{os.getpid()}-", dir=machine))


def is_plain(path: Path) -> bool:
    """Whether Spark takes the path as it stands, and says it as it stands."""
    return _PLAIN.match(str(path)) is not None and not path.name.startswith(("_", "."))


def readable(files: Sequence[ReadyFile], folder: Path, *, is_text: bool, is_remote: bool = False) -> Iterator[ReadableFile]:
    """Each file where Spark can read it: where it lies, or under a number in ``folder``.

    Args:
        files: what was delivered.
        folder: the step's own; made when it is needed, removed by the step.
        is_text: that Spark reads them as plain text, which it does in UTF-8 alone: what is written otherwise is written anew.
        is_remote: that a cluster reads them, by paths without links in them.

    Raises:
        TransientError: GB-1321, when a file is not there any more, or the folder cannot be written.
    """
    for number, file in enumerate(files):
        # Locally a link stays in it: Spark does not follow it in the names either.
        path = file.path.resolve() if is_remote else file.path.absolute()
        try:
            if is_text and _is_foreign(file):
                path = _rewritten(file, _place(folder, number, file))
            elif not is_plain(path):
                place = _place(folder, number, file)
                path = Path(shutil.copyfile(path, place)) if is_remote else _linked(path, place)
        except OSError as error:
            raise unreadable(error, folder) from error
        yield ReadableFile(file, str(path), f"file://{path}")


def _is_foreign(file: ReadyFile) -> bool:
    return file.encoding not in ("", "UTF-8")


def _place(folder: Path, number: int, file: ReadyFile) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{number}{file.path.suffix.lower()}"


def _linked(path: Path, place: Path) -> Path:
    """The file under another name. No hard link, which would change the file's times: the zone is others', and its files would be inspected again."""
    place.unlink(missing_ok=True)
    place.symlink_to(path)
    return place


def _rewritten(file: ReadyFile, place: Path) -> Path:
    with file.path.open(encoding=file.encoding, newline="") as read, place.open("w", encoding="utf-8", newline="") as written:
        while text := read.read(_CHUNK):
            written.write(text)
    return place
