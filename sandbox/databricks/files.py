"""DBFS and volumes as folders: whole files only, so that a reader never sees half of one."""

from __future__ import annotations

import base64
import binascii
import itertools
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from .answers import ApiError, invalid, not_found

BLOCK_BYTES = 1024 * 1024


@dataclass
class _Open:
    path: Path
    blocks: list[bytes] = field(default_factory=list)


class Files:
    """One tree of files. The API's paths are absolute and stay inside the folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._open: dict[int, _Open] = {}
        self._being_read: dict[tuple[str, str], bytes] = {}
        self._handles = itertools.count(1)
        self._lock = threading.Lock()

    def local(self, path: str) -> Path:
        """The file of an API path such as ``dbfs:/a/b`` or ``/a//b``."""
        parts = [part for part in PurePosixPath("/" + path.removeprefix("dbfs:").lstrip("/")).parts if part != "/"]
        if ".." in parts:
            raise invalid(f"Path is invalid: {path}")
        return self.root.joinpath(*parts)

    def create(self, path: str, *, overwrite: bool) -> int:
        """Open a file for blocks; nothing is there before it is closed."""
        target = self.local(path)
        if target.exists() and not overwrite:
            raise ApiError(400, "RESOURCE_ALREADY_EXISTS", f"A file or directory already exists at the input path {path}.")
        with self._lock:
            handle = next(self._handles)
            self._open[handle] = _Open(target)
        return handle

    def name_of(self, handle: int) -> str:
        """The API path of an open file, for the log."""
        opened = self._open.get(handle)
        return "/" + str(opened.path.relative_to(self.root)) if opened else ""

    def add_block(self, handle: int, data: str) -> None:
        """Append a block of at most a mebibyte."""
        try:
            block = base64.b64decode(data, validate=True)
        except binascii.Error:
            raise invalid("Data is not base64.") from None
        if len(block) > BLOCK_BYTES:
            raise ApiError(400, "MAX_BLOCK_SIZE_EXCEEDED", f"The maximum block size is {BLOCK_BYTES} bytes, got {len(block)}.")
        self._of(handle).blocks.append(block)

    def close(self, handle: int) -> Path:
        """Let the file be there, whole."""
        opened = self._of(handle)
        del self._open[handle]
        self.write(opened.path, b"".join(opened.blocks))
        return opened.path

    def write(self, target: Path, content: bytes) -> None:
        """Write a whole file; a reader sees the one before until then."""
        target.parent.mkdir(parents=True, exist_ok=True)
        staged = target.with_name(f".{target.name}.{threading.get_ident()}")
        staged.write_bytes(content)
        staged.replace(target)

    def read(self, path: str, offset: int, length: int, *, reader: str = "") -> bytes:
        """A part of a file; who reads it block by block from its beginning gets the blocks of one content, also when it is replaced meanwhile."""
        if length > BLOCK_BYTES:
            raise ApiError(400, "MAX_READ_SIZE_EXCEEDED", f"The maximum read size is {BLOCK_BYTES} bytes.")
        target, begun = self.local(path), (reader, path)
        if offset and begun in self._being_read:
            content = self._being_read[begun]
        elif target.is_file():
            content = target.read_bytes()
        else:
            raise not_found(f"No file or directory exists on path {path}.")
        if offset + length >= len(content):
            self._being_read.pop(begun, None)
        elif not offset:
            self._being_read[begun] = content
        return content[offset : offset + length]

    def status(self, path: str) -> dict[str, object]:
        """What ``get-status`` and ``list`` say of a path."""
        target = self.local(path)
        if not target.exists():
            raise not_found(f"No file or directory exists on path {path}.")
        found = target.stat()
        size = 0 if target.is_dir() else found.st_size
        return {
            "path": "/" + str(target.relative_to(self.root)),
            "is_dir": target.is_dir(),
            "file_size": size,
            "modification_time": int(found.st_mtime * 1000),
        }

    def children(self, path: str) -> list[dict[str, object]]:
        """The statuses of a folder's files."""
        target = self.local(path)
        if not target.exists():
            raise not_found(f"No file or directory exists on path {path}.")
        found = sorted(target.iterdir()) if target.is_dir() else [target]
        return [self.status(str(child.relative_to(self.root))) for child in found if not child.name.startswith(".")]

    def remove(self, path: str, *, recursive: bool = False) -> None:
        """Delete a file or a folder."""
        target = self.local(path)
        if target.is_dir():
            for child in sorted(target.rglob("*"), reverse=True) if recursive else []:
                child.rmdir() if child.is_dir() else child.unlink()
            try:
                target.rmdir()
            except OSError:
                raise ApiError(400, "IO_ERROR", f"Directory {path} is not empty.") from None
        elif target.exists():
            os.unlink(target)  # noqa: PTH108  a link too
        else:
            raise not_found(f"No file or directory exists on path {path}.")

    def _of(self, handle: int) -> _Open:
        if handle not in self._open:
            raise not_found(f"Handle {handle} does not exist.")
        return self._open[handle]
