"""The JARs that Spark lacks: Delta's, PostgreSQL's and a local file system's, resolved once a home and then passed as files.

Ivy at every start of Spark would cost seconds and the network. Here Spark's own Ivy runs alone, without a SparkContext, with Maven
Central as its only repository (a local Maven repository with POMs but no JARs breaks it), and leaves out what PySpark ships
(Hadoop, Parquet, Jackson, log4j): 14 MB in 5 s, where everything took 35 s.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from globalbev_assets.errors import TerminalError, TransientError
from resources.java import ensure_java

POSTGRESQL_VERSION = "42.7.14"
FILE_SYSTEM_VERSION = "0.1.0"
COMPLETE = "complete.json"
_RESOLVE_TIMEOUT_S = 300
# "compile" follows Delta's own dependencies (kernel, storage, Unity Catalog's client) in the versions it wants; the exclusion cuts what PySpark has.
_MODULE = """<ivy-module version="2.0">
  <info organisation="globalbev" module="lakehouse-jars"/>
  <configurations><conf name="default"/></configurations>
  <dependencies>
    <dependency org="io.delta" name="{delta}" rev="{delta_version}" conf="default->compile(*),master(*)"/>
    <dependency org="org.postgresql" name="postgresql" rev="{postgresql_version}" conf="default->master"/>
    <dependency org="com.globalmentor" name="hadoop-bare-naked-local-fs" rev="{file_system_version}" conf="default->master"/>
    <exclude org="^(?!io[.]delta$|io[.]unitycatalog$|org[.]postgresql$|com[.]globalmentor$).*" matcher="regexp"/>
    <exclude org="io.unitycatalog" module="unitycatalog-hadoop"/>
  </dependencies>
</ivy-module>
"""
_SETTINGS = """<ivysettings>
  <settings defaultResolver="central"/>
  <caches defaultCacheDir="{cache}"/>
  <resolvers><ibiblio name="central" m2compatible="true" checksums="sha1"/></resolvers>
</ivysettings>
"""


def ensure_jars(home: Path) -> tuple[Path, ...]:
    """The JARs in ``<home>/jars``, downloaded when they are not all there; a call that finds them costs about a millisecond.

    Raises:
        TransientError: GB-1111, when another process holds the folder for more than five minutes.
        TerminalError: GB-1112, when they cannot be downloaded.
    """
    folder = home.absolute() / "jars"
    present = _complete(folder)
    if present:
        return present
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=_RESOLVE_TIMEOUT_S):
            return _complete(folder) or _download(home, folder)
    except Timeout as error:
        raise TransientError(
            "GB-1111",
            "Another process has been downloading the JARs for too long.",
            got=f"{folder / '.lock'} is held",
            valid="a download of seconds",
            todo="End that process, then try again.",
        ) from error


def present_jars(home: Path) -> tuple[Path, ...]:
    """The JARs in ``<home>/jars`` when all are there, whole and of the wanted versions; nothing is downloaded."""
    return _complete(home / "jars")


class Wanted(NamedTuple):
    """Name and version of Delta's module, and the versions of PostgreSQL's driver and of the file system."""

    delta: str
    delta_version: str
    postgresql_version: str
    file_system_version: str


@cache
def wanted() -> Wanted:
    """What the installed packages want."""
    spark = version("pyspark").split(".")
    return Wanted(f"delta-spark_{spark[0]}.{spark[1]}_2.13", version("delta-spark"), POSTGRESQL_VERSION, FILE_SYSTEM_VERSION)


def pyspark_home() -> Path:
    """The folder of the installed PySpark, found without importing it."""
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise TerminalError("GB-1113", "PySpark is not installed.", got="no package pyspark", valid="pyspark 4.2", todo="Run `uv sync`.")
    return Path(spec.origin).parent


def _complete(folder: Path) -> tuple[Path, ...]:
    """The JARs of a finished download of the wanted versions, each of its recorded size; otherwise nothing."""
    try:
        record = json.loads((folder / COMPLETE).read_text(encoding="utf-8"))
        sizes: dict[str, int] = record["sizes"]
        whole = record["wanted"] == list(wanted()) and all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    return tuple(folder / name for name in sorted(sizes)) if whole else ()


def _download(home: Path, folder: Path) -> tuple[Path, ...]:
    work = folder / ".ivy"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    (work / "ivy.xml").write_text(_MODULE.format(**wanted()._asdict()), encoding="utf-8")
    (work / "settings.xml").write_text(_SETTINGS.format(cache=work / "cache"), encoding="utf-8")
    _run_ivy(home, work)
    found = sorted(path.name for path in (work / "jars").glob("*.jar"))
    (folder / COMPLETE).unlink(missing_ok=True)
    for old in folder.glob("*.jar"):
        old.unlink()
    for name in found:
        (work / "jars" / name).replace(folder / name)
    sizes = {name: (folder / name).stat().st_size for name in found}
    # Last and by rename: a download that was cut off has no such file and is done again.
    (work / COMPLETE).write_text(json.dumps({"wanted": wanted(), "sizes": sizes}, indent=1), encoding="utf-8")
    (work / COMPLETE).replace(folder / COMPLETE)
    shutil.rmtree(work, ignore_errors=True)
    return tuple(folder / name for name in found)


def _run_ivy(home: Path, work: Path) -> None:
    ivy = next((pyspark_home() / "jars").glob("ivy-*.jar"))
    command = [str(ensure_java(home).executable), "-XX:TieredStopAtLevel=1", *_proxy(), "-jar", str(ivy)]
    command += ["-settings", str(work / "settings.xml"), "-ivy", str(work / "ivy.xml"), "-confs", "default", "-types", "jar"]
    command += ["-retrieve", str(work / "jars" / "[artifact]-[revision].[ext]")]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_RESOLVE_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise _not_downloaded(f"no answer in {_RESOLVE_TIMEOUT_S} s", home) from None
    if done.returncode != 0 or not any((work / "jars").glob("*.jar")):
        raise _not_downloaded(_reason(done.stdout + done.stderr), home)


def _proxy() -> list[str]:
    """Java does not read ``https_proxy`` by itself."""
    proxy = urllib.parse.urlsplit(urllib.request.getproxies().get("https", ""))
    return [f"-Dhttps.proxyHost={proxy.hostname}", f"-Dhttps.proxyPort={proxy.port or 80}"] if proxy.hostname else []


def _reason(output: str) -> str:
    """The line of Ivy's report that says most: the network's error, else the first complaint."""
    lines = [line.strip(" \t:") for line in output.splitlines()]
    telling = (line for mark in ("Server access error", "Exception", "failed", "not found") for line in lines if mark in line)
    return next(telling, "Ivy ended without the JARs")[:300]


def _not_downloaded(got: str, home: Path) -> TerminalError:
    wish = wanted()
    return TerminalError(
        "GB-1112",
        "The JARs that Spark lacks could not be downloaded.",
        got=got,
        valid=f"io.delta:{wish.delta}:{wish.delta_version} and org.postgresql:postgresql:{wish.postgresql_version} among others from repo1.maven.org",
        todo=f"Connect to the network (https_proxy is honoured) and try again, or copy the folder {home / 'jars'} from an installation that has it.",
    )
