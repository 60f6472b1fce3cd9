"""A secret is found however deep it is packed: the control of every test that says that none is there."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
import zipfile
from pathlib import Path

import pytest
from dagster_pyspark.utils import build_pyspark_zip

from globalbev_assets.operations.leaks import leaks
from resources.settings import Settings
from resources.upload import stage_upload

DSN = "postgresql://etl:s3cret%of=the-shop@10.0.0.5/shop"
SECRETS = {"globalbev-shop-dsn": DSN}


def test_a_secret_in_a_contract_is_found_in_what_the_launcher_would_upload() -> None:
    with tempfile.TemporaryDirectory(prefix="globalbev-leaks-") as folder:  # the launcher's zip leaves out whatever has pytest in its path
        home = Path(folder)
        (home / "contracts" / "bronze").mkdir(parents=True)
        contract = home / "contracts" / "bronze" / "returns.odcs.yaml"
        contract.write_text(f"kind: DataContract\nservers:\n  - dsn: {DSN}\n")
        found = []
        for name in ("planted", "clean"):
            (home / name).mkdir()
            build_pyspark_zip(
                str(home / name / "code.zip"), str(stage_upload(Settings(home=home / "home", contracts=str(home / "contracts"))).folder)
            )
            found.append(leaks(home / name, SECRETS))
            contract.write_text("kind: DataContract\n")
    assert found == [["code.zip!packages.zip!further_contracts/0/bronze/returns.odcs.yaml"], []]


def zipped(content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner", content)
    return stream.getvalue()


def pickled(content: bytes) -> bytes:
    """Protocol 4: one bytes object, as ``pickle.dumps`` writes it."""
    return b"\x80\x04B" + len(content).to_bytes(4, "little") + content + b"."


PACKED = {
    "in the open": DSN.encode(),
    "in JSON": json.dumps({"dsn": DSN}).encode(),
    "its password alone": b"the password is s3cret%of=the-shop today",
    "in an address": b"http://10.0.0.5/?dsn=postgresql%3A%2F%2Fetl%3As3cret%25of%3Dthe-shop%4010.0.0.5%2Fshop",
    "in gzip": gzip.compress(b"x" * 5000 + DSN.encode()),
    "in gzip that was cut off": gzip.compress(b"x" * 5000 + DSN.encode())[:-9],
    "in zip in gzip in zip": zipped(gzip.compress(zipped(DSN.encode()))),
    "in a zip in a pickle": pickled(zipped(DSN.encode())),
    "in gzip in a pickle in gzip": gzip.compress(pickled(gzip.compress(DSN.encode()))),
}


@pytest.mark.parametrize("packed", PACKED)
def test_it_is_found_however_it_is_packed(tmp_path: Path, packed: str) -> None:
    (tmp_path / "file").write_bytes(PACKED[packed])
    assert [place.partition("!")[0] for place in leaks(tmp_path, SECRETS)] == ["file"]


def test_an_issued_token_stands_in_the_drivers_order_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "order.json").write_text('{"token": "dapi-of-the-cluster"}')
    (tmp_path / "driver.log").write_text("calls with dapi-of-the-cluster")
    assert leaks(tmp_path, SECRETS, {"dapi-of-the-cluster"}) == ["driver.log"]
    (tmp_path / "order.json").write_text(json.dumps({"spark_conf": {"dsn": DSN}}))
    assert leaks(tmp_path, SECRETS, {"dapi-of-the-cluster"}) == ["driver.log", "order.json"]


@pytest.mark.parametrize("content", [b"", b"\x80.", b"\x80\x04nonsense.", b"PK\x03\x04 and no more", b"\x1f\x8bno", b"PAR1" + bytes(100)])
def test_what_only_looks_packed_is_looked_at_as_it_is(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert leaks(tmp_path, SECRETS) == []
