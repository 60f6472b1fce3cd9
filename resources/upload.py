"""What a cluster gets of us: our packages and nothing else, in a folder of their own, under a name that is their content's hash.

The launcher zips a folder whole, `.venv` and local state included, and drops whatever has `pytest` or `logs` in its absolute path, our package
`resources.logs` too; so it is given an archive of ours to zip, and what it would make of it is looked at first. On the cluster the upload stands
last on ``sys.path``, where any installed `resources` or `checks` would win: a ``.pth`` file, which Python reads when the upload is added, unpacks
the archive and puts it first before anything is imported.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from globalbev_assets.errors import TerminalError
from resources.settings import PROJECT, Settings

PACKAGES = ("globalbev_assets", "resources", "partitions", "checks", "sensors")
KINDS = (".py", ".yaml", ".yml", ".json", ".sql")
LARGEST_BYTES = 1024 * 1024
MARKER, ARCHIVE = "globalbev_upload.json", "packages.zip"
FURTHER = "further_contracts"
DIGEST_VARIABLE = "GLOBALBEV_UPLOAD"
_FIRST = '''"""Run by Python when the upload is added to its path: puts it first, and refuses a Python that could not read our pickles."""

import json
import os
import sys
import zipfile

ROOT = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, ROOT)
with open(os.path.join(ROOT, "globalbev_upload.json"), encoding="utf-8") as stream:
    PYTHON = json.load(stream)["python"]
HERE = ".".join(map(str, sys.version_info[:2]))
if HERE != PYTHON and os.environ.get("GLOBALBEV_COMPUTE") != "pipes":
    print(f"GB-3004 Python {PYTHON} here, {HERE} there", file=sys.stderr)
    raise SystemExit(f"GB-3004 uploaded by Python {PYTHON}, this is {HERE}")
ARCHIVE = os.path.join(ROOT, "packages.zip")
if os.path.exists(ARCHIVE):
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(ROOT)
'''
_BESIDE = {"globalbev_upload.py": _FIRST.encode(), "globalbev_upload.pth": b"import globalbev_upload\n"}


@dataclass(frozen=True)
class Upload:
    """A staged upload: its folder, the hash of its content, and what it weighs zipped."""

    folder: Path
    digest: str
    zipped_bytes: int
    files: int


def stage_upload(settings: Settings) -> Upload:
    """Stage our packages; the same content is staged once.

    Raises:
        TerminalError: GB-3010 the launcher's zip would lack files, GB-3011 it would be too large.
    """
    content = dict(_content(settings))
    digest = _digest(content)
    folder = settings.home.absolute() / "databricks" / "upload" / digest[:16]
    if not (folder / MARKER).is_file():
        _write(folder, content, digest)
    return Upload(folder, digest, _weigh(folder), len(content))


def prove_upload() -> dict[str, str]:
    """On the cluster: that every module of ours comes from the upload, and that the upload is the one that was staged. Returns both, for the log.

    Raises:
        TerminalError: GB-3012, naming the modules that come from elsewhere.
    """
    wanted = os.environ.get(DIGEST_VARIABLE, "")
    content = {path: text for path, text in _files_below(PROJECT) if path != MARKER}
    found = _digest(content)
    root = str(PROJECT) + os.sep
    foreign = sorted(
        f"{name} from {module.__file__}"
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in PACKAGES and getattr(module, "__file__", None) and not os.path.realpath(str(module.__file__)).startswith(root)
    )
    if foreign or found != wanted:
        raise TerminalError(
            "GB-3012",
            "The step does not run the code that was uploaded.",
            got="; ".join(foreign[:3]) or f"content {found[:16]} in {PROJECT}",
            valid=f"every module from the upload {wanted[:16]}",
            todo="Remove packages called globalbev-lakehouse, resources, checks, sensors or partitions from the cluster's libraries.",
        )
    return {"upload": found[:16], "code": str(PROJECT)}


def _content(settings: Settings) -> Iterator[tuple[str, bytes]]:
    for package in PACKAGES:
        yield from ((f"{package}/{path}", text) for path, text in _files_below(PROJECT / package))
    for number, folder in enumerate(settings.contract_folders):
        # Whatever else lies beside them is somebody's own.
        yield from ((f"{FURTHER}/{number}/{path}", text) for path, text in _files_below(folder) if path.endswith(".odcs.yaml"))
    yield from _BESIDE.items()


def _files_below(root: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        is_ours = path.suffix in (*KINDS, ".pth") and not any(part.startswith(".") or part == "__pycache__" for part in relative.parts)
        if is_ours and path.is_file():
            yield relative.as_posix(), path.read_bytes()


def _digest(content: Mapping[str, bytes]) -> str:
    hashed = hashlib.sha256()
    for path in sorted(content):
        hashed.update(f"{path}\0{len(content[path])}\0".encode())
        hashed.update(content[path])
    return hashed.hexdigest()


def _write(folder: Path, content: Mapping[str, bytes], digest: str) -> None:
    staged = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
    staged.mkdir(parents=True)
    with zipfile.ZipFile(staged / ARCHIVE, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in content.items():
            if path not in _BESIDE:
                archive.writestr(zipfile.ZipInfo(path), text, zipfile.ZIP_DEFLATED)
    for path, text in _BESIDE.items():
        (staged / path).write_bytes(text)
    marker = {"digest": digest, "python": f"{sys.version_info[0]}.{sys.version_info[1]}"}
    (staged / MARKER).write_text(json.dumps(marker), encoding="utf-8")
    try:
        staged.rename(folder)
    except OSError:  # another process staged the same
        shutil.rmtree(staged, ignore_errors=True)


def _weigh(folder: Path) -> int:
    """What the launcher would upload, by its own function."""
    from dagster_pyspark.utils import DEFAULT_EXCLUDE, build_pyspark_zip  # noqa: PLC0415  only where a step is launched

    wanted = {*_BESIDE, MARKER, ARCHIVE}
    present = {path.name for path in folder.iterdir() if path.name != "__pycache__"}
    dropped = [name for name in sorted(present) if any(re.search(pattern, str(folder / name)) for pattern in DEFAULT_EXCLUDE)]
    if dropped or present != wanted:
        raise TerminalError(
            "GB-3010",
            "The upload would not be complete.",
            got=f"the launcher would leave out {', '.join(dropped) or 'nothing'}; missing or foreign: {', '.join(sorted(present ^ wanted)) or 'nothing'}",
            valid="a home whose path holds no `pytest`, `/venv/` or `/logs/`",
            todo=f"Set GLOBALBEV_HOME to another folder, or delete {folder} to have it staged again.",
        )
    with tempfile.NamedTemporaryFile(suffix=".zip") as zipped:
        build_pyspark_zip(zipped.name, str(folder))
        size = Path(zipped.name).stat().st_size
    if size >= LARGEST_BYTES:
        raise TerminalError(
            "GB-3011",
            "The upload is too large.",
            got=f"{size:,} bytes zipped",
            valid=f"less than {LARGEST_BYTES:,}: each step uploads it",
            todo="Look for data in the packages or in the folders of GLOBALBEV_CONTRACTS.",
        )
    return size
