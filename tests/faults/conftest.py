"""One warm Spark server for the faults that do not kill it, in a home of the tests' own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.jars import ensure_jars
from resources.settings import Settings, load_settings
from resources.spark_server import stop_server

from .refunds import MEMORY, Refunds


@pytest.fixture(scope="session")
def fault_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with JARs; its server is ended after the tests."""
    home = tmp_path_factory.mktemp("faults") / "home"
    shutil.copytree(ensure_jars(load_settings().home)[0].parent, home / "jars")
    yield home
    stop_server(Settings(_env_file=None, home=home, spark_memory=MEMORY))


@pytest.fixture
def settings(fault_home: Path, tmp_path: Path) -> Settings:
    """The shared server's home with a lake of the test's own; a lease left behind by another test is none of this one's."""
    shutil.rmtree(fault_home / "leases", ignore_errors=True)
    return Settings(_env_file=None, home=fault_home, lake=str(tmp_path / "lake"), spark_memory=MEMORY)


@pytest.fixture(scope="package", autouse=True)
def one_compiler() -> Iterator[None]:
    """The servers of these tests live for minutes: their second compiler would be paid for and not used."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m")
        yield


@pytest.fixture(params=["by_day", pytest.param("by_key", marks=pytest.mark.slow)])
def refunds(settings: Settings, request: pytest.FixtureRequest) -> Refunds:
    """Both ways of publishing; merging differs in the table's commit only."""
    return Refunds(settings, request.param)
