"""The signs of life of Dagster: its daemons, the ticks of its sensors, the UI and the code server behind it. Nothing here imports Dagster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from globalbev_assets.operations.heartbeat_judgement import Sign
from globalbev_assets.operations.heartbeat_sensors import Sensor, last_tried, signs_of_sensors
from resources.logs.redaction import REDACTOR
from resources.settings import PROJECT

PROBE_S = 30.0
ANSWER_S = 10.0
STORAGE, UI, CODE, TICKS = "Dagster's storage", "the UI", "the code server", "ticks of the sensors"
_QUERY = """{ workspaceOrError { __typename ... on Workspace { locationEntries {
  name loadStatus locationOrLoadError { __typename ... on PythonError { message } } } } } }"""


def signs_of_storage(dagster_home: Path, at: float, within_s: float = PROBE_S) -> Iterator[Sign]:
    """What the storage says, asked by a process that is ended when it takes too long."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "globalbev_assets.operations.heartbeat_probe"],
            cwd=PROJECT,
            env=os.environ | {"DAGSTER_HOME": str(dagster_home)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=within_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        yield Sign(STORAGE, None, what=f"no answer within {within_s:.0f} s: it is locked, or down")
        return
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        said = REDACTOR.text(done.stderr.strip().splitlines()[-1])[:200] if done.stderr.strip() else f"exit code {done.returncode}"
        yield Sign(STORAGE, None, what=said)
        return
    yield Sign(STORAGE, at)
    for kind, beat in found["daemons"].items():
        yield Sign(f"the daemon {kind}", beat, what="" if beat else "never seen")
    sensors = [Sensor(**sensor) for sensor in found["sensors"]]
    if sensors:
        yield Sign(TICKS, last_tried(sensors), min(sensor.interval_s for sensor in sensors))
    yield from signs_of_sensors(sensors, at)


def signs_of_ui(url: str, at: float, within_s: float = ANSWER_S) -> Iterator[Sign]:
    """Whether the UI answers, and what it says of each code location."""
    session = requests.Session()
    session.trust_env = urlsplit(url).hostname not in ("localhost", "127.0.0.1", "::1")
    try:
        answer = session.post(f"{url.rstrip('/')}/graphql", json={"query": _QUERY}, timeout=within_s)
    except requests.RequestException as error:
        yield Sign(UI, None, what=f"no answer: {type(error).__name__}")
        return
    try:
        entries = answer.json()["data"]["workspaceOrError"]["locationEntries"]
    except (ValueError, KeyError, TypeError):
        yield Sign(UI, None, what="an answer that is none of Dagster's")
        return
    yield Sign(UI, at)
    if not entries:
        yield Sign(CODE, None, what="the workspace has no code location")
    for entry in entries:
        loaded = entry["locationOrLoadError"] or {}
        is_well = loaded.get("__typename") == "RepositoryLocation"
        lines = str(loaded.get("message") or entry["loadStatus"]).strip().splitlines()
        yield Sign(f"{CODE} {entry['name']}", at if is_well else None, what="" if is_well else REDACTOR.text(lines[0])[:200])
