"""The sandbox as a user has it: up, asked, a day further, down. One sandbox for the whole module, in order."""

import csv
import io
import json
import os
import re
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import phonenumbers
import psutil
import psycopg
import pytest

import sandbox
from globalbev_assets.errors import TerminalError
from partitions.days import now, today
from sandbox import Status, processes, shop
from sandbox.judge import ledgered, verdicts
from sandbox.layout import Layout
from sandbox.ledger import read
from sandbox.state import load_state

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("sandbox")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("GLOBALBEV_SHOP_DSN", raising=False)
        sandbox.up(place, env_file=place / ".env", misbehave=0.0)
        yield place
    sandbox.remove(place)
    assert not Layout(place).root.exists()


@pytest.fixture
def running(home: Path) -> Status:
    return sandbox.up(home, misbehave=0.0)


def env(home: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (home / ".env").read_text().splitlines())


def ask(home: Path, query: str, token: str | None = None) -> tuple[int, dict[str, Any]]:
    known = env(home)
    bearer = {"Authorization": f"Bearer {known['GLOBALBEV_INVENTORY_TOKEN'] if token is None else token}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{known['GLOBALBEV_INVENTORY_URL']}{query}", headers=bearer), timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_it_holds_half_a_year_that_ends_yesterday(running: Status) -> None:
    state = load_state(Layout(running.home))
    assert state
    assert state.made_last in (today() - timedelta(days=1), today() - timedelta(days=2))
    assert len(state.window.days) == 181
    assert (running.rows["markets"], running.rows["stores"], running.rows["products"]) == (8, 363, 8266)
    assert 40_000 < running.rows["orders"] < 44_000 < 90_000 < running.rows["order_lines"] < 100_000
    assert running.rows["payments"] >= 0.95 * running.rows["orders"]
    assert set(running.files) == {"crm_contacts", "market_panel", "product_nutrition"}


def test_the_settings_point_at_it(home: Path, running: Status) -> None:
    known = env(home)
    assert known["GLOBALBEV_START_DATE"] == str(running.first_day)
    assert known["GLOBALBEV_LANDING"] == str(home / "landing")
    assert known["DAGSTER_HOME"] == str(home / "dagster")
    assert (home / ".env").stat().st_mode & 0o777 == 0o600
    with psycopg.connect(known["GLOBALBEV_SHOP_DSN"]) as connection:
        settings = connection.execute(
            "select current_setting('wal_level'), current_setting('listen_addresses'), current_setting('lc_collate', true)"
        ).fetchone()
    assert settings
    assert settings[:2] == ("logical", "127.0.0.1")


def test_a_second_up_changes_nothing_and_is_quick(home: Path, running: Status) -> None:
    before = {path: path.stat().st_mtime_ns for path in (Layout(home).state, Layout(home).defects, home / ".env")}
    started = time.monotonic()
    again = sandbox.up(home)
    assert time.monotonic() - started < 1
    assert not again.changed
    assert again.is_up
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_the_ledger_is_what_an_independent_judge_finds(home: Path, running: Status) -> None:
    found, written = verdicts(env(home)["GLOBALBEV_SHOP_DSN"], now()), ledgered(Layout(home).defects)
    assert Counter(found) == Counter(written)
    assert len(found) > 1500


def test_the_ledgers_files_are_there(home: Path, running: Status) -> None:
    listed = [defect for defect in read(Layout(home).defects) if defect.table == "ops.landing_files"]
    assert {defect.kind for defect in listed} == {
        *(
            "delivered_twice",
            "same_content_renamed",
            "corrected_later",
            "incomplete",
            "corrupt",
            "wrong_encoding",
            "wrong_delimiter",
            "empty",
            "header_only",
        )
    }
    for defect in listed:
        assert (home / "landing" / defect.key["file"]).is_file()


def test_nobody_is_answered_without_the_token(home: Path, running: Status) -> None:
    assert ask(home, "/v1/health", "")[0] == 200
    for token in ("", "wrong", "x" * 43):
        assert ask(home, "/v1/inventory", token) == (401, {"error": "unauthorised"})


def test_the_pages_of_a_day_add_up(home: Path, running: Status) -> None:
    day, items, token = running.last_day, [], ""
    while token is not None:
        status, page = ask(home, f"/v1/inventory?as_of={day}&page_size=400" + (f"&page_token={token}" if token else ""))
        assert status == 200
        items, token = items + page["items"], page["next_page_token"]
    assert page["as_of"] == f"{day}T23:59:59Z"
    assert len(items) == page["total"] == len({(item["warehouse_id"], item["sku"], item["lot_id"]) for item in items}) > 1200


