"""Whether the warm Spark server is at work: connected clients, and jobs that its UI's REST API shows.

Only the standard library and psutil: the server's keeper imports this and is to stay small.
"""

from __future__ import annotations

import json
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil

from partitions.days import now

_ANSWER_S = 10.0


def has_clients(pid: int, port: int) -> bool:
    """Whether a client is connected. gRPC itself lets go of a connection that carried nothing for half an hour."""
    try:
        connections = psutil.Process(pid).net_connections(kind="tcp")
    except psutil.Error:
        return False
    return any(c.laddr and c.laddr.port == port and c.status == psutil.CONN_ESTABLISHED for c in connections)


def has_jobs(ui_port: int, within_s: float = 0.0) -> bool:
    """Whether a job runs, or ended less than ``within_s`` ago. A server whose UI does not answer has none.

    A killed client's job goes on without a connection, so connections alone do not tell.
    """
    try:
        applications = _get(ui_port, "applications")
        jobs = _get(ui_port, f"applications/{applications[0]['id']}/jobs") if applications else []
    except (OSError, ValueError, LookupError):
        return False
    since = now() - timedelta(seconds=within_s)
    return any(job["status"] == "RUNNING" or _ended(job) >= since for job in jobs)


def _ended(job: dict[str, Any]) -> datetime:
    text = job.get("completionTime")
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%Z").replace(tzinfo=UTC) if text else datetime.min.replace(tzinfo=UTC)


def _get(ui_port: int, path: str) -> Any:
    # Always this machine's loopback, never through a proxy.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{ui_port}/api/v1/{path}", timeout=_ANSWER_S) as answer:
        return json.load(answer)
