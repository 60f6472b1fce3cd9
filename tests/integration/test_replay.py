"""A replay from beginning to end: a rule rejects rows, is mended in the contract, the dry run says what comes of it, and the replay does just that.

Files and contracts of its own and a Spark server of its own; neither PostgreSQL nor the sandbox. Every step is the command that a person types.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from globalbev_assets.contracts.new import contract_from_csv_header
from resources.delta_dataset import dataset_of
from resources.jars import ensure_jars
from resources.settings import PROJECT, load_settings
from tests.unit.contract_files import write

pytestmark = [pytest.mark.integration, pytest.mark.slow]

RULE = """      - {name: rate_too_high, type: custom, engine: globalbev, severity: error, dimension: accuracy, description: The rate is at most MOST.,
         implementation: {expression: rate <= MOST, nulls: pass, action: quarantine, column: rate}}
"""
DAYS = {"2026-05-01": (("1", "0.1"), ("2", "0.5"), ("3", "0.9")), "2026-05-02": (("4", "0.2"), ("5", "0.6"))}
SELECT = ("--select", "bronze/promotions", "--select", "silver/promotions")
BROKEN = "promotions/2026-05-01/week.csv#3"


@dataclass(frozen=True)
class Place:
    """A home with its landing zone and contracts, and the commands in it."""

    home: Path

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command as a person does."""
        own = {
            "GLOBALBEV_HOME": str(self.home), "GLOBALBEV_LANDING": str(self.home / "landing"), "GLOBALBEV_CONTRACTS": str(self.home / "contracts"),
            "GLOBALBEV_START_DATE": "2026-05-01", "GLOBALBEV_END_DATE": "2026-05-04", "GLOBALBEV_SPARK_MEMORY": "1g", "GLOBALBEV_SPARK_IDLE_MINUTES": "5",
            "GLOBALBEV_LAKE": str(self.home / "lake"), "DAGSTER_HOME": str(self.home / "dagster"), "PYTHONPATH": str(PROJECT),
        }  # fmt: skip
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("GLOBALBEV", "DAGSTER"))} | own
        called = [sys.executable, "-m", "globalbev_assets.operations.cli", *words]
        return subprocess.run(called, cwd=PROJECT, env=variables, capture_output=True, text=True, timeout=600, check=False)

    def document(self, *words: str, code: int) -> Any:
        """Its JSON document."""
        done = self.command(*words, "--json")
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    def allow(self, most: str, version: str) -> None:
        """Mend the rule, and give the contract its next version."""
        path = self.home / "contracts" / "silver" / "promotions.odcs.yaml"
        text = (self.home / "silver.yaml").read_text()
        path.write_text(text.replace("MOST", most).replace('version: "1.0.0"', f'version: "{version}"'))

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        """Rows of a table by their position."""
        connection = duckdb.connect()
        connection.register("found", dataset_of(str(self.home / "lake" / table)))
        column = "source_position, state, attempts" if table.startswith("quarantine") else "promo_id"
        return connection.sql(f"select {column} from found order by all").fetchall()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Two days of promotions through bronze and silver, under a rule that rejects three of five."""
    home: Path = tmp_path_factory.mktemp("replay") / "home"
    shutil.copytree(ensure_jars(load_settings().home)[0].parent, home / "jars")
    header, examples = ["promo_id", "valid_from", "rate"], [["1", "2026-01-01", "0.5"]]
    _, silver = write(home / "contracts", contract_from_csv_header("promotions", header, examples, domain="metering", key=["promo_id"]))
    (home / "silver.yaml").write_text(silver.read_text().replace("    quality:\n", f"    quality:\n{RULE}"))
    for day, rows in DAYS.items():
        folder = home / "landing" / "promotions" / day
        folder.mkdir(parents=True)
        lines = "".join(f"{number},2026-01-01,{rate}\n" for number, rate in rows)
        (folder / ("week.csv" if day.endswith("01") else "week2.csv")).write_text(f"promo_id,valid_from,rate\n{lines}")
        (folder / ("week.csv.done" if day.endswith("01") else "week2.csv.done")).touch()
    made = Place(home)
    made.allow("0.3", "1.0.0")
    try:
        done = made.command("backfill", "2026-05-01", "2026-05-02", *SELECT)
        assert done.returncode == 0, done.stdout + done.stderr
        yield made
    finally:
        made.command("doctor", "--stop")


def test_a_replay_does_what_its_dry_run_said_and_loses_nothing(place: Place) -> None:
    assert [row[0] for row in place.rows("silver/promotions")] == [1, 4]
    assert [row[1:] for row in place.rows("quarantine/promotions")] == [("open", 1)] * 3

    # Before the rule is mended every row would fail again, and saying so changes nothing.
    said = place.document("quarantine", "replay", "promotions", "--rule", "rate_too_high", "--dry-run", code=1)
    assert (said["rows"], said["tables"][0]["chosen"], said["tables"][0]["fails_again"]) == (3, {"quarantined": 3}, {"rate_too_high": 3})

    place.allow("0.7", "1.1.0")
    said = place.document("quarantine", "replay", "promotions", "--rule", "rate_too_high", "--dry-run", code=1)
    assert said["tables"][0]["chosen"] == {"published": 2, "quarantined": 1}
    assert [(run["layer"], run["tables"], run["days"]) for run in said["runs"]] == [("silver", ["silver.promotions"], ["2026-05-01", "2026-05-02"])]
    assert [row[0] for row in place.rows("silver/promotions")] == [1, 4]

    done = place.document("quarantine", "replay", "promotions", "--rule", "rate_too_high", code=1)
    assert (done["published"], done["failed_again"], done["failed"], done["unaccounted"]) == (2, 1, {"rate_too_high": 1}, 0)
    assert [row[0] for row in place.rows("silver/promotions")] == [1, 2, 4, 5]
    assert place.rows("quarantine/promotions") == [("2", "replayed", 1), ("2", "replayed", 1), ("3", "open", 2)]

    _nothing_is_lost(place)
    _given_up_it_stays_so_until_its_rule_lets_it_through(place)


def _nothing_is_lost(place: Place) -> None:
    rows = {(row["business_day"], row["rows_in"]): row for row in place.document("ledger", "silver.promotions", code=0)["rows"]}
    first, second = rows["2026-05-01", 3], rows["2026-05-02", 2]
    assert (first["published"], first["quarantined"], first["unaccounted"], first["contract_version"]) == (2, 1, 0, "1.1.0")
    assert (second["published"], second["quarantined"], second["unaccounted"]) == (2, 0, 0)


def _given_up_it_stays_so_until_its_rule_lets_it_through(place: Place) -> None:
    """A later version of the contract that rejects the row for the same reason does not ask again; one that takes it publishes it."""
    assert place.document("quarantine", "discard", "promotions", BROKEN, "--reason", "a typing error of the sender", code=0)["changed"] == [BROKEN]
    assert place.document("quarantine", "replay", "promotions", "--all", code=0)["rows"] == 0  # what is discarded is not open
    place.allow("0.8", "1.2.0")
    assert place.command("backfill", "2026-05-01", "2026-05-01", "--select", "silver/promotions").returncode == 0
    assert place.rows("quarantine/promotions")[-1] == ("3", "discarded", 3)
    kept = place.document("quarantine", "show", "promotions", BROKEN, code=0)["rows"][0]
    assert (kept["decision"], kept["contract_version"]) == ("a typing error of the sender", "1.2.0")

    place.document("quarantine", "reopen", "promotions", BROKEN, "--reason", "it was meant", code=0)
    place.allow("0.95", "1.3.0")
    said = place.document("quarantine", "replay", "promotions", "--all", "--dry-run", code=0)
    assert said["tables"][0]["chosen"] == {"published": 1}
    done = place.document("quarantine", "replay", "promotions", "--all", code=0)
    assert (done["published"], done["failed_again"], done["unaccounted"]) == (1, 0, 0)
    assert [row[0] for row in place.rows("silver/promotions")] == [1, 2, 3, 4, 5]