def test_days_that_are_not_kept_are_not_found(home: Path, running: Status) -> None:
    assert running.last_day
    assert ask(home, f"/v1/inventory?as_of={running.last_day - timedelta(days=399)}")[0] == 200
    assert ask(home, f"/v1/inventory?as_of={running.last_day - timedelta(days=400)}") == (404, {"error": "no_snapshot"})
    assert ask(home, "/v1/inventory?as_of=soon")[0] == 400
    assert ask(home, "/v1/elsewhere")[0] == 404


def test_a_server_that_died_is_started_again_on_its_port(home: Path, running: Status) -> None:
    for service in ("inventory", "postgres"):
        process = processes.find(Layout(home).pid(service))
        assert process
        process.kill()
        psutil.wait_procs([process], timeout=10)
    assert not sandbox.status(home).is_up
    again = sandbox.up(home, misbehave=0.0)
    assert (again.is_up, again.changed) == (True, True)
    assert (again.shop_port, again.inventory_port, again.rows) == (running.shop_port, running.inventory_port, running.rows)


def test_a_stale_pid_file_stops_nobody(home: Path, running: Status) -> None:
    pid_file = Layout(home).pid("inventory")
    real = pid_file.read_text()
    pid_file.write_text(json.dumps({"pid": os.getpid(), "started": 1.0}))
    assert not sandbox.status(home).is_inventory_running
    pid_file.write_text(real)
    assert sandbox.status(home).is_inventory_running


def test_it_misbehaves_and_the_next_try_succeeds(home: Path, running: Status) -> None:
    processes.stop(Layout(home).pid("inventory"))
    sandbox.up(home, misbehave=1.0)
    try:
        for back in range(12):
            query = f"/v1/inventory?as_of={date.today() - timedelta(days=20 + back)}"  # noqa: DTZ011
            try:
                status, page = ask(home, query)
                is_whole = status == 200 and "items" in page
            except (ValueError, OSError):
                is_whole = False
            assert not is_whole
            assert ask(home, query)[0] == 200
    finally:
        processes.stop(Layout(home).pid("inventory"))
        sandbox.up(home, misbehave=0.0)
    noted = [json.loads(line)["kind"] for line in Layout(home).api_defects.read_text().splitlines()]
    assert len(noted) == 12
    assert len(set(noted)) >= 3


def test_another_scale_or_seed_is_refused(home: Path, running: Status) -> None:
    with pytest.raises(TerminalError, match="GB-6007") as refused:
        sandbox.up(home, scale=3)
    assert "scale 1" in str(refused.value)


def test_a_next_day_happens(home: Path, running: Status) -> None:
    assert running.last_day
    ahead = sandbox.advance(home)
    day = running.last_day + timedelta(days=1)
    assert ahead.last_day == day
    assert ahead.rows["orders"] > running.rows["orders"] + 50
    assert ahead.files["crm_contacts"] == running.files["crm_contacts"] + 1
    assert ask(home, f"/v1/inventory?as_of={day}")[0] == 200
    with shop.connect(env(home)["GLOBALBEV_SHOP_DSN"]) as connection:
        late = connection.execute("select count(*) from shop.orders where updated_at >= %s and ordered_at < %s", [day, day]).fetchone()
        future = connection.execute("select count(*) from shop.orders where updated_at > %s", [now()]).fetchone()
    assert late
    assert late[0] >= 46
    assert future == (0,)
    assert Counter(verdicts(env(home)["GLOBALBEV_SHOP_DSN"], now())) == Counter(ledgered(Layout(home).defects))


def test_down_stops_both_and_twice_is_once(home: Path, running: Status) -> None:
    assert sandbox.down(home)
    assert not sandbox.down(home)
    stopped = sandbox.status(home)
    assert stopped.exists
    assert not (stopped.is_shop_running or stopped.is_inventory_running)
    with pytest.raises(TerminalError, match="GB-6008"):
        sandbox.advance(home)


