"""One workspace a test, in a folder whose path the launcher's own exclusions do not match."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.launched.ground import Rehearsal, rehearsal


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """No part of its path says `pytest`, which the launcher leaves out of its zip."""
    with tempfile.TemporaryDirectory(prefix="globalbev-launched-") as folder:
        yield Path(folder)


@pytest.fixture
def launched(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rehearsal]:
    with rehearsal(short_folder, monkeypatch) as found:
        yield found
