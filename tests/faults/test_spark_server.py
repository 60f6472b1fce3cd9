"""The life of the warm Spark server: started once, replaced when it died or changed, never left behind, closed to strangers."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from globalbev_assets.errors import TransientError
from resources.jars import ensure_jars
from resources.settings import PROJECT, Settings, load_settings
from resources.spark import close_session, connect, interrupt_session, open_session, session_id
from resources.spark_server import ensure_server, running_server, server_status, stop_server
from resources.spark_server_record import read_record, write_record

pytestmark = [pytest.mark.jvm]
SOON_S = 60.0
CLIENT = """
import sys
from pathlib import Path
from resources.settings import Settings
from resources.spark_server import ensure_server
print(ensure_server(Settings(home=Path(sys.argv[1]), spark_memory="512m")).pid)
"""
SLOW_WRITER = """
import sys
from pathlib import Path
from resources.settings import Settings
from resources.spark import open_session, session_id
spark = open_session(Settings(home=Path(sys.argv[1]), spark_memory="512m"))
print(session_id(spark), flush=True)
rows = spark.range(int(sys.argv[2])).selectExpr("max(xxhash64(id)) AS id")
rows.write.format("delta").mode("append").save(sys.argv[3])
print("landed", flush=True)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with a space in its name, with JARs, whose server is ended after the tests."""
    path = tmp_path_factory.mktemp("spark") / "a home"
    shutil.copytree(ensure_jars(load_settings().home)[0].parent, path / "jars")
    yield path
    stop_server(Settings(home=path, spark_memory="512m"))


@pytest.fixture
def settings(home: Path) -> Settings:
    return Settings(home=home, spark_memory="512m")


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def becomes(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SOON_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_two_who_need_it_at_once_get_one_server(home: Path, settings: Settings) -> None:
    stop_server(settings)
    first, second = python(CLIENT, home), python(CLIENT, home)
    pids = {first.communicate(timeout=120)[0], second.communicate(timeout=120)[0]}
    assert pids == {f"{ensure_server(settings).pid}\n"}


def test_it_is_found_again_and_outlives_who_started_it(settings: Settings) -> None:
    first = ensure_server(settings)
    started = time.monotonic()
    assert ensure_server(settings) == first
    assert time.monotonic() - started < 1
    assert server_status(settings).is_current


def test_killed_it_is_replaced_and_its_client_is_told_within_seconds(settings: Settings) -> None:
    server = ensure_server(settings)
    spark = open_session(settings)
    psutil.Process(server.pid).kill()
    started = time.monotonic()
    with pytest.raises(Exception, match=r"UNAVAILABLE|refused|failed to connect"):
        spark.range(1).count()
    assert time.monotonic() - started < 30
    close_session(spark)
    replacement = ensure_server(settings)
    assert replacement.pid != server.pid
    with_new = open_session(settings)
    assert with_new.range(5).count() == 5
    close_session(with_new)


def test_a_number_that_was_given_to_another_process_is_no_server_and_that_process_lives_on(home: Path, settings: Settings) -> None:
    server = ensure_server(settings)
    record = read_record(home / "spark")
    assert record is not None
    stop_server(settings)
    stranger = subprocess.Popen(["sleep", "300"])
    try:
        fields = {name: getattr(record, name) for name in record.__slots__}
        write_record(home / "spark", type(record)(**fields | {"pid": stranger.pid}))
        assert not server_status(settings).is_running
        assert running_server(settings) is None
        assert ensure_server(settings).pid not in {server.pid, stranger.pid}
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_other_settings_replace_it_and_idle_it_ends_by_itself(settings: Settings) -> None:
    old = ensure_server(settings)
    new = ensure_server(settings.model_copy(update={"spark_memory": "600m"}), idle_s=3)
    assert new.pid != old.pid
    assert is_gone(old.pid)
    assert becomes(lambda: is_gone(new.pid))
    assert running_server(settings) is None


def test_other_settings_do_not_take_it_away_from_a_run(home: Path, settings: Settings) -> None:
    server = ensure_server(settings)
    client = python(SLOW_WRITER, home, 20_000_000_000, home / "slow")
    assert client.stdout is not None
    session = client.stdout.readline().strip()
    try:
        assert becomes(lambda: server_status(settings).has_jobs)
        with pytest.raises(TransientError, match="GB-1123"):
            ensure_server(settings.model_copy(update={"spark_memory": "600m"}))
        assert ensure_server(settings).pid == server.pid
    finally:
        interrupt_session(settings, session)
        client.kill()
        client.communicate()


def test_without_its_keeper_it_gets_a_new_one(home: Path, settings: Settings) -> None:
    server = ensure_server(settings)
    record = read_record(home / "spark")
    assert record is not None
    psutil.Process(record.keeper_pid).send_signal(signal.SIGKILL)
    assert becomes(lambda: is_gone(record.keeper_pid))
    assert ensure_server(settings).pid == server.pid
    assert becomes(lambda: (read_record(home / "spark") or record).keeper_pid != record.keeper_pid)


def test_stopped_it_is_gone_and_stopping_again_says_that_there_was_none(home: Path, settings: Settings) -> None:
    server = ensure_server(settings)
    assert stop_server(settings)
    assert is_gone(server.pid)
    assert not stop_server(settings)
    assert not (home / "spark" / "server.json").exists()


def test_without_its_record_it_ends_so_that_no_second_one_writes_beside_it(home: Path, settings: Settings) -> None:
    stop_server(settings)
    server = ensure_server(settings, idle_s=20)
    (home / "spark" / "server.json").unlink()
    assert becomes(lambda: is_gone(server.pid))


def test_a_heap_that_java_refuses_is_one_error_with_javas_words(settings: Settings) -> None:
    stop_server(settings)
    with pytest.raises(TransientError) as error:
        ensure_server(settings.model_copy(update={"spark_memory": "1m"}))
    assert error.value.code == "GB-1122"
    assert "heap" in str(error.value.got).lower()


def test_a_home_that_is_a_file_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "jars").symlink_to(ensure_jars(load_settings().home)[0].parent)
    (tmp_path / "spark").write_text("not a folder")
    with pytest.raises(Exception, match="GB-1125"):
        ensure_server(Settings(home=tmp_path, spark_memory="512m"))


def test_it_listens_on_the_loopback_interface_only_and_shows_its_token_to_nobody(home: Path, settings: Settings) -> None:
    server = ensure_server(settings)
    process = psutil.Process(server.pid)
    listening = {connection.laddr.ip for connection in process.net_connections(kind="inet") if connection.status == psutil.CONN_LISTEN}
    assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}
    assert (home / "spark" / "server.json").stat().st_mode & 0o777 == 0o600
    for path in (home / "spark").glob("*"):
        if path.is_file() and path.name != "server.json":
            assert server.token.encode() not in path.read_bytes(), path.name
    assert server.token not in " ".join(process.cmdline())
    assert server.token not in repr(server) + repr(read_record(home / "spark"))


def test_a_wrong_token_is_refused(settings: Settings) -> None:
    server = ensure_server(settings)
    stranger = connect(
        type(server)(port=server.port, pid=server.pid, ui_port=server.ui_port, token="guessed"), "7f3c3c5e-0f5e-4b57-9a3e-0d3f8f2f4a11"
    )
    with pytest.raises(Exception, match=r"(?i)authenticat|token"):
        stranger.range(1).count()
    close_session(stranger)


@pytest.mark.parametrize("is_killed", [pytest.param(True, id="killed"), pytest.param(False, id="only slow", marks=pytest.mark.slow)])
def test_the_write_of_an_interrupted_session_never_lands_and_its_session_takes_no_more(home: Path, settings: Settings, is_killed: bool) -> None:
    ensure_server(settings)
    table = home / f"table-{is_killed}"
    client = python(SLOW_WRITER, home, 20_000_000_000, table)
    try:
        assert client.stdout is not None
        session = client.stdout.readline().strip()
        assert becomes(lambda: server_status(settings).has_jobs)
        if is_killed:
            client.kill()
        assert interrupt_session(settings, session) == 1
        assert not list(table.glob("_delta_log/*.json"))
        assert becomes(lambda: not server_status(settings).has_jobs)
        server = running_server(settings)
        assert server is not None
        again = connect(server, session)
        with pytest.raises(Exception, match="SESSION_CLOSED"):
            again.range(1).count()
        close_session(again)
    finally:
        client.kill()
        assert "landed" not in client.communicate()[0]


def test_sessions_are_apart_and_their_jobs_run_in_their_pool(settings: Settings) -> None:
    live, backfill = open_session(settings), open_session(settings, pool="backfill")
    assert session_id(live) != session_id(backfill)
    live.range(1).createOrReplaceTempView("mine")
    assert not backfill.catalog.tableExists("mine")
    assert backfill.range(3).count() == 3
    assert live.range(3).count() == 3
    assert {"live", "backfill"} <= pools_of(settings)
    for spark in (live, backfill):
        close_session(spark)


def pools_of(settings: Settings) -> set[str]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    api = f"{server_status(settings).ui}/api/v1/applications"
    application = json.load(opener.open(api, timeout=20))[0]["id"]
    return {stage["schedulingPool"] for stage in json.load(opener.open(f"{api}/{application}/stages", timeout=20))}


def shown(port: int, path: str) -> str:
    """A page of the server's UI, or an answer of its REST API."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}/{path}", timeout=20) as answer:
        return str(answer.read().decode())


