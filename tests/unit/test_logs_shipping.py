"""Shipping to Log Analytics: nothing is lost by an outage, nothing waits for the receiver, and the folder stays bounded."""

from __future__ import annotations

import json
import logging
import stat
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from globalbev_assets.errors import TerminalError
from resources.logs.columns import COLUMNS, STREAM, row_of
from resources.logs.log_analytics import IdentityOfAzure, LaterError, LogAnalytics, log_analytics
from resources.logs.shipping import Shipper, ShippingHandler, ship, spool_of
from resources.logs.spool import SEGMENT_BYTES, Spool
from resources.settings import Settings
from tests.unit.log_receiver import Receiver, receiving

ROOT = Path(__file__).parents[2]
SECRET = "client-secret-4711"


def settings(home: Path, url: str = "", **more: Any) -> Settings:
    given = {"home": home, "log_endpoint": url or None, "log_rule": "dcr-0123", "log_tenant": "tenant", "log_client_id": "client"}
    return Settings(**given | {"log_client_secret": SECRET, "log_authority": url or "https://login"} | more, _env_file=None)  # type: ignore[arg-type]


def client(home: Path, url: str, **more: Any) -> LogAnalytics:
    found = log_analytics(settings(home, url, **more))
    assert found is not None
    return found


def spool(home: Path, most_bytes: int = 10_000_000) -> Spool:
    return Spool(home / "spool", most_bytes)


def fill(into: Spool, first: int, last: int) -> None:
    for number in range(first, last):
        into.write(json.dumps({"number": number}).encode())
    into.seal()


def numbers(receiver: Receiver) -> list[int]:
    return [row["number"] for row in receiver.rows]


def test_rows_arrive_once_compressed_and_with_a_token(tmp_path: Path) -> None:
    lines = spool(tmp_path)
    fill(lines, 0, 500)
    with receiving() as receiver:
        done = ship(lines, client(tmp_path, receiver.url).send)
    assert (done.lines, done.lost, done.reason) == (500, 0, "")
    assert numbers(receiver) == list(range(500))
    (path, status, form), *others = receiver.calls
    assert (status, others) == (204, [])
    assert path == f"/dataCollectionRules/dcr-0123/streams/{STREAM}?api-version=2023-01-01"
    assert form.endswith(" gzip")
    assert receiver.forms == [
        {"grant_type": ["client_credentials"], "client_id": ["client"], "client_secret": [SECRET], "scope": ["https://monitor.azure.com/.default"]}
    ]
    assert lines.waiting() == (0, 0)


def test_no_call_is_larger_than_a_megabyte(tmp_path: Path) -> None:
    lines = spool(tmp_path)
    for number in range(300):
        lines.write(json.dumps({"number": number, "text": "x" * 9_000}).encode())
    lines.seal()
    with receiving() as receiver:
        ship(lines, client(tmp_path, receiver.url).send)
    assert numbers(receiver) == list(range(300))
    sizes = [int(form.split()[0]) for _, _, form in receiver.calls]
    assert len(sizes) > 2
    assert max(sizes) <= 1_000_000


@pytest.mark.parametrize(("status", "headers", "wait_s"), [(429, {"Retry-After": "7"}, 7.0), (503, {}, None), (500, {}, None), (403, {}, 300.0)])
def test_an_outage_keeps_every_line_and_the_order(status: int, headers: dict[str, str], wait_s: float | None, tmp_path: Path) -> None:
    lines = spool(tmp_path)
    fill(lines, 0, 10)
    with receiving(Receiver(script=[(status, headers)])) as receiver:
        sender = client(tmp_path, receiver.url)
        failed = ship(lines, sender.send)
        assert (failed.lines, failed.reason, failed.wait_s) == (0, f"status {status}", wait_s)
        fill(lines, 10, 20)
        assert ship(lines, sender.send).lines == 20
    assert numbers(receiver) == list(range(20))


def test_a_receiver_that_is_gone_for_a_while_loses_nothing(tmp_path: Path) -> None:
    lines = spool(tmp_path)
    with receiving() as receiver:
        sender, port = client(tmp_path, receiver.url), int(receiver.url.rpartition(":")[2])
        fill(lines, 0, 5)
        ship(lines, sender.send)
    for hour in range(1, 4):
        fill(lines, hour * 5, hour * 5 + 5)
        assert ship(lines, sender.send).reason.startswith("no answer")
    assert lines.waiting()[0] == 15
    with receiving(receiver, port):
        ship(lines, sender.send)
    assert numbers(receiver) == list(range(20))


