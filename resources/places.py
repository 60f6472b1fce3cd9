"""Where a lake lies: in a folder of this machine, behind a URL, or under the names of a catalog."""

from __future__ import annotations

from pathlib import Path


class Catalogued(str):
    """A table by its name in Unity Catalog, ``catalog.layer.table``, which refuses the files of a masked table to whoever asks by path."""

    __slots__ = ()


def is_local(root: str) -> bool:
    """Whether a lake's root, or a table's place, is a folder of this machine."""
    return not isinstance(root, Catalogued) and ("://" not in root or root.startswith("file://"))


def local_path(root: str) -> Path:
    """The folder of a local root."""
    return Path(root.removeprefix("file://"))
