"""Runs real code where secrets and personal data could come out, with canaries in their place. Started by test_logs_canaries.py as a process.

``CANARIES=shown`` switches redaction off: then each canary has to be found, or the test would look in the wrong places.
"""

# No `from __future__ import annotations` here: Dagster reads the annotations of the functions that it is given.
import json
import logging
import os
import socketserver
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dagster as dg
import psutil
from dagster._utils.error import serializable_error_info_from_exc_info

from globalbev_assets.operations.failures import guarded
from partitions.daily import history
from resources.dagster_home import prepare_dagster_home
from resources.ledger import Ledger
from resources.logs.events import bound, emit
from resources.logs.redaction import Redactor

PASSWORD, TOKEN = "canary-Pa55/w@rd", "canary.T0ken-4711"
EMAIL, PHONE, SAS = "canary.bird@example.org", "+41 44 555 77 19", "canarySig%2Babc%3D"
ALERT = "slack://canaryTokenA/canaryTokenB/canaryTokenC"
ECHOED_KEY = "canary-echoed-9"


class FakePostgres(socketserver.BaseRequestHandler):
    """Asks for the password, refuses it, and tells it to everybody in its message."""

    def handle(self) -> None:
        length, code = struct.unpack("!ii", self.request.recv(8))
        while code in (80877103, 80877104):  # TLS, GSS
            self.request.sendall(b"N")
            length, code = struct.unpack("!ii", self.request.recv(8))
        self.request.recv(length - 8)
        self.request.sendall(b"R" + struct.pack("!ii", 8, 3))
        password = self.request.recv(4096)[5:].rstrip(b"\0")
        text = b'password authentication failed for user "shop", who gave ' + password
        fields = b"SFATAL\0VFATAL\0C28P01\0M" + text + b"\0\0"
        self.request.sendall(b"E" + struct.pack("!i", len(fields) + 4) + fields)


class Refusing(BaseHTTPRequestHandler):
    """Lets nobody in, and tells the token that it got."""

    def do_GET(self) -> None:
        body = json.dumps({"error": f"not let in with {self.headers.get('Authorization')}", "email": EMAIL}).encode()
        self.send_response(401, f"no {self.headers.get('Authorization')}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[int]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()


def hide_nothing() -> None:
    Redactor.text = lambda _, text: text  # type: ignore[method-assign]
    Redactor.value = lambda _, value, __=0: value  # type: ignore[method-assign]


def raise_nested() -> None:
    try:
        raise ValueError(f"no connection to {os.environ['GLOBALBEV_SHOP_DSN']}")
    except ValueError as error:
        raise RuntimeError(f"row of {EMAIL}, {PHONE}, fetched from https://acc.blob.core.windows.net/c?sv=1&sig={SAS}") from error


def log_in_every_way() -> None:
    with bound(run_id="canary", asset="silver.customers"):
        emit("table.held", held_days=1, reason=f"key of {EMAIL}")
        emit("source.read", source=ALERT, rows=1, email=EMAIL, password=PASSWORD, nested={"phone": PHONE, "list": [TOKEN]})
    logging.getLogger("urllib3.connectionpool").warning("retrying %s with %s", os.environ["GLOBALBEV_SHOP_DSN"], {"Authorization": f"Bearer {TOKEN}"})
    try:
        raise_nested()
    except RuntimeError:
        logging.getLogger("some.library").exception("it broke for %s", PHONE)


def run_dagster(home: Path) -> None:
    """The definitions as they are, against sources that refuse; and an asset, a check and a sensor that say too much."""
    from globalbev_assets.definitions import defs  # noqa: PLC0415  it reads the settings

    day = str(history(None, None).first)
    keys = [dg.AssetKey(["bronze", "orders"]), dg.AssetKey(["bronze", "inventory"])]

    @dg.asset
    def talkative(context: dg.AssetExecutionContext) -> None:
        context.log.info(f"loading {EMAIL} with {ALERT}")
        context.log.warning("password is %s", PASSWORD)
        print(f"children: {[child.cmdline() for child in psutil.Process().children(recursive=True)]}")
        raise_nested()

    @dg.asset_check(asset="checked")
    def indiscreet() -> dg.AssetCheckResult:
        raise_nested()
        return dg.AssetCheckResult(passed=True)

    @dg.asset
    def checked() -> None:
        pass

    tags = {"dagster/asset_partition_range_start": day, "dagster/asset_partition_range_end": day}
    with dg.DagsterInstance.get() as instance:
        job = defs.resolve_implicit_global_asset_job_def()
        job.execute_in_process(instance=instance, asset_selection=keys, tags=tags, raise_on_error=False)
        more = dg.Definitions(assets=[talkative, checked], asset_checks=[indiscreet])
        more.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance, raise_on_error=False)
        said = [error.to_string() for record in instance.get_run_records() for error in errors_of(instance, record.dagster_run.run_id)]
    (home / "dagster-errors.txt").write_text("\n".join(said))


def errors_of(instance: object, run_id: str) -> list[object]:
    entries = instance.all_logs(run_id)  # type: ignore[attr-defined]
    data = [entry.dagster_event.event_specific_data for entry in entries if entry.dagster_event]
    return [error for each in data if (error := getattr(each, "error", None))]


def evaluate_sensor(home: Path) -> None:
    @dg.sensor(name="leaky", target=dg.AssetSelection.all())
    def leaky(context: dg.SensorEvaluationContext) -> None:
        raise_nested()

    try:
        leaky(dg.build_sensor_context())
    except RuntimeError:
        kept = serializable_error_info_from_exc_info(sys.exc_info())  # type: ignore[arg-type]
        (home / "tick.txt").write_text(kept.to_string())


def fail_a_command() -> None:
    guarded(raise_nested, is_verbose=True)


def ledger_of(home: Path) -> None:
    """Parquet is compressed: what the ledger says is looked at as text."""
    rows = Ledger(str(home / "lake")).latest(["bronze.orders", "bronze.inventory"])
    (home / "ledger.txt").write_text("\n".join(f"{row.table_name} {row.state} {row.reason}" for row in rows.values()))


def main(home: Path) -> None:
    with (
        serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), FakePostgres)) as shop,
        serving(ThreadingHTTPServer(("127.0.0.1", 0), Refusing)) as api,
    ):
        password = PASSWORD.replace("/", "%2F").replace("@", "%40")
        os.environ |= {
            "GLOBALBEV_SHOP_DSN": f"postgresql://shop:{password}@127.0.0.1:{shop}/shop",
            "GLOBALBEV_INVENTORY_URL": f"http://127.0.0.1:{api}",
            "GLOBALBEV_INVENTORY_TOKEN": TOKEN,
            "GLOBALBEV_HOME": str(home),
            "GLOBALBEV_ENV": "local",
            "GLOBALBEV_LANDING": str(home / "landing"),
        }
        if os.environ.get("CANARIES") == "shown":
            hide_nothing()
        os.environ["DAGSTER_HOME"] = str(prepare_dagster_home(home))
        run_dagster(home)
        log_in_every_way()
        evaluate_sensor(home)
        fail_a_command()
        ledger_of(home)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
