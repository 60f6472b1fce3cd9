"""The landing zone for a host that has no such folder: in Azure it is a volume of the workspace, and a container of storage for whoever is outside.

What is looked at is brought into a folder of the home, where the same code looks at it as anywhere: names, sizes and times of all files of a feed, and the
first bytes of those that are observed; or some days' files whole. Nothing is written to the landing zone. The storage is asked by deltalake's file system,
which signs in as for the lake.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from globalbev_assets.errors import TransientError
from resources.landing_walk import QUIET_S
from resources.settings import Settings

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo

LARGEST = 64 * 1024 * 1024
"""A file that is larger is not brought whole."""
_PARTIAL = ".fetching"
# A sensor asks a few containers, and has a minute for all that it does.
_PATIENCE = {"connect_timeout": "3s", "timeout": "20s", "max_retries": "2", "retry_timeout": "20s"}
_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Brought:
    """What was brought of some days.

    Attributes:
        root: the landing zone with it.
        large: files of those days that are complete and too large to be brought, by their paths.
    """

    root: Path
    large: tuple[str, ...] = ()


@dataclass(frozen=True)
class LandingMirror:
    """The landing zone at a URL, in a folder.

    Attributes:
        url: of the storage, such as ``abfss://landing@account.dfs.core.windows.net``.
        folder: where it is mirrored.
    """

    url: str
    folder: Path

    @classmethod
    def of(cls, settings: Settings) -> LandingMirror | None:
        """That of an installation; None where the landing zone is a folder here, or nobody said where else it is."""
        if settings.landing_url is None or settings.landing_root.is_dir():
            return None
        return cls(settings.landing_url, settings.home / "landing-mirror")

    def names(self, feed: str) -> Path:
        """A landing zone with this feed: each file has its name, size and time, and no content until :meth:`fill`.

        Raises:
            TransientError: GB-1324, when the storage does not answer.
        """
        root = self.folder / "names"
        self._synchronised(root, feed, self._listed(feed), _placeholder)
        return root

    def days(self, feed: str, days: Collection[date], at: datetime) -> Brought:
        """A landing zone with this feed's files of some days, whole, and with all that may be an earlier delivery of the same bytes.

        Raises:
            TransientError: GB-1324, when the storage does not answer.
        """
        root, listed = self.folder / "days", self._listed(feed)
        folders = {f"{feed}/{day}" for day in days}
        wanted = [file for file in listed if file.path.rpartition("/")[0] in folders]
        sizes, marked = {file.size for file in wanted if file.size}, {file.path for file in wanted}
        brought = [file for file in listed if file.size <= LARGEST and (file.path in marked or file.size in sizes)]
        self._synchronised(root, feed, brought, lambda file, path: self._fetch(file.path, path, file.size))
        large = [file for file in wanted if file.size > LARGEST]
        is_complete = {file.path: f"{file.path}.done" in marked or at.timestamp() - file.mtime_ns / 1e9 >= QUIET_S for file in large}
        return Brought(root, tuple(sorted(path for path, is_it in is_complete.items() if is_it)))

    def fill(self, path: Path, most_bytes: int) -> None:
        """Bring the first bytes of a file of :meth:`names`; its size and time stay. A file that is gone by now stays as it is."""
        kept = path.stat()
        try:
            self._fetch(path.relative_to(self.folder / "names").as_posix(), path, min(most_bytes, kept.st_size))
        except FileNotFoundError:
            return
        os.truncate(path, kept.st_size)
        os.utime(path, ns=(kept.st_mtime_ns, kept.st_mtime_ns))

    def _synchronised(self, root: Path, feed: str, files: Collection[FileInfo], bring: Callable[[FileInfo, Path], None]) -> None:
        """Let the feed's folder have these files and no others; one that is as it was is left alone."""
        wanted = {root / file.path: file for file in files}
        (root / feed).mkdir(parents=True, exist_ok=True)
        for path in [found for found in (root / feed).rglob("*") if found.is_file() and found not in wanted]:
            path.unlink(missing_ok=True)
        for path, file in wanted.items():
            if not _is_as(path, file):
                path.parent.mkdir(parents=True, exist_ok=True)
                try:
                    bring(file, path)
                except FileNotFoundError:  # taken away since it was listed
                    continue
                os.utime(path, ns=(file.mtime_ns, file.mtime_ns))

    def _listed(self, folder: str) -> list[FileInfo]:
        from pyarrow import fs  # noqa: PLC0415

        with self._answering():
            found = fs.PyFileSystem(self._handler()).get_file_info(fs.FileSelector(folder, recursive=True, allow_not_found=True))
        return [file for file in found if file.type == fs.FileType.File and _is_safe(file.path)]

    def _fetch(self, path: str, target: Path, most_bytes: int) -> None:
        """The first bytes of a file, complete or not at all."""
        from pyarrow import fs  # noqa: PLC0415

        partial = target.with_name(f".{target.name[:200]}{_PARTIAL}")
        with self._answering(), fs.PyFileSystem(self._handler()).open_input_file(path) as source, partial.open("wb") as file:
            left = most_bytes
            while left > 0 and (chunk := source.read(min(left, _CHUNK))):
                file.write(chunk)
                left -= len(chunk)
        shutil.move(partial, target)

    def _handler(self) -> Any:
        from deltalake.fs import DeltaStorageHandler  # noqa: PLC0415

        return DeltaStorageHandler(self.url, dict(_PATIENCE))

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Whatever the storage raises but that a file is gone becomes GB-1324, without the address that its text may hold."""
        from deltalake.exceptions import DeltaError  # noqa: PLC0415

        try:
            yield
        except FileNotFoundError:
            raise
        except (DeltaError, OSError, ValueError) as error:
            raise TransientError(
                "GB-1324",
                "The storage of the landing zone does not answer.",
                got=f"{type(error).__name__} at {self.url}",
                valid="a container that this process may list and read",
                todo="Look at the role of the managed identity on the container and at the private endpoint; GLOBALBEV_LANDING_URL says which container.",
            ) from None


def _placeholder(file: FileInfo, path: Path) -> None:
    """A file of that size without content, which takes no room."""
    path.unlink(missing_ok=True)
    with path.open("wb") as made:
        made.truncate(file.size)


def _is_as(path: Path, file: FileInfo) -> bool:
    try:
        known = path.stat()
    except OSError:
        return False
    return (known.st_size, known.st_mtime_ns) == (file.size, file.mtime_ns)


def _is_safe(path: str) -> bool:
    """Whether a name of somebody's can be a name here: no way out of the folder, and no file of ours."""
    parts = PurePosixPath(path).parts
    return all(part not in ("..", "/") and "\0" not in part and len(part.encode()) < 250 for part in parts) and not path.endswith(_PARTIAL)