def test_a_named_postgresql_is_used_and_never_overwritten(home: Path, running: Status, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dsn = env(home)["GLOBALBEV_SHOP_DSN"]
    monkeypatch.setenv("GLOBALBEV_SHOP_DSN", dsn)
    with pytest.raises(TerminalError, match="GB-6004"):
        sandbox.up(tmp_path / "other", env_file=tmp_path / ".env")
    shop.make_database(dsn, "empty")
    with shop.connect(dsn.replace("/shop", "/empty")) as connection:
        connection.execute("create schema shop")
        connection.execute("create function shop.price() returns int language sql as 'select 1'")
    monkeypatch.setenv("GLOBALBEV_SHOP_DSN", dsn.replace("/shop", "/empty"))
    with pytest.raises(TerminalError, match="GB-6004"):  # no table, but the making would drop it
        sandbox.up(tmp_path / "other", env_file=tmp_path / ".env")
    shop.make_database(dsn, "another")
    other = dsn.replace("/shop", "/another")
    monkeypatch.setenv("GLOBALBEV_SHOP_DSN", other)
    made = sandbox.up(tmp_path / "other", env_file=tmp_path / ".env")
    assert (made.shop, made.is_up, made.rows["orders"]) == ("external", True, shop.counts(other)["orders"])
    assert not sandbox.up(tmp_path / "other").changed
    monkeypatch.setenv("GLOBALBEV_SHOP_DSN", dsn)
    with pytest.raises(TerminalError, match="GB-6010"):  # the variable would win over the file, and this shop be loaded into the other's lake
        sandbox.up(tmp_path / "other")
    monkeypatch.delenv("GLOBALBEV_SHOP_DSN")
    assert sandbox.down(tmp_path / "other")
    assert env(tmp_path)["GLOBALBEV_SHOP_DSN"] == other
    assert shop.counts(dsn) == sandbox.status(home).rows
    sandbox.remove(tmp_path / "other")


def delivered(home: Path, feed: str) -> dict[str, Path]:
    """The files whose rows count: the newest of each name, without those that are refused, doubled or unfinished."""
    refused = {defect.key["file"] for defect in read(Layout(home).defects) if defect.table == "ops.landing_files"}
    files = sorted((home / "landing" / feed).glob("*/*"))
    whole = [path for path in files if path.suffix != ".done" and str(path.relative_to(home / "landing")) not in refused]
    assert len({path.name for path in whole}) == len(whole)
    return {str(path.relative_to(home / "landing")): path for path in whole}


def rows(path: Path) -> list[dict[str, str]]:
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        text = path.read_bytes().decode("cp1252")
    return list(csv.DictReader(io.StringIO(text), delimiter=";" if ";" in text.splitlines()[0] else ","))


def test_the_panels_ledger_names_every_bad_number_and_no_other(home: Path, running: Status) -> None:
    found = {}
    for name, path in delivered(home, "market_panel").items():
        for position, row in enumerate(rows(path), start=1):
            for column in ("units", "sales_value", "avg_price"):
                if not re.fullmatch(r"\d+(\.\d+)?", row[column]):
                    found[name, position] = f"type:{column}"
    listed = {(d.key["file"], d.key["position"]): d.rule for d in read(Layout(home).defects) if d.feed == "market_panel" and d.rule}
    assert found == listed
    assert len(listed) > 50


def test_the_contacts_ledger_names_every_unreadable_text_and_every_double(home: Path, running: Status) -> None:
    found: set[tuple[str, int, str]] = set()
    for name, path in delivered(home, "crm_contacts").items():
        last = {row["contact_id"]: position for position, row in enumerate(rows(path), start=1)}
        for position, row in enumerate(rows(path), start=1):
            is_british = row["country"].strip().lower() in ("gb", "uk", "united kingdom", "great britain")
            zip_form = r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}" if is_british else r"\d{5}(-\d{4})?"
            checks = {
                "duplicate_key": last[row["contact_id"]] == position,
                "email_unreadable": not row["email"] or "@" in row["email"],
                "postal_code_unreadable": bool(
                    re.fullmatch(zip_form, row["zip"].strip().upper()) or re.search(rf"\s(?:{zip_form})\Z", row["city"].strip().upper())
                ),
                "phone_unreadable": not row["phone"] or is_phone(row["phone"], "GB" if is_british else "US"),
            }
            found |= {(name, position, rule) for rule, is_fine in checks.items() if not is_fine}
    listed = {(d.key["file"], d.key["position"], d.rule) for d in read(Layout(home).defects) if d.feed == "crm_contacts" and d.rule}
    assert found == listed
    assert {rule for _, _, rule in listed} == set(checks)


def is_phone(text: str, region: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, region))
    except phonenumbers.NumberParseException:
        return False


def test_the_documents_are_of_both_shapes_and_the_ledger_names_the_strays(home: Path, running: Status) -> None:
    documents = {name: json.loads(path.read_bytes()) for name, path in delivered(home, "product_nutrition").items()}
    shapes = Counter(next(iter(document["nutrition"].keys() - {"basis"})) for document in documents.values())
    assert min(shapes["nutriments"], shapes["aggregated_set"]) > 50
    assert {type(document.get("allergens")) for document in documents.values()} == {list, str, type(None)}
    with shop.connect(env(home)["GLOBALBEV_SHOP_DSN"]) as connection:
        known = {sku for (sku,) in connection.execute("select sku from shop.products").fetchall()}
    strays = {name for name, document in documents.items() if document["sku"] not in known}
    assert strays == {d.key["file"] for d in read(Layout(home).defects) if d.rule == "unknown_sku" and d.feed == "product_nutrition"}
    assert len(strays) == 6
