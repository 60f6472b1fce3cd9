"""The REST API: one function a call, found by method and path."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from .answers import Answer, ApiError, denied, not_found
from .workspace import Call, Workspace

LOOPBACK = "127.0.0.1"
OPEN = ("/oidc/",)


@dataclass(frozen=True)
class Request:
    """A request that has been read."""

    workspace: Workspace
    principal: str
    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any]
    raw: bytes
    headers: Mapping[str, str]

    @property
    def about(self) -> str:
        """What it is about, for the log: a path or a number, never content."""
        found = {**self.query, **{name: value for name, value in self.body.items() if isinstance(value, (str, int))}}
        named = self.workspace.dbfs.name_of(int(found["handle"])) if "handle" in found else ""
        return str(found.get("path") or named or found.get("run_id") or found.get("run_name") or "")


Handler = Callable[[Request], Answer]


def serve(workspace: Workspace) -> ThreadingHTTPServer:
    """A server on a free port of this machine, and reachable from nowhere else."""
    return _Server((LOOPBACK, 0), workspace)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], workspace: Workspace) -> None:
        self.workspace = workspace
        super().__init__(address, _Connection)


class _Connection(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's names
        """Say nothing: the workspace keeps its own log."""

    def _handle(self) -> None:
        started, workspace = time.time(), self.server.workspace
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer, about, who = Answer(), "", ""
        try:
            request = self._read(unquote(parts.path), parts.query, raw)
            about, who = request.about, request.principal  # before it is answered: closing forgets a handle
            answer = self._answer(request)
            if workspace.faults.take("lost_answer", request.path):
                raise ApiError(503, "TEMPORARILY_UNAVAILABLE", "The answer got lost.")
        except ApiError as error:
            answer = error.answer
        sent, agent = self._send(answer), self.headers.get("User-Agent", "")
        workspace.calls.append(Call(started, self.command, parts.path, about, answer.status, max(len(raw), sent), time.time() - started, agent, who))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _handle  # noqa: N815  the base class's names

    def _read(self, path: str, query: str, raw: bytes) -> Request:
        workspace = self.server.workspace
        if workspace.faults.take("expired_token", path):
            raise ApiError(403, "403", "Invalid access token. The token has expired.")
        principal = "" if path.startswith(OPEN) else workspace.principals.who(self.headers.get("Authorization"))
        for kind, headers in (("429", {"Retry-After": "1"}), ("503", {})):
            if workspace.faults.take(kind, path):  # type: ignore[arg-type]
                code = "REQUEST_LIMIT_EXCEEDED" if kind == "429" else "TEMPORARILY_UNAVAILABLE"
                raise ApiError(int(kind), code, "Try again later.", headers)
        is_json = not path.startswith("/api/2.0/fs/files/") and ("json" in self.headers.get("Content-Type", "") or raw[:1] == b"{")
        body = json.loads(raw) if raw and is_json else {}
        return Request(workspace, principal, path, dict(parse_qsl(query)), body, raw, dict(self.headers))

    def _answer(self, request: Request) -> Answer:
        found = next((handler for (method, path), handler in CALLS.items() if method == self.command and _matches(path, request.path)), None)
        if found is None:
            raise ApiError(404, "ENDPOINT_NOT_FOUND", f"No API found for '{self.command} {request.path}'")
        return found(request)

    def _send(self, answer: Answer) -> int:
        content = answer.raw if answer.raw is not None else json.dumps(answer.document).encode()
        self.send_response(answer.status)
        kind = "application/octet-stream" if answer.raw is not None else "application/json"
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        return len(content)


def _matches(pattern: str, path: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern


def _dbfs_create(request: Request) -> Answer:
    request.workspace.refuse_dbfs(request.body["path"])
    return Answer(document={"handle": request.workspace.dbfs.create(request.body["path"], overwrite=bool(request.body.get("overwrite")))})


def _dbfs_add_block(request: Request) -> Answer:
    request.workspace.dbfs.add_block(request.body["handle"], request.body["data"])
    return Answer()


def _dbfs_close(request: Request) -> Answer:
    request.workspace.dbfs.close(request.body["handle"])
    return Answer()


def _dbfs_read(request: Request) -> Answer:
    path = request.query["path"]
    span = int(request.query.get("offset", 0)), int(request.query.get("length", 512 * 1024))
    found = request.workspace.dbfs.read(path, *span, reader=request.principal)
    if path.endswith("_events.pkl") and found:
        found = _disturbed(request.workspace, path, found)
    return Answer(document={"bytes_read": len(found), "data": base64.b64encode(found).decode()})


def _disturbed(workspace: Workspace, path: str, found: bytes) -> bytes:
    if workspace.faults.take("half_events"):
        return found[: len(found) // 2]
    if path in workspace.seen and workspace.faults.take("empty_events"):
        return b""
    workspace.seen.add(path)
    return found


def _dbfs_put(request: Request) -> Answer:
    files = request.workspace.dbfs
    request.workspace.refuse_dbfs(request.body["path"])
    handle = files.create(request.body["path"], overwrite=bool(request.body.get("overwrite")))
    files.add_block(handle, request.body.get("contents", ""))
    files.close(handle)
    return Answer()


def _dbfs_mkdirs(request: Request) -> Answer:
    request.workspace.dbfs.local(request.body["path"]).mkdir(parents=True, exist_ok=True)
    return Answer()


def _dbfs_delete(request: Request) -> Answer:
    request.workspace.dbfs.remove(request.body["path"], recursive=bool(request.body.get("recursive")))
    return Answer()


def _submit(request: Request) -> Answer:
    return Answer(document={"run_id": request.workspace.submit(request.principal, request.body).run_id})


def _run(request: Request) -> Answer:
    return Answer(document=request.workspace.runs.get(int(request.query["run_id"])).document(request.workspace.host))


def _cancel(request: Request) -> Answer:
    request.workspace.runs.cancel(int(request.body["run_id"]))
    return Answer()


def _permissions(request: Request) -> Answer:
    if request.principal in request.workspace.principals.without_manage:
        raise denied(f"{request.principal} does not have the permission to manage {request.path.rpartition('/permissions/')[2]}.")
    request.workspace.permissions.append((request.path.removeprefix("/api/2.0/permissions/"), request.body.get("access_control_list")))
    return Answer(document={"object_id": request.path, "access_control_list": []})


def _secret(request: Request) -> Answer:
    key = request.query["key"]
    value = request.workspace.secret(request.query["scope"], key)
    return Answer(document={"key": key, "value": base64.b64encode(value.encode()).decode()})


def _cluster(request: Request) -> Answer:
    wanted = request.query["cluster_id"]
    run = next((run for run in request.workspace.runs.all.values() if run.cluster_id == wanted), None)
    if run is None:
        raise ApiError(400, "INVALID_PARAMETER_VALUE", f"Cluster {wanted} does not exist")
    state = "TERMINATED" if run.has_ended else "RUNNING" if run.started_at else "PENDING"
    return Answer(document={"cluster_id": wanted, "state": state, **{name: value for name, value in run.cluster.items() if name != "spark_env_vars"}})


def _policy(request: Request) -> Answer:
    wanted = request.query["policy_id"]
    if wanted not in request.workspace.policies:
        raise not_found(f"Cluster policy {wanted} does not exist")
    return Answer(document={"policy_id": wanted, "name": wanted, "definition": json.dumps(request.workspace.policies[wanted])})


def _pool(request: Request) -> Answer:
    wanted = request.query["instance_pool_id"]
    if wanted not in request.workspace.pools:
        raise not_found(f"Can't find an instance pool with the pool id: {wanted}.")
    return Answer(document={"instance_pool_id": wanted, "instance_pool_name": wanted, "state": "ACTIVE"})


def _volume_path(request: Request, kind: str) -> str:
    return request.path.removeprefix(f"/api/2.0/fs/{kind}")


def _volume_put(request: Request) -> Answer:
    files = request.workspace.volumes
    target = files.local(_volume_path(request, "files"))
    if target.exists() and request.query.get("overwrite") != "true":
        raise ApiError(409, "ALREADY_EXISTS", "The file being created already exists.")
    files.write(target, request.raw)
    return Answer(204, raw=b"")


def _volume_get(request: Request) -> Answer:
    target = request.workspace.volumes.local(_volume_path(request, "files"))
    if not target.is_file():
        raise ApiError(404, "NOT_FOUND", "The file being accessed is not found.")
    return Answer(raw=target.read_bytes())


def _volume_delete(request: Request) -> Answer:
    request.workspace.volumes.remove(_volume_path(request, "files"))
    return Answer(204, raw=b"")


def _folder_put(request: Request) -> Answer:
    request.workspace.volumes.local(_volume_path(request, "directories")).mkdir(parents=True, exist_ok=True)
    return Answer(204, raw=b"")


def _folder_list(request: Request) -> Answer:
    found = request.workspace.volumes.children(_volume_path(request, "directories"))
    return Answer(
        document={
            "contents": [
                {
                    "path": entry["path"],
                    "name": str(entry["path"]).rpartition("/")[2],
                    "is_directory": entry["is_dir"],
                    "file_size": entry["file_size"],
                }
                for entry in found
            ]
        }
    )


def _folder_delete(request: Request) -> Answer:
    request.workspace.volumes.remove(_volume_path(request, "directories"))
    return Answer(204, raw=b"")


def _oauth_server(request: Request) -> Answer:
    host = request.workspace.host
    return Answer(document={"authorization_endpoint": f"{host}/oidc/v1/authorize", "token_endpoint": f"{host}/oidc/v1/token"})


def _oauth_token(request: Request) -> Answer:
    return Answer(document=request.workspace.principals.grant(request.headers.get("Authorization"), dict(parse_qsl(request.raw.decode()))))


CALLS: dict[tuple[str, str], Handler] = {
    ("POST", "/api/2.0/dbfs/create"): _dbfs_create,
    ("POST", "/api/2.0/dbfs/add-block"): _dbfs_add_block,
    ("POST", "/api/2.0/dbfs/close"): _dbfs_close,
    ("GET", "/api/2.0/dbfs/read"): _dbfs_read,
    ("POST", "/api/2.0/dbfs/put"): _dbfs_put,
    ("POST", "/api/2.0/dbfs/mkdirs"): _dbfs_mkdirs,
    ("POST", "/api/2.0/dbfs/delete"): _dbfs_delete,
    ("GET", "/api/2.0/dbfs/get-status"): lambda request: Answer(document=request.workspace.dbfs.status(request.query["path"])),
    ("GET", "/api/2.0/dbfs/list"): lambda request: Answer(document={"files": request.workspace.dbfs.children(request.query["path"])}),
    ("POST", "/api/2.2/jobs/runs/submit"): _submit,
    ("GET", "/api/2.2/jobs/runs/get"): _run,
    ("POST", "/api/2.2/jobs/runs/cancel"): _cancel,
    ("PATCH", "/api/2.0/permissions/*"): _permissions,
    ("GET", "/api/2.0/secrets/get"): _secret,
    ("GET", "/api/2.1/clusters/get"): _cluster,
    ("GET", "/api/2.0/policies/clusters/get"): _policy,
    ("GET", "/api/2.0/instance-pools/get"): _pool,
    ("PUT", "/api/2.0/fs/files/*"): _volume_put,
    ("GET", "/api/2.0/fs/files/*"): _volume_get,
    ("HEAD", "/api/2.0/fs/files/*"): _volume_get,
    ("DELETE", "/api/2.0/fs/files/*"): _volume_delete,
    ("PUT", "/api/2.0/fs/directories/*"): _folder_put,
    ("GET", "/api/2.0/fs/directories/*"): _folder_list,
    ("DELETE", "/api/2.0/fs/directories/*"): _folder_delete,
    ("GET", "/oidc/.well-known/oauth-authorization-server"): _oauth_server,
    ("POST", "/oidc/v1/token"): _oauth_token,
}
