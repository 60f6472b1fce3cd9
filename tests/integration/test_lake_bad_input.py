"""Bad input: one clear error with its code, what was got, what is valid and what to do; no secret in it, and nothing half-published."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from globalbev_assets.contracts.loader import PACKAGED, load_contracts
from globalbev_assets.errors import GlobalBevError, TerminalError
from globalbev_assets.operations.backfill import plan
from partitions.days import DayRange
from resources.lakehouse_resource import LakehouseResource
from resources.settings import load_settings
from tests.integration.lakes import Lake

pytestmark = [pytest.mark.integration]


def whole(error: GlobalBevError, code: str, got: str, valid: str) -> None:
    """The error has its code and all its parts."""
    assert error.code == code
    assert got in str(error.got)
    assert valid in str(error.valid)
    assert error.todo
    assert str(error).splitlines()[0] == f"{code} {error.what}"


def test_an_unknown_environment(own_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOBALBEV_ENV", "moon")
    with pytest.raises(TerminalError) as found:
        load_settings()
    whole(found.value, "GB-1003", "moon", "local, dev, test, prod")


@pytest.mark.parametrize(
    ("first", "last", "code", "got", "valid"),
    [
        ("2026-13-01", "2026-12-01", "GB-1001", "2026-13-01", "YYYY-MM-DD"),
        ("yesterday", "2026-12-01", "GB-1001", "'yesterday'", "YYYY-MM-DD"),
        ("2026-05-01\n", "2026-05-02", "GB-1001", "2026-05-01", "YYYY-MM-DD"),
        ("2026-05-02", "2026-05-01", "GB-1002", "2026-05-02 to 2026-05-01", "first day <= last day"),
    ],
)
def test_a_malformed_day_or_range(first: str, last: str, code: str, got: str, valid: str) -> None:
    with pytest.raises(TerminalError) as found:
        DayRange.parse(first, last)
    whole(found.value, code, got, valid)


def test_days_outside_the_history(own_lake: Lake) -> None:
    last = own_lake.days.last
    with pytest.raises(TerminalError) as found:
        plan(own_lake.settings, DayRange(last, last + timedelta(days=1)))
    whole(found.value, "GB-1006", f"{last} to {last + timedelta(days=1)}", str(last))


@pytest.mark.parametrize("name", ["silver/nothing", "silver/orders; drop table x", "../../etc/passwd", ""])
def test_a_table_that_does_not_exist(own_lake: Lake, name: str) -> None:
    with pytest.raises(GlobalBevError) as found:
        plan(own_lake.settings, own_lake.days, [name])
    assert found.value.got is not None
    assert found.value.valid
    assert found.value.todo


def refused(lake: Lake, table: str, monkeypatch: pytest.MonkeyPatch, **variables: str) -> tuple[str, dict[str, int]]:
    """What a backfill of the last day says with these settings, and the versions of the data tables, which must be as before."""
    before = lake.versions()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    results = lake.backfill(DayRange(lake.days.last, lake.days.last), [table])
    assert [result.succeeded for result in results] == [False]
    after = lake.versions()
    assert {name: version for name, version in after.items() if not name.startswith("ops.")} == {
        name: version for name, version in before.items() if not name.startswith("ops.")
    }
    return "\n".join(results[0].errors), {name: after[name] - before[name] for name in after if after[name] != before[name]}


def test_a_lake_path_that_is_a_file(own_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "lake"
    file.write_text("a file")
    error, changed = refused(own_lake, "bronze/markets", monkeypatch, GLOBALBEV_LAKE=str(file))
    for part in ("GB-1210 The lake cannot be written.", str(file), "GLOBALBEV_LAKE"):
        assert part in error
    assert changed == {}
    assert file.read_text() == "a file"


@contextmanager
def as_nobody() -> Iterator[None]:
    """What may be written is asked of the real user; root, who writes everywhere, is somebody else for so long."""
    if os.geteuid() != 0:
        yield
        return
    os.setreuid(65534, 0)
    try:
        yield
    finally:
        os.setreuid(0, 0)


def test_a_lake_that_may_not_be_written(own_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as place, as_nobody():
        folder = Path(place) / "lake"
        folder.mkdir()
        Path(place).chmod(0o755)  # anybody may enter; pytest's own folders are their owner's
        folder.chmod(0o777)
        monkeypatch.setenv("GLOBALBEV_LAKE", str(folder))
        LakehouseResource().lake().check_writable()
        folder.chmod(0o555)
        error, changed = refused(own_lake, "bronze/markets", monkeypatch, GLOBALBEV_LAKE=str(folder))
        assert "GB-1210" in error
        assert (changed, list(folder.iterdir())) == ({}, [])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_no_database_at_the_address(own_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    error, _ = refused(own_lake, "bronze/markets", monkeypatch, GLOBALBEV_SHOP_DSN=f"postgresql://globalbev:s3cret-pass@127.0.0.1:{port}/shop")
    for part in ("GB-1230", f"127.0.0.1:{port}", "first " + str(own_lake.days.last)):
        assert part in error
    assert "s3cret-pass" not in error
    newest = own_lake.query("select state, reason, published from ops.ledger where table_name = 'bronze.markets' order by recorded_at desc limit 1")[
        0
    ]
    assert (newest["state"], newest["published"]) == ("failed", 0)
    assert newest["reason"].startswith("GB-1230")


def test_a_wrong_password(own_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    right = own_lake.dsn.split(":")[2].split("@")[0]
    error, _ = refused(own_lake, "bronze/markets", monkeypatch, GLOBALBEV_SHOP_DSN=own_lake.dsn.replace(right, "wr0ng-pass"))
    assert "GB-1231" in error
    assert "globalbev@127.0.0.1" in error
    assert "wr0ng-pass" not in error
    assert right not in error


def test_no_connection_string_at_all(own_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    error, _ = refused(own_lake, "bronze/markets", monkeypatch, GLOBALBEV_SHOP_DSN="host=127.0.0.1 pass word=h1dden")
    assert "GB-1234" in error
    assert "h1dden" not in error


def test_a_token_that_is_not_let_in(own_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    error, _ = refused(own_lake, "bronze/inventory", monkeypatch, GLOBALBEV_INVENTORY_TOKEN="t0ken-of-somebody")
    assert "GB-1305" in error
    assert "t0ken-of-somebody" not in error


def test_a_landing_zone_that_is_not_there(own_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error, _ = refused(own_lake, "bronze/crm_contacts", monkeypatch, GLOBALBEV_LANDING=str(tmp_path / "nowhere"))
    assert "GB-1320" in error
    assert "nowhere" in error


def test_a_part_of_the_key_that_the_source_lost(own_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    own_lake.shop("alter table shop.stores rename column store_id to shop_id")
    try:
        error, _ = refused(own_lake, "bronze/stores", monkeypatch)
    finally:
        own_lake.shop("alter table shop.stores rename column shop_id to store_id")
    assert "GB-1232 shop.stores lacks columns of the contract bronze.stores." in error
    assert "missing: store_id; new: shop_id" in error


def test_a_corrupt_file_is_set_aside_with_its_bytes_and_the_others_are_read(own_lake: Lake) -> None:
    day = own_lake.days.last
    folder = own_lake.landing / "market_panel" / str(day)
    folder.mkdir(parents=True, exist_ok=True)
    header, line = "week_start,market_id,sku,units,sales_value,avg_price,display,feature", "2026-01-05,US-OH,BEV-1,1,2.0,2.0,0,0"
    (folder / "good.csv").write_text(f"{header}\n{line}\n")
    (folder / "broken.csv").write_bytes(b"\x00\x01\xfe" * 50)
    for name in ("good.csv", "broken.csv"):
        (folder / f"{name}.done").touch()
    before = own_lake.query("select count(*) as rows from bronze.market_panel where _partition_date = ?", [day])[0]["rows"]
    result = own_lake.backfill(DayRange(day, day), ["bronze/market_panel"])[0]
    assert (result.succeeded, result.errors) == (True, [])
    sources = {row["_source"] for row in own_lake.query("select distinct _source from bronze.market_panel where _partition_date = ?", [day])}
    assert f"market_panel/{day}/good.csv" in sources
    assert f"market_panel/{day}/broken.csv" not in sources
    assert own_lake.query("select count(*) as rows from bronze.market_panel where _partition_date = ?", [day])[0]["rows"] == before + 1
    assert (own_lake.home / "deadletter" / "market_panel" / str(day) / "broken.csv").read_bytes() == b"\x00\x01\xfe" * 50
    told = own_lake.query("select severity, observed from ops.dq_results where rule_id = 'dead_letter' and run_id = ?", [result.run_id])
    assert [(row["severity"], int(row["observed"])) for row in told] == [("warn", 1)]


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (lambda text: text.replace("classification: restricted", "classificaton: restricted", 1), "GB-1021", "classificaton"),
        (lambda text: text.replace("column: birth_date}", "column: birthdate}", 1), "GB-10", "birthdate"),
    ],
)
def test_a_contract_with_a_slip_stops_everything_and_says_where(tmp_path: Path, change: Callable[[str], str], code: str, said: str) -> None:
    text = (PACKAGED / "silver" / "customers.odcs.yaml").read_text()
    slip = change(text).replace("globalbev.silver.customers", "globalbev.silver.customers_two").replace("name: customers\n", "name: customers_two\n")
    assert slip.count(said) == 1
    (tmp_path / "customers_two.odcs.yaml").write_text(slip.replace("physicalName: silver.customers", "physicalName: silver.customers_two"))
    with pytest.raises(TerminalError) as found:
        load_contracts([tmp_path])
    message = str(found.value)
    assert code in message
    assert said in message
    assert "customers_two.odcs.yaml" in message


def test_the_lake_that_was_copied_is_whole_after_all_this(own_lake: Lake, loaded: Lake) -> None:
    """What fails in one lake leaves no trace in another of the same sources' server, Spark and home: its newest state has no failed day."""
    assert own_lake.root != loaded.root
    assert {row["state"] for row in loaded.latest()} <= {"published", "unchanged", "no_source_data"}
