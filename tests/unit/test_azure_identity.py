"""Who the host is to Azure's storage: the container's managed identity, asked where Azure Container Apps has it. A process of its own, on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from resources.settings import PROJECT

CLIENT = "11111111-2222-3333-4444-555555555555"
READ = """
from resources.settings import load_settings
from deltalake import DeltaTable
load_settings()
options = {"allow_http": "true", "max_retries": "0", "retry_timeout": "5s", "timeout": "5s"}
DeltaTable("abfss://lake@globalbevprod.dfs.core.windows.net/ops/ledger", storage_options=options)
"""


@dataclass
class Azure:
    """The container's identity endpoint and a storage account that has nothing, at one address."""

    address: str = ""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def of(self, start: str) -> list[tuple[str, dict[str, str]]]:
        """What was asked below a path."""
        return [(path, headers) for path, headers in self.asked if path.startswith(start)]


@pytest.fixture
def azure() -> Iterator[Azure]:
    found = Azure()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            is_token = self.path.startswith("/msi/token")
            body = json.dumps({"access_token": "a-token", "expires_on": "4102444800", "token_type": "Bearer"}).encode() if is_token else b""
            self.send_response(200 if is_token else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.address = f"http://127.0.0.1:{server.server_address[1]}"
    yield found
    server.shutdown()
    server.server_close()


def test_a_container_reads_the_lake_as_its_managed_identity(azure: Azure) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "GLOBALBEV_"))}
    given = {"IDENTITY_ENDPOINT": f"{azure.address}/msi/token", "IDENTITY_HEADER": "a-header", "AZURE_CLIENT_ID": CLIENT}
    environment = clean | given | {"AZURE_STORAGE_ENDPOINT": azure.address}
    subprocess.run([sys.executable, "-c", READ], cwd=PROJECT, env=environment, capture_output=True, check=False, timeout=120)
    ((path, headers), *_) = azure.of("/msi/token")
    assert f"client_id={CLIENT}" in path and "resource=https%3A%2F%2Fstorage.azure.com" in path
    assert headers["x-identity-header"] == "a-header"
    read = azure.of("/lake/ops/ledger/_delta_log")
    assert read and {headers["authorization"] for _, headers in read} == {"Bearer a-token"}
