"""The architecture of ``docs/architecture.md``, held: what may import what, and what may stand nowhere."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("globalbev_assets", "resources", "partitions", "checks", "sensors", "sandbox")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
ALL_PYTHON = sorted({*MODULES, *(path for folder in ("tests", "benchmarks") for path in (ROOT / folder).rglob("*.py"))})
SAYS_NOTHING = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "base", "misc"}
MOST_LINES = 400
CLOCKS = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today")


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


def nodes(paths: list[Path]) -> Iterator[tuple[str, ast.AST]]:
    """Every syntax node with ``file:line`` of where it stands."""
    for path in paths:
        for node in parsed(path):
            yield f"{short(path)}:{getattr(node, 'lineno', 0)}", node


@cache
def parsed(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def under(*folders: str) -> list[Path]:
    return [path for path in MODULES if short(path).startswith(folders)]


def test_the_import_contracts_are_kept() -> None:
    """The layers of pyproject.toml, checked by import-linter as `make lint` does."""
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_part_of_the_assets_package_has_a_layer() -> None:
    """A new sub-package that no contract names would be free of all of them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    named = {name.strip() for contract in contracts if contract["id"] == "layers" for layer in contract["layers"] for name in layer.split(":")}
    found = {
        f"globalbev_assets.{path.stem}" for path in (ROOT / "globalbev_assets").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert found - named - {"globalbev_assets.__init__", "globalbev_assets.errors"} == set()


def test_no_module_is_named_after_nothing() -> None:
    assert [short(path) for path in MODULES if path.stem in SAYS_NOTHING or path.parent.name in SAYS_NOTHING] == []


@pytest.mark.parametrize("path", [pytest.param(path, id=short(path)) for path in ALL_PYTHON if path.stat().st_size > 10_000])
def test_a_module_is_small_enough_to_be_read(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_only_the_days_module_asks_for_the_time_of_day() -> None:
    """Everything else takes a day or a time as an argument, so that a past day can be processed again and a test can say what day it is."""
    asked = [place for place, node in nodes(MODULES) if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(CLOCKS)]
    assert [place for place in asked if not place.startswith("partitions/days.py")] == []


def test_assets_are_written_for_ranges() -> None:
    """``context.partition_key`` raises in a run of several days, which is how six months are run."""
    singular = [place for place, node in nodes(MODULES) if isinstance(node, ast.Attribute) and ast.unparse(node) == "context.partition_key"]
    assert singular == []


def test_transforms_only_describe() -> None:
    """A transform that reads, writes or collects could not be tested on small frames, and a launched step would pull a table into Python."""
    forbidden = {"collect", "toPandas", "toLocalIterator", "write", "writeTo", "sparkSession", "persist", "cache", "foreach"}
    done = [
        f"{place} .{node.attr}"
        for place, node in nodes(under("globalbev_assets/transforms"))
        if isinstance(node, ast.Attribute) and node.attr in forbidden
    ]
    sessions = [place for place, node in nodes(under("globalbev_assets/transforms")) if isinstance(node, ast.Name) and node.id == "SparkSession"]
    assert done + sessions == []


def test_spark_connect_could_run_everything() -> None:
    """No RDD and no private bridge to the JVM: the local server, serverless and Databricks Connect have neither."""
    bridges = {"_jvm", "_jsparkSession", "_jdf", "_sc", "sparkContext", "rdd"}
    assert [f"{place} .{node.attr}" for place, node in nodes(MODULES) if isinstance(node, ast.Attribute) and node.attr in bridges] == []


def test_nothing_that_may_run_in_a_launched_step_asks_for_the_instance() -> None:
    """The one of a cluster is empty: who looks for the last materialisation there finds none, and is not told why."""
    beside_dagster = ("resources/databricks_", "resources/alerts", "resources/metrics", "partitions/reporting.py", "globalbev_assets/operations")
    steps = [path for path in under("globalbev_assets", "resources", "partitions") if not short(path).startswith(beside_dagster)]
    asked = [place for place, node in nodes(steps) if isinstance(node, ast.Attribute) and ast.unparse(node).endswith("context.instance")]
    assert asked == []
    assert any(place.startswith("checks/") for place, node in nodes(under("checks")) if isinstance(node, ast.Attribute) and node.attr == "instance")


def test_only_the_steps_of_tables_are_taken_to_a_cluster() -> None:
    """A check, a sensor or a schema's comparison that asked for the launcher would start a cluster of its own, each time."""
    asks = {
        place.partition(":")[0]
        for place, node in nodes(MODULES)
        if (isinstance(node, ast.arg) and node.arg == "pyspark_step_launcher")
        or (isinstance(node, ast.Constant) and node.value == "pyspark_step_launcher")
        or (isinstance(node, ast.Attribute) and node.attr == "pyspark_step_launcher")
    }
    assert asks == {"globalbev_assets/domains.py", "resources/environments.py"}


def test_nothing_pickles() -> None:
    """An IO manager or cache that unpickles runs what it reads."""
    imported = [
        (place, name)
        for place, node in nodes(ALL_PYTHON)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    ]
    assert [place for place, name in imported if name.split(".")[0] in {"pickle", "cloudpickle", "shelve", "marshal", "dill"}] == []


def test_no_test_is_switched_off() -> None:
    """A test that needs what a machine lacks says so at run time, by ``pytest.skip(reason)``; one that is expected to fail is no test."""
    switches = ("mark.skip", "mark.skipif", "mark.xfail", "pytest.xfail")
    assert [place for place, node in nodes(ALL_PYTHON) if isinstance(node, ast.Attribute) and ast.unparse(node).endswith(switches)] == []


def test_arrow_reads_local_tables_by_itself() -> None:
    """``resources/delta_dataset.py`` says what deltalake's own file system does to a process that ends."""
    asked = [place for place, node in nodes(MODULES) if isinstance(node, ast.Attribute) and node.attr in {"to_pyarrow_table", "to_pandas"}]
    assert asked == []
