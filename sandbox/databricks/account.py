"""What a rehearsal cost: each run by part, from the workspace's own log of calls and the driver's marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .runs import Run
from .workspace import Call, Workspace

REAL_START_S = 240.0


@dataclass(frozen=True)
class StepAccount:
    """One submitted run.

    Attributes:
        step: Dagster's step.
        layer: the name under which it was submitted.
        result: how it ended.
        cluster: what it asked for, in a few words.
        upload_bytes: sent before it was submitted.
        zip_s: the launcher making its zip.
        upload_s: the launcher sending it.
        start_s: from the submission until the driver's process ran; a real cluster takes minutes.
        session_s: until the driver had its Spark session.
        work_s: the step itself.
        poll_s: from the run's end until the launcher had noticed and fetched the rest.
    """

    step: str
    result: str
    cluster: str
    upload_bytes: int
    zip_s: float
    upload_s: float
    start_s: float
    session_s: float
    work_s: float
    poll_s: float

    @property
    def overhead_s(self) -> float:
        """What the way there and back costs beyond the cluster and the step."""
        return self.zip_s + self.upload_s + self.poll_s


def accounts(workspace: Workspace) -> list[StepAccount]:
    """One account a submitted run, in order."""
    calls, found, since = list(workspace.calls), [], 0.0
    for run in workspace.runs.all.values():
        found.append(_account(run, [call for call in calls if call.at >= since]))
        since = run.submitted_at
    return found


def cluster_of(run: Run) -> str:
    """What a run asked for, in a few words."""
    if run.is_serverless:
        return "serverless"
    asked = run.cluster
    if not asked:
        return f"cluster {run.cluster_id}"
    size = asked.get("autoscale", {})
    workers = f"{size['min_workers']}-{size['max_workers']}" if size else str(asked.get("num_workers"))
    nodes = asked.get("instance_pool_id") or asked.get("node_type_id")
    return f"{workers} of {nodes}, {asked.get('spark_version')}"


def _account(run: Run, calls: Sequence[Call]) -> StepAccount:
    folder = _folder(run)
    staged = [call for call in calls if call.about.startswith(folder) and call.at <= run.submitted_at and call.method in ("POST", "PUT")]
    fetched = [call for call in calls if call.at > run.ended_at and (call.about.startswith(folder) or call.about == str(run.run_id))]
    marks: dict[str, Any] = run.marks
    ready, end = marks.get("session", run.ended_at), marks.get("end", run.ended_at)
    return StepAccount(
        step=folder.rpartition("/")[2],
        result=run.result,
        cluster=cluster_of(run),
        upload_bytes=sum(call.size_bytes for call in staged if call.path.endswith(("add-block", "put")) or call.method == "PUT"),
        zip_s=_zip_s(staged),
        upload_s=sum(call.seconds for call in staged),
        start_s=max(0.0, marks.get("driver", run.started_at) - run.submitted_at),
        session_s=max(0.0, ready - marks.get("driver", ready)),
        work_s=max(0.0, end - ready),
        poll_s=max((call.at + call.seconds for call in fetched[:8]), default=run.ended_at) - run.ended_at,
    )


def _folder(run: Run) -> str:
    """Where the run's files were staged."""
    task = run.task["spark_python_task"]
    path = "/" + str(task["python_file"]).removeprefix("dbfs:").lstrip("/")
    return path.rpartition("/")[0]


def _zip_s(staged: Sequence[Call]) -> float:
    """The pause before the zip is sent: the launcher makes it then."""
    begins = [call for call in staged if call.path.endswith("create") and call.about.endswith("code.zip")]
    before = [call for call in staged if begins and call.at < begins[0].at]
    return max(0.0, begins[0].at - max(call.at + call.seconds for call in before)) if begins and before else 0.0
