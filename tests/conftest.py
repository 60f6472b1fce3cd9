"""What all tests share: their order, their marks, their seed, and a browser where there is one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

HERE = Path(__file__).parent
# What starts a JVM of Spark, by the fixture that does; a module that does it by itself is marked `jvm`. One at a time is all that two cores carry.
JVM_FIXTURES = {"spark", "loaded", "fault_home"}
KINDS = ("unit", "spark", "integration", "faults")  # quick ones first, so that a slip is told in seconds
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

settings.register_profile("house", deadline=None, print_blob=True)  # a busy machine is no reason to fail
settings.load_profile("house")


def kind_of(item: pytest.Item) -> str:
    """The folder of ``tests`` that a test stands in."""
    return item.path.relative_to(HERE).parts[0]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its folder's name and run folder by folder; after pytest-randomly, which wraps this, and before xdist, which reads the groups.

    Several workers: all that needs a JVM is one worker's, which begins with it, for it takes longest; any other file is whoever's is free.
    """
    for item in items:
        if kind_of(item) in KINDS[1:]:
            item.add_marker(kind_of(item))
        if JVM_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("jvm")
        item.add_marker(pytest.mark.xdist_group("jvm" if item.get_closest_marker("jvm") else str(item.path.relative_to(HERE))))
    is_shared = "PYTEST_XDIST_WORKER" in os.environ
    items.sort(key=lambda item: (is_shared and item.get_closest_marker("jvm") is None, KINDS.index(kind_of(item))))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which seed this was, so that a failure can be had again."""
    seed = config.getoption("randomly_seed", None)
    if seed is not None:
        terminalreporter.write_line(f"seed {seed}: repeat with make test ARGS='--randomly-seed={seed}'")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium. In CI there has to be one; elsewhere the test is skipped without it."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None and os.environ.get("CI") == "true":
        pytest.fail("CI has no Chromium: .ci/run installs it")
    if path is None:
        pytest.skip("no Chromium on this machine (apt-get install chromium, or name one by CHROMIUM)")
    return path