def test_retry_after_is_kept_and_pauses_grow(tmp_path: Path) -> None:
    lines = spool(tmp_path)
    with receiving(Receiver(script=[(503, {"Retry-After": "1"})])) as receiver:
        shipper = Shipper(lines, client(tmp_path, receiver.url))
        fill(lines, 0, 1)
        began = time.monotonic()
        assert shipper.tick().reason == "status 503"
        assert shipper.tick().reason == "waiting"
        assert len(receiver.calls) == 1
        while shipper.tick().reason:
            time.sleep(0.02)
        assert time.monotonic() - began >= 1.0
    assert numbers(receiver) == [0]


def test_a_token_that_is_refused_is_fetched_anew_once(tmp_path: Path) -> None:
    lines = spool(tmp_path)
    with receiving(Receiver(script=[(401, {})])) as receiver:
        sender = client(tmp_path, receiver.url)
        fill(lines, 0, 3)
        assert ship(lines, sender.send).lines == 3
        fill(lines, 3, 6)
        ship(lines, sender.send)
    assert receiver.tokens == ["token-1", "token-2"]
    assert numbers(receiver) == list(range(6))


def test_a_wrong_secret_keeps_the_lines_and_asks_seldom(tmp_path: Path) -> None:
    lines = spool(tmp_path)
    fill(lines, 0, 3)
    with receiving(Receiver(token_status=401)) as receiver:
        failed = ship(lines, client(tmp_path, receiver.url).send)
    assert (failed.reason, failed.wait_s) == ("no token: status 401", 300.0)
    assert SECRET not in failed.reason
    assert lines.waiting()[0] == 3


def test_too_many_rows_for_a_call_are_sent_in_halves(tmp_path: Path) -> None:
    lines = spool(tmp_path)
    fill(lines, 0, 100)
    with receiving(Receiver(most_rows=30)) as receiver:
        assert ship(lines, client(tmp_path, receiver.url).send).lines == 100
    assert numbers(receiver) == list(range(100))


def test_one_row_that_is_refused_costs_no_other(tmp_path: Path) -> None:
    lines = spool(tmp_path)
    fill(lines, 0, 40)
    with receiving(Receiver(refuses='{"number": 17}')) as receiver:
        done = ship(lines, client(tmp_path, receiver.url).send)
    assert (done.lines, done.lost) == (39, 1)
    assert Counter(numbers(receiver)) == Counter(set(range(40)) - {17})
    assert json.loads((lines.folder / "refused.jsonl").read_text()) == {"number": 17}


def test_a_rule_that_refuses_everything_loses_nothing(tmp_path: Path) -> None:
    lines = spool(tmp_path)
    fill(lines, 0, 40)
    with receiving(Receiver(refuses="number")) as receiver:
        done = ship(lines, client(tmp_path, receiver.url).send)
        assert (done.lines, done.lost, done.wait_s, len(receiver.calls)) == (0, 0, 300.0, 3)
        receiver.refuses = "\0"
        ship(lines, client(tmp_path, receiver.url).send)
    assert Counter(numbers(receiver)) == Counter(range(40))


def test_the_folder_stays_bounded_and_what_is_given_up_is_counted(tmp_path: Path) -> None:
    lines = spool(tmp_path, most_bytes=2 * SEGMENT_BYTES)
    for number in range(600):
        lines.write(json.dumps({"number": number, "text": "x" * 4_000}).encode())
    lines.seal()
    before = lines.waiting()[0]
    lost = lines.make_room()
    assert before == 600
    assert lost > 300
    kept = [json.loads(line)["number"] for batch in lines.batches(10**9) for line in batch.lines]
    assert kept == list(range(lost, 600)), "the oldest go"
    assert lines.waiting()[1] <= 2 * SEGMENT_BYTES


def test_the_files_are_their_owners_alone(tmp_path: Path) -> None:
    lines = spool(tmp_path)
    fill(lines, 0, 1)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (lines.folder, *lines.folder.iterdir())] == [0o700, 0o600]


