"""``globalbev drift`` against the real PostgreSQL: what is listed, shown, proposed, written into a contract, and released."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from globalbev_assets.contracts.loader import read_contracts
from partitions.days import now
from resources.ledger import Ledger, LedgerRow
from tests.integration.drift_world import DAY, NEXT_DAY, World, making, shop_server
from tests.unit.cli_runs import document, run
from tests.unit.contract_files import draft, load, packaged, seen, write

pytestmark = [pytest.mark.integration]
TABLE = "create table shop.refunds (refund_id bigint primary key, sku text, email text, amount numeric(12,2), updated_at timestamptz not null)"
ROWS = "insert into shop.refunds select n, 'BEV-' || n, null, n, now() from generate_series(1, 30) n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with shop_server(tmp_path_factory.mktemp("shop")) as dsn:
        yield dsn


@pytest.fixture
def world(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """With a table that is described in a folder outside of the package, and was loaded a minute ago."""
    folder = tmp_path / "contracts"
    write(folder, draft())
    with making(server, tmp_path / "home", load(folder), folder) as made:
        for name in ("home", "lake_root", "landing_root"):
            monkeypatch.setenv(f"GLOBALBEV_{name.upper().removesuffix('_ROOT')}", str(getattr(made.settings, name)))
        monkeypatch.setenv("GLOBALBEV_SHOP_DSN", made.dsn)
        monkeypatch.setenv("GLOBALBEV_INVENTORY_URL", str(made.settings.inventory_url))
        monkeypatch.setenv("GLOBALBEV_INVENTORY_TOKEN", "t" * 24)
        monkeypatch.setenv("GLOBALBEV_CONTRACTS", str(folder))
        made.shop(f"{TABLE}; {ROWS}")
        made.load_bronze("bronze.refunds")
        yield made


def loaded(world: World, at: datetime, *days: object) -> None:
    row = LedgerRow("bronze.refunds", DAY, "run", "published", at, "1.0.0", rows_in=30, published=30)
    Ledger(world.settings.lake_root).append([replace(row, business_day=day) for day in days])  # type: ignore[arg-type]


def contract(world: World, layer: str = "bronze") -> Path:
    return Path(str(world.settings.contracts)) / layer / "refunds.odcs.yaml"


def test_nothing_is_recorded(world: World) -> None:
    done = run("drift", "--look")
    assert (done.exit_code, done.stdout) == (0, "No difference is recorded: the sources look as the contracts say.\n")


def test_a_renaming_from_the_first_look_to_the_patched_contract(world: World) -> None:
    loaded(world, now(), DAY)
    world.shop("alter table shop.refunds rename column sku to article")
    assert run("drift", "--look").exit_code == 1
    loaded(world, now(), NEXT_DAY)
    listed = document("drift", code=1)["differences"]
    assert [(one["kind"], one["column"], one["found"], one["held_days"]) for one in listed] == [("renamed", "sku", "article", [str(NEXT_DAY)])]
    shown = run("drift", "show", "refunds").stdout
    for part in ("30 of 30 rows have the same value", "affects   silver.refunds.sku", "1 day held", "+++ b/", "sku is read from article"):
        assert part in shown, part
    before = contract(world).read_text()
    dry = run("drift", "--apply", "refunds", "--dry-run")
    assert (dry.exit_code, contract(world).read_text()) == (0, before)
    assert "Nothing was written." in dry.stdout
    done = run("drift", "--apply", "refunds")
    assert done.exit_code == 0, done.output
    assert f"then: globalbev backfill {NEXT_DAY} {NEXT_DAY}" in done.stdout
    after = contract(world).read_text()
    assert [line for line in after.splitlines() if line not in before.splitlines()] == [
        "version: 1.1.0",
        next(line for line in after.splitlines() if "name: sku" in line),
    ]
    assert "{property: source, value: article}" in after
    assert read_contracts([Path(str(world.settings.contracts))], known=packaged(), cache=seen())[1] == ()
    assert run("drift").exit_code == 0
    assert [(row.closed_by, row.is_open) for row in world.rows()] == [("contract", False)]
    assert not list((world.settings.home / "state" / "drift").glob("*.patch"))


def test_the_patch_file_is_what_git_and_patch_take(world: World) -> None:
    world.shop("alter table shop.refunds add column reason text; alter table shop.refunds alter column refund_id type integer")
    run("drift", "--look")
    patch = world.settings.home / "state" / "drift" / "bronze.refunds.patch"
    done = subprocess.run(
        ["git", "apply", "--unsafe-paths", "--directory=/", "-p1", str(patch)], cwd="/", capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert run("drift", "--look").exit_code == 0
    assert {(row.kind, row.closed_by) for row in world.rows()} == {("added", "contract"), ("retyped", "contract")}


def test_what_would_not_pass_the_lint_is_not_written(world: World) -> None:
    path = contract(world)
    path.write_text("\n".join(line for line in path.read_text().splitlines() if "erasure" not in line and "name: email" not in line) + "\n")
    silver = contract(world, "silver")
    silver.write_text("\n".join(line for line in silver.read_text().splitlines() if "erasure" not in line and "name: email" not in line) + "\n")
    before = path.read_text()
    world.shop("alter table shop.refunds add column phone text")
    run("drift", "--look")
    done = run("drift", "--apply")
    assert (done.exit_code, path.read_text()) == (2, before)
    assert "GB-2002" in done.stderr
    assert "GB-1030" in done.stderr


def test_a_contract_that_cannot_be_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.shop("alter table shop.refunds add column reason text")
    run("drift", "--look")
    monkeypatch.setattr("resources.drift.proposals.write_text", lambda *_: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    done = run("drift", "--apply")
    assert done.exit_code == 2
    assert "GB-2003" in done.stderr


def test_what_a_person_must_decide_is_said_and_left(world: World) -> None:
    world.shop("alter table shop.refunds drop column refund_id; alter table shop.refunds add column note text")
    run("drift", "--look")
    done = document("drift", "--apply", code=1)
    assert done["by_hand"] == ["bronze.refunds: column refund_id is missing"]
    assert done["changes"] == ["bronze.refunds: note becomes a column"]
    assert "name: note" in contract(world).read_text()


@pytest.mark.parametrize("word", ["bronze.nothing", "refunds-000000", "'; drop table --", "../x"])
def test_a_name_that_nothing_has(world: World, word: str) -> None:
    done = run("drift", "show", word)
    assert done.exit_code == 2
    assert "GB-2001" in done.stderr
    assert "bronze.refunds" in done.stderr


def test_a_source_that_does_not_answer_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOBALBEV_SHOP_DSN", world.dsn.replace("@127.0.0.1:", "@127.0.0.1:1"))
    done = document("drift", "--look")
    assert any("GLOBALBEV_SHOP_DSN: GB-123" in reason for reason in done["not_looked_at"])


def test_all_shows_what_is_over(world: World) -> None:
    world.shop("alter table shop.refunds add column reason text")
    run("drift", "--look")
    world.shop("alter table shop.refunds drop column reason")
    run("drift", "--look")
    assert document("drift")["differences"] == []
    over = document("drift", "--all")["differences"]
    assert [(one["kind"], one["closed_by"]) for one in over] == [("added", "source")]
    assert datetime.fromisoformat(over[0]["closed_at"]).astimezone(UTC) > datetime.fromisoformat(over[0]["opened_at"])
    assert "by the source" in run("drift", "--all").stdout
