"""No secret and no personal datum comes out anywhere: real code runs with canaries in their place, and all that it leaves is searched.

The control runs the same with redaction switched off and finds every canary, so that the search is known to look where they would come out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import takewhile
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.integration.canary_paths import ALERT, EMAIL, PASSWORD, PHONE, SAS, TOKEN

ROOT = Path(__file__).parents[2]
CANARIES = {
    "password": PASSWORD,
    "password in a URL": quote(PASSWORD, safe=""),
    "token": TOKEN,
    "e-mail": EMAIL,
    "phone": PHONE,
    "signature": SAS,
    "alert URL": ALERT.removeprefix("slack://"),
}


def left_by(home: Path, **variables: str) -> dict[str, bytes]:
    """What the paths wrote: standard output and error, and every file of the home, by name."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GLOBALBEV_", "DAGSTER_"))}
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.canary_paths", str(home)],
        cwd=ROOT,
        env=kept | {"GLOBALBEV_LOG_FORMAT": "json"} | variables,
        capture_output=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    files = {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}
    return {"stdout": done.stdout, "stderr": done.stderr, **files}


@pytest.fixture(scope="module")
def hidden(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return left_by(tmp_path_factory.mktemp("hidden"))


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return left_by(tmp_path_factory.mktemp("shown"), CANARIES="shown")


@pytest.mark.parametrize("kind", CANARIES)
def test_a_canary_is_found_nowhere(kind: str, hidden: dict[str, bytes]) -> None:
    assert [name for name, content in hidden.items() if CANARIES[kind].encode() in content] == []


@pytest.mark.parametrize("kind", CANARIES)
def test_without_redaction_it_would_be_found(kind: str, shown: dict[str, bytes]) -> None:
    assert [name for name, content in shown.items() if CANARIES[kind].encode() in content] != []


@pytest.mark.parametrize("place", ["stderr", "stdout", "tick.txt", "dagster-errors.txt", "logs/globalbev-errors.log"])
def test_every_place_is_one_where_they_would_come_out(place: str, hidden: dict[str, bytes], shown: dict[str, bytes]) -> None:
    if place != "stdout":  # what a step prints of its child processes: no secret is on a command line, redacted or not
        assert any(canary.encode() in shown[place] for canary in CANARIES.values())
    assert b"***" in hidden[place] or b"children: [" in hidden[place]


def test_dagsters_own_store_is_one_of_them(hidden: dict[str, bytes], shown: dict[str, bytes]) -> None:
    def events(left: dict[str, bytes]) -> bytes:
        return b"".join(content for name, content in left.items() if name.startswith("dagster/events/"))

    assert EMAIL.encode() in events(shown)
    assert b"***" in events(hidden)
    assert b"GB-1231" in events(hidden), "the shop was not asked"
    assert b"GB-1305" in events(hidden), "the API was not asked"


def test_the_ledger_says_why_without_saying_what(hidden: dict[str, bytes]) -> None:
    said = hidden["ledger.txt"].decode().splitlines()
    assert sorted(line.split(" ", 3)[2] for line in said) == ["GB-1231", "GB-1305"]


def test_outside_local_every_line_is_json(hidden: dict[str, bytes]) -> None:
    """Dagster's messages and libraries' too; the last lines are what the failing command says to a person."""
    lines = list(takewhile(lambda line: line != "Traceback (most recent call last):", hidden["stderr"].decode().splitlines()))
    assert len(lines) > 20
    parsed = [json.loads(line) for line in lines]
    assert {"dagster.step_failure", "dagster.run_start", "table.failed", "step.ended", "it broke for ***"} <= {line["event"] for line in parsed}
    failed = next(line for line in parsed if line["event"] == "table.failed")
    assert (failed["asset"], failed["step"], failed["days"], failed["code"]) == ("bronze.orders", "bronze_sales", "2026-01-01", "GB-1231")
    assert len(failed["run_id"]) == 36
