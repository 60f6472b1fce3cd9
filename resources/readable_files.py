"""Delivered files in places and in an encoding that Spark reads as they are: a sender's names hold blanks, brackets, umlauts, plus signs.

Spark takes ``[1]``, ``{}``, ``*`` and ``?`` in a path for patterns, passes over names that start with ``_`` or ``.``, and writes some letters otherwise
than Python does when it says which file a record came from. A file whose path has such a thing is linked into the step's own folder under a number.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from globalbev_assets.errors import TerminalError
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


def readable(files: Sequence[ReadyFile], folder: Path, *, is_text: bool) -> Iterator[ReadableFile]:
    """Each file where Spark can read it: where it lies, or linked into ``folder``.

    Args:
        files: what was delivered.
        folder: the step's own; made when it is needed, removed by the step.
        is_text: that Spark reads them as plain text, which it does in UTF-8 alone: what is written otherwise is written anew.

    Raises:
        TransientError: GB-1321, when a file is not there any more, or the folder cannot be written.
    """
    for number, file in enumerate(files):
        path = file.path.absolute()  # a link stays in it: Spark does not follow it in the names either
        try:
            if is_text and _is_foreign(file):
                path = _rewritten(file, _place(folder, number, file))
            elif not is_plain(path):
                path = _linked(path, _place(folder, number, file))
        except OSError as error:
            raise unreadable(error, folder) from error
        yield ReadableFile(file, str(path), f"file://{path}")


def remote(files: Sequence[ReadyFile]) -> Iterator[ReadableFile]:
    """The files as a cluster reads them, from where they were delivered.

    Raises:
        TerminalError: GB-1325, for a JSON file in another encoding than UTF-8, which Spark reads as text.
    """
    for file in files:
        if not file.delimiter and _is_foreign(file):
            raise TerminalError(
                "GB-1325",
                "A cluster reads JSON files in UTF-8 alone.",
                got=f"{file.feed}/{file.day}/{file.name} in {file.encoding}",
                valid="UTF-8",
                todo="Ask for the file in UTF-8; delivered again under the same name it takes this one's place. Or load the day with the local Spark.",
            )
        yield ReadableFile(file, str(file.path), file.path.resolve().as_uri())


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
