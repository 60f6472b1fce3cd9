"""Nothing of another installation is written over, replaced or mixed with the sandbox's: it is refused before anything is made."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

import sandbox
from globalbev_assets.errors import TerminalError
from globalbev_assets.operations import demo
from sandbox import crm, lifecycle, nutrition, panel, shop
from sandbox.env_file import write_env
from sandbox.layout import FEEDS, Layout
from sandbox.state import Secrets, State, load_secrets, save_secrets, save_state
from tests.unit.cli_runs import run

DAY = date(2026, 11, 21)
REAL = {
    "GLOBALBEV_SHOP_DSN": "postgresql://etl:hunter2@db.globalbev.example/erp",
    "GLOBALBEV_INVENTORY_URL": "https://stock.globalbev.example",
    "GLOBALBEV_LANDING": "/data/landing",
    "GLOBALBEV_LAKE": "abfss://lake@globalbev.dfs.core.windows.net",
    "GLOBALBEV_ENV": "prod",
}
TOKEN = "s3cret-of-the-warehouse"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that is not made yet, and an environment and a project that say nothing."""
    for name in [name for name in os.environ if name.upper().startswith("GLOBALBEV_")]:
        monkeypatch.delenv(name)
    for module in ("sandbox.services", "sandbox.others", "resources.settings", "globalbev_assets.operations.demo"):
        monkeypatch.setattr(f"{module}.PROJECT", tmp_path)
    return tmp_path / "home"


def make(home: Path, env_file: Path, **changes: object) -> Layout:
    """What ``up`` leaves behind, without its servers."""
    layout = Layout(home)
    layout.root.mkdir(parents=True)
    state = State(seed=1, scale=1, made_last=DAY, last=DAY, shop_port=5433, inventory_port=8081, is_loaded=True, env_file=str(env_file)).with_(
        **changes
    )
    save_state(layout, state)
    write_env(env_file, lifecycle.settings(layout, state, load_secrets(layout)))
    return layout


def add(env_file: Path, more: Mapping[str, str]) -> str:
    """Write lines as a person does, and give the file's text."""
    before = env_file.read_text() if env_file.exists() else ""
    kept = [line for line in before.splitlines() if line.split("=")[0] not in more]
    env_file.write_text("\n".join([*kept, *(f"{name}={value}" for name, value in more.items())]) + "\n")
    return env_file.read_text()


def refusal(home: Path, env_file: Path | None = None) -> str:
    with pytest.raises(TerminalError, match="GB-6010") as refused:
        sandbox.refuse_others(home, env_file)
    return str(refused.value)


def test_a_new_home_is_nobody_s_and_asking_makes_nothing(home: Path, tmp_path: Path) -> None:
    sandbox.refuse_others(home)
    assert not home.exists()
    add(tmp_path / ".env", {"GLOBALBEV_SHOP_DSN": "", "GLOBALBEV_LAKE": "", "GLOBALBEV_ENV": "local", "GLOBALBEV_ALERTS": "mailto://x"})
    sandbox.refuse_others(home)


@pytest.mark.parametrize("name", REAL)
def test_an_installation_in_the_file_is_refused_whether_or_not_there_is_a_sandbox(home: Path, tmp_path: Path, name: str) -> None:
    env_file = tmp_path / ".env"
    before = add(env_file, {name: REAL[name], "GLOBALBEV_INVENTORY_TOKEN": TOKEN})
    said = refusal(home)
    assert f"{name} in {env_file}" in said
    assert "--home" in said
    assert "--env-file" in said
    assert not {secret for secret in ("hunter2", TOKEN, REAL[name]) if secret in said.replace(name, "")} - {"prod"}
    make(home, tmp_path / "other.env")
    assert name in refusal(home, env_file)
    with pytest.raises(TerminalError, match="GB-6010"):
        sandbox.up(home, env_file=env_file)
    assert env_file.read_text() == before