def test_the_ui_shows_no_password_of_a_read(home: Path, settings: Settings) -> None:
    """A plan stands in the Connect tab from its start on, also when it fails: nobody listens at that address."""
    ensure_server(settings)
    spark = open_session(settings)
    record = read_record(home / "spark")
    assert record is not None
    options = {"url": "jdbc:postgresql://127.0.0.1:1/x?password=s3cret-one", "user": "u", "password": "s3cret-two", "sslpassword": 's3cret-"thr33'}
    try:
        with pytest.raises(Exception, match=r"FAILED_JDBC\.CONNECTION"):
            spark.read.format("jdbc").options(**options, dbtable="shop.orders", driver="org.postgresql.Driver").load().collect()
        spark.range(3).selectExpr("'s3cret-free' as told").collect()
        [application] = json.loads(shown(record.ui_port, "api/v1/applications"))
        pages = ["connect/", "jobs/", "SQL/", "environment/"]
        answers = [f"api/v1/applications/{application['id']}/{path}" for path in ("jobs", "sql?details=true&length=1000", "environment")]
        assert becomes(lambda: "shop.orders" in shown(record.ui_port, "connect/")), "the read is not shown at all"
        said = {path: shown(record.ui_port, path) for path in (*pages, *answers)}
        assert "redacted" in said["connect/"]
        assert [path for path, text in said.items() if any(f"s3cret-{name}" in text for name in ("one", "two")) or "thr33" in text] == []
    finally:
        close_session(spark)