def test_what_a_killed_process_left_is_shipped_by_the_next(tmp_path: Path) -> None:
    """Killed between two lines, in the middle of a third."""
    code = (
        "import os, sys, signal; from pathlib import Path; from resources.logs.spool import Spool\n"
        "spool = Spool(Path(sys.argv[1]), 10**7)\n"
        "[spool.write(b'{\"number\": %d}' % number) for number in range(3)]\n"
        "os.write(spool._handle, b'{\"numb'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "spool")], cwd=ROOT, check=False)
    assert done.returncode == -9
    with receiving() as receiver:
        assert ship(spool(tmp_path), client(tmp_path, receiver.url).send).lines == 3
    assert numbers(receiver) == [0, 1, 2]


def test_several_writers_and_shippers_lose_and_double_nothing(tmp_path: Path) -> None:
    spools = [spool(tmp_path) for _ in range(4)]
    with receiving() as receiver:
        sender = client(tmp_path, receiver.url)

        def work(part: int) -> None:
            for start in range(0, 200, 20):
                fill(spools[part], part * 1000 + start, part * 1000 + start + 20)
                ship(spools[part], sender.send)

        threads = [threading.Thread(target=work, args=(part,)) for part in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ship(spools[0], sender.send)
    assert Counter(numbers(receiver)) == Counter(part * 1000 + number for part in range(4) for number in range(200))


def test_logging_does_not_wait_for_a_slow_receiver(tmp_path: Path) -> None:
    with receiving(Receiver(silent_s=2.0)) as receiver:
        lines = spool(tmp_path)
        shipper = Shipper(lines, client(tmp_path, receiver.url), interval_s=0.01)
        shipper.start()
        handler = ShippingHandler(lines, "test")
        began = time.monotonic()
        for number in range(200):
            handler.handle(logging.LogRecord("globalbev.x", logging.INFO, "f", 1, f"event {number}", (), None))
        assert time.monotonic() - began < 1.0
        shipper.stop(within_s=10)
    assert len(receiver.rows) == 200


def test_a_full_disk_stops_no_work(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file, where the folder should be")
    handler = ShippingHandler(spool(tmp_path), "test")
    handler.handle(logging.LogRecord("globalbev.x", logging.INFO, "f", 1, "event", (), None))
    assert handler.failed_lines == 1


def test_nothing_is_shipped_without_settings(tmp_path: Path) -> None:
    assert log_analytics(settings(tmp_path)) is None


@pytest.mark.parametrize(
    "address", ["ingest.monitor.azure.com", "http://dce.example.com", "https://user:pass@dce.example.com", "https://dce/?sig=x", "https://"]
)
def test_a_malformed_address_is_one_clear_error(address: str, tmp_path: Path) -> None:
    with pytest.raises(TerminalError) as caught:
        log_analytics(settings(tmp_path, log_endpoint=address, log_authority="https://login"))
    assert caught.value.code == "GB-2401"
    assert "pass" not in str(caught.value)


def test_half_a_setting_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(TerminalError) as caught:
        log_analytics(settings(tmp_path, "https://dce.example.com", log_rule=None, log_tenant=None))
    assert (caught.value.code, caught.value.got) == ("GB-2402", "GLOBALBEV_LOG_ENDPOINT without GLOBALBEV_LOG_RULE, GLOBALBEV_LOG_TENANT")


def test_without_a_secret_the_identity_of_the_machine_is_asked(tmp_path: Path) -> None:
    class Credential:
        def get_token(self, scope: str) -> Any:
            return type("Token", (), {"token": f"for {scope}"})()

    class Broken:
        def get_token(self, scope: str) -> Any:
            raise RuntimeError(f"secret things about {scope}")

    found = client(tmp_path, "https://dce.example.com", log_client_secret=None, log_client_id=None, log_tenant=None)
    assert isinstance(found.token, IdentityOfAzure)
    assert IdentityOfAzure(Credential())() == "for https://monitor.azure.com/.default"
    with pytest.raises(LaterError) as caught:
        IdentityOfAzure(Broken())()
    assert (caught.value.reason, caught.value.wait_s) == ("no token: RuntimeError", 300.0)


def test_a_row_has_the_tables_columns_and_types() -> None:
    row = row_of(
        {"timestamp": "2026-05-01T00:00:00.000+00:00", "event": "x", "rows_in": "7", "held_days": "many", "exception": "Traceback", "new": 1},
        "prod",
        "h",
    )
    assert set(row) <= set(COLUMNS)
    assert (row["RowsIn"], row["HeldDays"], row["Error"], row["Properties"], row["Environment"]) == (7, None, "Traceback", {"new": 1}, "prod")
    assert row_of({"event": "x", "big": "y" * 100_000}, "prod", "h")["Properties"] == {"cut": "big"}


def test_the_spool_of_a_home_is_beside_its_logs(tmp_path: Path) -> None:
    assert spool_of(settings(tmp_path)).folder == tmp_path / "logs" / "spool"
