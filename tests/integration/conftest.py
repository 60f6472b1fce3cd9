"""The lake of the session, and copies of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.lakes import Lake, copied, make_lake, remove_lake, settings_of


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """The lake, made and backfilled once a session; it is not this process's lake until ``lake`` makes it so.

    With ``GLOBALBEV_TEST_LAKE=<folder>`` it is kept there for the next session: for whoever writes these tests.
    """
    kept = os.environ.get("GLOBALBEV_TEST_LAKE")
    made = make_lake(Path(kept) if kept else tmp_path_factory.mktemp("lake"))
    with settings_of(made):
        if not made.tables():
            made = replace(made, results=made.backfill(made.days))
    yield made
    if not kept:
        remove_lake(made)


@pytest.fixture(scope="module")
def lake(loaded: Lake) -> Iterator[Lake]:
    """The session's lake, to be read only."""
    with settings_of(loaded):
        yield loaded


@pytest.fixture(scope="module")
def own_lake(loaded: Lake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """A copy of lake and sources for one module, which may change them."""
    folder: Path = tmp_path_factory.mktemp("own")
    with copied(loaded, folder) as copy:
        yield copy
