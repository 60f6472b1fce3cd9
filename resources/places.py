"""Where a lake lies: in a folder of this machine, or behind a URL."""

from __future__ import annotations

from pathlib import Path


def is_local(root: str) -> bool:
    """Whether a lake's root is a folder of this machine."""
    return "://" not in root or root.startswith("file://")


def local_path(root: str) -> Path:
    """The folder of a local root."""
    return Path(root.removeprefix("file://"))
