"""The files of `deploy/terraform`, read: which modules there are and which types of resources they use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

TERRAFORM = Path(__file__).parents[1] / "terraform"
_OPENING = re.compile(r'^(resource|data) "(\w+)" "\w+" \{', re.MULTILINE)


def module_folders(root: Path) -> list[Path]:
    """Every folder with Terraform files, by name."""
    return sorted({path.parent for path in files(root)})


def files(root: Path) -> Iterator[Path]:
    """All Terraform files."""
    return (path for path in sorted(root.rglob("*.tf")) if ".terraform" not in path.parts)


def resource_types(root: Path) -> set[str]:
    """The types of all resources, and of data sources with ``data.`` before them."""
    found = (match for path in files(root) for match in _OPENING.findall(path.read_text(encoding="utf-8")))
    return {f"data.{name}" if kind == "data" else name for kind, name in found}