def test_up_makes_nothing_for_who_is_refused(home: Path, tmp_path: Path) -> None:
    before = add(tmp_path / ".env", REAL)
    with pytest.raises(TerminalError, match="GB-6010"):
        sandbox.up(home)
    assert not home.exists()
    assert (tmp_path / ".env").read_text() == before
    assert run("sandbox", "up", "--home", str(home)).exit_code == 2


def test_names_in_small_letters_are_read_like_the_settings_read_them(home: Path, tmp_path: Path) -> None:
    add(tmp_path / ".env", {"globalbev_lake": "/data/lake"})
    assert "GLOBALBEV_LAKE" in refusal(home)


@pytest.mark.parametrize("name", REAL)
def test_an_installation_in_the_environment_is_refused(home: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make(home, tmp_path / ".env")
    sandbox.refuse_others(home)
    monkeypatch.setenv(name, REAL[name])
    said = refusal(home)
    assert f"{name} in the environment" in said
    assert f"unset {name}" in said
    assert "hunter2" not in said


def test_a_new_sandbox_may_use_the_server_that_a_variable_names(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOBALBEV_SHOP_DSN", REAL["GLOBALBEV_SHOP_DSN"])
    sandbox.refuse_others(home)
    layout = Layout(home)
    layout.root.mkdir(parents=True)
    save_secrets(layout, Secrets("p" * 32, "t" * 43, REAL["GLOBALBEV_SHOP_DSN"]))
    save_state(layout, State(seed=1, scale=1, made_last=DAY, last=DAY, shop="external", env_file=str(tmp_path / ".env")))
    add(tmp_path / ".env", {"GLOBALBEV_SHOP_DSN": REAL["GLOBALBEV_SHOP_DSN"]})
    sandbox.refuse_others(home)
    monkeypatch.delenv("GLOBALBEV_SHOP_DSN")
    sandbox.refuse_others(home)


def test_where_the_embedded_server_did_not_come_up_another_may_be_named(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GB-6001 says so; the state of the first attempt said `embedded` for ever, and the variable was not looked at again."""
    layout = make(home, tmp_path / ".env", is_loaded=False, shop_port=0)
    (tmp_path / ".env").unlink()
    monkeypatch.setenv("GLOBALBEV_SHOP_DSN", REAL["GLOBALBEV_SHOP_DSN"])
    sandbox.refuse_others(home)
    assert lifecycle._begun(layout) is None


def test_its_own_settings_are_never_refused(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env_file = tmp_path / ".env"
    layout = make(home, env_file)
    written = dict(line.split("=", 1) for line in env_file.read_text().splitlines())
    sandbox.refuse_others(home)
    add(env_file, {"GLOBALBEV_SHOP_DSN": written["GLOBALBEV_SHOP_DSN"].replace(":5433", ":6000"), "GLOBALBEV_INVENTORY_URL": "http://127.0.0.1:9"})
    sandbox.refuse_others(home)  # its ports were taken, and it was killed before it wrote the new ones
    add(env_file, {"GLOBALBEV_LAKE": "home/../home/lake", "GLOBALBEV_CONTRACTS": "my_contracts", "GLOBALBEV_LANDING": "./home/landing"})
    sandbox.refuse_others(home)
    for name, value in written.items():
        monkeypatch.setenv(name, value)
    sandbox.refuse_others(layout.home)


def test_what_a_deleted_sandbox_wrote_may_be_replaced_unless_somebody_changed_it(home: Path, tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    make(home, env_file)
    shutil.rmtree(home)
    sandbox.refuse_others(home)
    for name in ("GLOBALBEV_SHOP_DSN", "GLOBALBEV_INVENTORY_URL", "GLOBALBEV_LANDING", "GLOBALBEV_LAKE", "GLOBALBEV_ENV"):
        before = env_file.read_text()
        add(env_file, {name: REAL[name]})
        assert name in refusal(home)
        env_file.write_text(before)


def test_the_file_goes_from_one_sandbox_to_another(home: Path, tmp_path: Path) -> None:
    make(tmp_path / "first", tmp_path / ".env")
    sandbox.refuse_others(home, tmp_path / ".env")
    add(tmp_path / ".env", {"GLOBALBEV_LAKE": str(tmp_path / "first" / "lake")})
    assert "GLOBALBEV_LAKE" in refusal(home), "the line would stay, and the second be loaded into the lake of the first"


@pytest.mark.parametrize("place", [*(f"landing/{feed}/2026-11-20/a.csv" for feed in FEEDS), "lake/silver/orders/_delta_log/0.json"])
def test_files_and_tables_that_no_sandbox_made_are_refused(home: Path, place: str) -> None:
    file = home / place
    file.parent.mkdir(parents=True)
    if place.startswith("landing"):
        sandbox.refuse_others(home)
    file.write_text("delivered")
    said = refusal(home)
    assert str(home / "/".join(place.split("/")[: 2 if place.startswith("landing") else 1])) in said
    assert "--home" in said
    assert not (home / "sandbox").exists()


def test_what_its_own_making_has_landed_is_its_own(home: Path, tmp_path: Path) -> None:
    layout = make(home, tmp_path / ".env", is_loaded=False)
    (layout.landing / FEEDS[0]).mkdir(parents=True)
    (layout.landing / FEEDS[0] / "half.csv").write_text("id")
    sandbox.refuse_others(home)


def test_the_feeds_that_are_looked_into_are_those_that_are_replaced() -> None:
    assert set(FEEDS) == {crm.FEED, panel.FEED, nutrition.FEED}


def test_a_file_beside_the_project_s_names_the_lake_too(home: Path, tmp_path: Path) -> None:
    make(home, tmp_path / ".env")
    assert "GLOBALBEV_LAKE" not in (tmp_path / ".env").read_text()
    make(tmp_path / "second", tmp_path / "beside.env")
    assert f"GLOBALBEV_LAKE={tmp_path / 'second' / 'lake'}\n" in (tmp_path / "beside.env").read_text()


@pytest.mark.parametrize(
    ("found", "begun_by", "is_taken"),
    [(None, None, True), (None, "me", True), ("me", "me", True), ("me", None, False), ("", None, False), ("", "me", False), ("another", "me", False)],
)
def test_a_schema_of_somebody_else_is_never_dropped(found: str | None, begun_by: str | None, is_taken: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shop, "mark", lambda _: found)
    if is_taken:
        lifecycle._refuse_shop("postgresql://etl:hunter2@db/erp", begun_by=begun_by)
        return
    with pytest.raises(TerminalError, match="GB-6004") as refused:
        lifecycle._refuse_shop("postgresql://etl:hunter2@db/erp", begun_by=begun_by)
    assert "hunter2" not in str(refused.value)


def test_the_demo_starts_nothing_for_who_is_refused(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr(demo, "_warm_up", lambda _: started.append("Spark"))
    before = add(tmp_path / ".env", REAL | {"GLOBALBEV_ENV": "local"})
    done = run("demo", "--home", str(home))
    assert (done.exit_code, done.stderr.splitlines()[0]) == (2, "GB-6010 Another installation is where the sandbox would be.")
    assert (started, home.exists()) == ([], False)
    assert (tmp_path / ".env").read_text() == before


def test_the_demo_reads_the_file_that_it_has_written(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sandbox that was made with ``--env-file`` would have gone on writing there, and the demo reading the project's own: somebody else's."""
    make(home, tmp_path / "beside.env")
    written: list[Path | None] = []
    monkeypatch.setattr(demo, "_warm_up", lambda _: None)
    monkeypatch.setattr(sandbox, "up", lambda _, env_file=None, **__: written.append(env_file))
    monkeypatch.setenv("GLOBALBEV_HOME", str(home))
    assert demo._sources_and_spark(home, 1).home == home
    assert written == [tmp_path / ".env"]
    add(tmp_path / ".env", {"GLOBALBEV_LAKE": REAL["GLOBALBEV_LAKE"]})
    with pytest.raises(TerminalError, match="GB-6010"):
        demo._sources_and_spark(home, 1)
