"""What a cluster gets of us: our packages, whole, first on its path, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from dagster_pyspark.utils import build_pyspark_zip

from globalbev_assets.errors import TerminalError
from resources import upload
from resources.settings import Settings
from resources.upload import ARCHIVE, LARGEST_BYTES, MARKER, PACKAGES, Upload, prove_upload, stage_upload


@pytest.fixture
def home() -> Iterator[Path]:
    """Not pytest's own folder, whose name the launcher's zip leaves out."""
    with TemporaryDirectory(prefix="globalbev-upload-") as folder:
        yield Path(folder)


@pytest.fixture
def staged(home: Path) -> Upload:
    return stage_upload(Settings(home=home))


def test_only_our_packages_are_in_the_zip_and_all_of_them(staged: Upload, home: Path) -> None:
    zipped = home / "code.zip"
    build_pyspark_zip(str(zipped), str(staged.folder))
    with zipfile.ZipFile(zipped) as archive:
        assert set(archive.namelist()) == {"globalbev_upload.py", "globalbev_upload.pth", MARKER, ARCHIVE}
    with zipfile.ZipFile(staged.folder / ARCHIVE) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == set(PACKAGES)
    assert {Path(name).suffix for name in names} <= {".py", ".yaml", ".json", ".sql"}
    assert len(names) + 2 == staged.files
    assert zipped.stat().st_size < LARGEST_BYTES
    wanted = {path.relative_to(upload.PROJECT).as_posix() for package in PACKAGES for path in (upload.PROJECT / package).rglob("*.py")}
    assert wanted <= set(names)


def test_the_same_content_is_staged_once(staged: Upload, home: Path) -> None:
    before = (staged.folder / MARKER).stat().st_mtime_ns
    assert stage_upload(Settings(home=home)) == staged
    assert (staged.folder / MARKER).stat().st_mtime_ns == before


def test_further_contracts_travel_with_it(home: Path) -> None:
    folder = home / "contracts"
    (folder / "bronze").mkdir(parents=True)
    (folder / "bronze" / "returns.odcs.yaml").write_text("kind: DataContract\n")
    staged = stage_upload(Settings(home=home, contracts=str(folder)))
    with zipfile.ZipFile(staged.folder / ARCHIVE) as archive:
        assert f"{upload.FURTHER}/0/bronze/returns.odcs.yaml" in archive.namelist()


def test_a_home_whose_name_the_launcher_leaves_out_is_refused(tmp_path: Path) -> None:
    assert "pytest" in str(tmp_path)
    with pytest.raises(TerminalError, match="GB-3010"):
        stage_upload(Settings(home=tmp_path))


def test_what_lies_beside_somebodys_contracts_stays_there(home: Path) -> None:
    folder = home / "contracts"
    (folder / "samples").mkdir(parents=True)
    (folder / "secrets.yaml").write_text("shop_dsn: postgresql://etl:Kd8xQ2zLm@db/shop")
    (folder / "samples" / "crm.json").write_text('{"email": "ada@example.org"}')
    before = stage_upload(Settings(home=home, contracts=str(folder)))
    (folder / "secrets.yaml").unlink()
    assert stage_upload(Settings(home=home, contracts=str(folder))).digest == before.digest


def test_what_is_too_large_is_refused(home: Path) -> None:
    folder = home / "contracts"
    folder.mkdir()
    (folder / "data.odcs.yaml").write_bytes(os.urandom(LARGEST_BYTES + 1))
    with pytest.raises(TerminalError, match="GB-3011"):
        stage_upload(Settings(home=home, contracts=str(folder)))


SHADOWED = """
import site, sys
site.addsitedir({upload!r})
import resources, checks, globalbev_assets.errors
print(resources.__file__, checks.__file__, globalbev_assets.errors.__file__)
import resources.upload as upload
print(upload.prove_upload())
"""


def run_as_on_a_cluster(staged: Upload, installed: Path, digest: str, **more: str) -> subprocess.CompletedProcess[str]:
    """As the launcher's main file does: the upload is added as a site folder, behind what the cluster has installed."""
    code = f"import sys; sys.path.insert(0, {str(installed)!r})\n" + SHADOWED.format(upload=str(staged.folder))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GLOBALBEV", "PYTHON"))}
    environment |= {"GLOBALBEV_UPLOAD": digest, **more}
    return subprocess.run([sys.executable, "-c", code], cwd="/", env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_packages_of_the_cluster_with_our_generic_names_do_not_win(staged: Upload, home: Path) -> None:
    for name in ("resources", "checks", "globalbev_assets"):
        (home / "installed" / name).mkdir(parents=True)
        (home / "installed" / name / "__init__.py").write_text("raise SystemError('the installed one')\n")
    done = run_as_on_a_cluster(staged, home / "installed", staged.digest)
    assert done.returncode == 0, done.stderr
    assert all(path.startswith(str(staged.folder)) for path in done.stdout.splitlines()[0].split())
    assert staged.digest[:16] in done.stdout


def test_a_step_that_would_run_other_code_says_so(staged: Upload, home: Path) -> None:
    done = run_as_on_a_cluster(staged, home / "none", "0" * 64)
    assert "GB-3012" in done.stderr


def test_a_module_from_elsewhere_is_named(staged: Upload, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "PROJECT", staged.folder)
    monkeypatch.setenv("GLOBALBEV_UPLOAD", staged.digest)
    with pytest.raises(TerminalError, match=r"globalbev_assets from|resources from|checks from"):
        prove_upload()


def test_another_python_is_refused_before_anything_is_unpickled(staged: Upload) -> None:
    marker = staged.folder / MARKER
    marker.write_text(json.dumps(json.loads(marker.read_text()) | {"python": "3.9"}))
    done = run_as_on_a_cluster(staged, staged.folder, staged.digest)
    assert done.returncode == 1
    assert "GB-3004 Python 3.9 here" in done.stderr
    assert run_as_on_a_cluster(staged, staged.folder, staged.digest, GLOBALBEV_COMPUTE="pipes").returncode == 0, "by Pipes nothing is pickled"
