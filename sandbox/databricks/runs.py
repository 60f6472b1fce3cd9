"""Runs: submitted, started after a while, ended by their process, a time-out, a cancellation or an eviction."""

from __future__ import annotations

import itertools
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .answers import invalid, not_found
from .cluster import Driver

FIRST_RUN, JOB = 1001, 77
ENDED = ("TERMINATED", "SKIPPED", "INTERNAL_ERROR")
Start = Callable[["Run"], Driver]


@dataclass
class Run:
    """One submitted run of one task."""

    run_id: int
    name: str
    task: Mapping[str, Any]
    cluster: dict[str, Any]
    principal: str
    timeout_s: float
    environments: list[dict[str, Any]] = field(default_factory=list)
    cluster_id: str = ""
    state: str = "PENDING"
    result: str = ""
    message: str = ""
    code: str = ""
    submitted_at: float = field(default_factory=time.time)
    started_at: float = 0.0
    ended_at: float = 0.0
    marks: dict[str, float] = field(default_factory=dict)
    was_cancelled: threading.Event = field(default_factory=threading.Event, repr=False)
    is_late: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it runs any more."""
        return self.state in ENDED

    @property
    def is_serverless(self) -> bool:
        """Whether it asked for no cluster of its own."""
        return bool(self.task.get("environment_key"))

    def expire(self) -> None:
        """Its time is over, whether its cluster had come or not."""
        if not self.was_cancelled.is_set():
            self.is_late = True
            self.was_cancelled.set()

    def document(self, host: str) -> dict[str, Any]:
        """The run as ``runs/get`` gives it."""
        state = {"life_cycle_state": self.state, "state_message": self.message} | ({"result_state": self.result} if self.result else {})
        instance = {"cluster_instance": {"cluster_id": self.cluster_id}} if self.state != "PENDING" and not self.is_serverless else {}
        details = {"termination_details": {"code": self.code, "type": _type(self.code), "message": self.message}} if self.code else {}
        return {
            "run_id": self.run_id,
            "job_id": JOB,
            "run_name": self.name,
            "run_type": "SUBMIT_RUN",
            "creator_user_name": self.principal,
            "run_page_url": f"{host}/#job/{JOB}/run/{self.run_id}",
            "start_time": int(self.submitted_at * 1000),
            "end_time": int(self.ended_at * 1000),
            "state": state,
            "status": {"state": "TERMINATED" if self.has_ended else self.state, **details},
            "tasks": [{"task_key": self.task["task_key"], "run_id": self.run_id, "state": state, **instance}],
        }


@dataclass
class Runs:
    """The runs of a workspace; each is watched by a thread of its own."""

    start: Start
    start_s: float = 0.0
    evict_after: Callable[[Run], float | None] = lambda _: None
    all: dict[int, Run] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(FIRST_RUN))
    _threads: list[threading.Thread] = field(default_factory=list)

    def submit(self, body: Mapping[str, Any], cluster: dict[str, Any], principal: str, timeout_s: float) -> Run:
        """Take a run; its cluster starts beside."""
        task = task_of(body)
        environments = list(body.get("environments") or [])
        run = Run(next(self._numbers), str(body.get("run_name", "Untitled")), task, cluster, principal, timeout_s, environments)
        run.cluster_id = str(task.get("existing_cluster_id") or f"1125-{run.run_id:06d}-{secrets.token_hex(4)}")
        self.all[run.run_id] = run
        thread = threading.Thread(target=self._watch, args=(run,), daemon=True, name=f"run-{run.run_id}")
        self._threads.append(thread)
        thread.start()
        return run

    def get(self, run_id: int) -> Run:
        """A run by its number."""
        if run_id not in self.all:
            raise not_found(f"Run {run_id} does not exist.")
        return self.all[run_id]

    def cancel(self, run_id: int) -> None:
        """Ask for a run's end; one that has ended stays as it is."""
        self.get(run_id).was_cancelled.set()

    def stop(self) -> None:
        """End all that still runs."""
        for run in self.all.values():
            run.was_cancelled.set()
        for thread in self._threads:
            thread.join(10)

    def _watch(self, run: Run) -> None:
        clock = threading.Timer(run.timeout_s, run.expire) if run.timeout_s else None
        if clock:
            clock.daemon = True
            clock.start()
        try:
            self._lead(run)
        finally:
            if clock:
                clock.cancel()

    def _lead(self, run: Run) -> None:
        if run.was_cancelled.wait(self.start_s):
            return _stopped(run)
        try:
            driver = self.start(run)
        except StartFailedError as error:
            if run.was_cancelled.is_set():
                return _stopped(run)
            return _end(run, "FAILED", str(error), error.code, state="INTERNAL_ERROR")
        if run.was_cancelled.is_set():
            driver.kill()
            return _stopped(run)
        run.state, run.started_at, run.message = "RUNNING", time.time(), "In run"
        self._follow(run, driver)
        run.marks = driver.marks()
        return None

    def _follow(self, run: Run, driver: Driver) -> None:
        evict_at: float | None = None
        while driver.process.poll() is None:
            wait_s = self.evict_after(run)
            if wait_s is not None and evict_at is None:
                evict_at = time.time() + wait_s
            if run.was_cancelled.wait(0.1):
                driver.kill()
                return _stopped(run)
            if evict_at is not None and time.time() >= evict_at:
                driver.kill()
                lost = f"Cluster '{run.cluster_id}' was terminated. Reason: SPOT_INSTANCE_TERMINATION (CLOUD_FAILURE): the instance was reclaimed."
                return _end(run, "FAILED", lost, "CLUSTER_ERROR")
        if driver.process.returncode == 0:
            return _end(run, "SUCCESS", "", "SUCCESS")
        said = _last_line(driver.folder / "driver.log")
        return _end(run, "FAILED", f"Workload failed, see run output for details: {said}", "RUN_EXECUTION_ERROR")


class StartFailedError(Exception):
    """The cluster did not come up."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


def task_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The one Python task of a submission."""
    tasks = body.get("tasks") or []
    if len(tasks) != 1 or "spark_python_task" not in tasks[0]:
        raise invalid("One task of the kind spark_python_task is needed.")
    task: Mapping[str, Any] = tasks[0]
    kinds = [name for name in ("new_cluster", "existing_cluster_id", "environment_key") if task.get(name)]
    if len(kinds) != 1:
        raise invalid("Exactly one of new_cluster, existing_cluster_id and environment_key must be given.")
    return task


def _stopped(run: Run) -> None:
    if run.is_late:
        return _end(run, "TIMEDOUT", f"Run timed out after {run.timeout_s:.0f} seconds.", "RUN_EXECUTION_ERROR")
    return _end(run, "CANCELED", "Run cancelled.", "USER_CANCELED")


def _end(run: Run, result: str, message: str, code: str, state: str = "TERMINATED") -> None:
    run.ended_at, run.result, run.message, run.code = time.time(), result, message, code
    run.state = state


def _type(code: str) -> str:
    kinds = {"SUCCESS": "SUCCESS", "CLUSTER_ERROR": "CLOUD_FAILURE", "CLOUD_FAILURE": "CLOUD_FAILURE"}
    return kinds.get(code, "CLIENT_ERROR")


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "no output"
